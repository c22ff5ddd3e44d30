"""Examples that are parts of one thing: prefixes of a session, or parts of one user's items.

Feature j and label j are taken for one item here. What an example has of both, taken together, is
what is known of its thing; where they are not the same items it is a set that no other example has.
"""

from __future__ import annotations

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.backend import Backend
from slide.core.examples.dataset import Dataset, row_keys

FEW = 3  # items that another example may well have by chance


def own_features(x: CSR, n_labels: int) -> CSR:
    """The features of each example as labels of the same number: CSR (B, n_labels).

    Values are in (0, 1], beside the largest one; what is not above 0 is left out.
    """
    largest = np.zeros(x.n_rows, np.float32)
    np.maximum.at(largest, x.row_numbers(), x.values)
    own = x.where((x.indices < n_labels) & (x.values > 0))
    return CSR(own.indptr, own.indices, own.values / own.for_entries(largest), n_labels)


def together(data: Dataset) -> CSR:
    """Labels, and features of their numbers, of each example: CSR (n, n_labels) of ones."""
    own, y = own_features(data.features, data.n_labels), data.y.positive()
    cells = np.union1d(own.cells(), y.cells())
    return CSR.of_cells(cells, np.ones(len(cells), np.float32), y.shape)


def are_whole(data: Dataset, sets: CSR) -> Array:
    """Which examples no other one goes on from, bool (n,): a session's longest prefix.

    Of m examples with the same set so many are not whole as there are examples whose features are
    that set: these go on from there.

    Args:
        data: examples.
        sets: `together` of them.
    """
    n, own = data.n_samples, own_features(data.features, data.n_labels)
    own = own.with_values(np.ones_like(own.values))
    keys = np.concatenate([row_keys(sets), row_keys(own)])
    which = np.unique(keys, return_inverse=True)[1]
    ended, gone_on = which[:n], np.bincount(which[n:], minlength=which.max(initial=-1) + 1)
    order = np.argsort(ended, kind="stable")
    places = np.arange(n) - np.searchsorted(ended[order], ended[order])
    whole = np.zeros(n, bool)
    whole[order] = places >= gone_on[ended[order]]
    return whole


def parts_of_same(near: CSR, sets: CSR, asked: CSR, backend: Backend) -> CSR:
    """Near examples that are parts of the same thing as what is asked: CSR (B, n_examples).

    The set of the one contains that of the other. Where the smaller one has few items that may be
    so by chance; then one example of each size is taken for such a part, the nearest.

    Args:
        near: near examples, by nearness, CSR (B, n_examples).
        sets: `together` of the examples.
        asked: the same of what is asked, CSR (B, n_labels).
        backend: computes.
    """
    both = backend.masked_spgemm(
        asked.map(backend.put), sets.map(backend.put), near.map(backend.put)
    )
    rows, examples = near.row_numbers(), near.indices
    size, other = asked.row_lengths()[rows], sets.row_lengths()[examples]
    smaller = np.minimum(size, other)
    contained = backend.get(both.values) == smaller
    is_part = contained & (smaller >= FEW)
    few = np.flatnonzero(contained & (smaller < FEW))
    few = few[np.lexsort((-near.values[few], other[few], rows[few]))]
    keys = rows[few] * (other.max(initial=0) + 1) + other[few]
    is_part[few[np.unique(keys, return_index=True)[1]]] = True
    return near.where(is_part)
