"""Examples that are parts of one thing: the prefixes of a session, the folds of a user's items.

Feature j and label j are taken for one item here. An example goes on to another one if the features
of that are its own and its label, the label being the latest of them, of largest value. Where they
are not the same items hardly any goes on to another. Several that might be gone on to are as good
as each other: they have the same items.

A user's items that are cut into folds, each the labels of an example whose features are the others,
are the same items in all of them.
"""

from __future__ import annotations

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.lists import distinct
from slide.core.examples.dataset import Dataset, row_keys
from slide.core.examples.mapped import is_even


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
    cells = distinct(np.concatenate([own.cells(), y.cells()]))
    return CSR.of_cells(cells, np.ones(len(cells), np.float32), y.shape)


def gone_on_to(data: Dataset) -> Array:
    """The example that each one goes on to, i64 (n,), another for each; -1 where there is none."""
    own, y = own_features(data.features, data.n_labels), data.y.positive()
    begin, end = row_keys(of_ones(own)), row_keys(together(data))
    if not is_even(own):
        begin ^= row_keys(of_ones(own.where(own.values == 1)))  # the latest item
        end ^= row_keys(of_ones(y))
    filled = np.flatnonzero(own.row_lengths() > 0)
    places = np.concatenate([np.arange(len(end)), filled])
    which = np.unique(np.concatenate([end, begin[filled]]), return_inverse=True)[1]
    is_begin = np.arange(len(which)) >= len(end)
    order = np.lexsort((is_begin, which))
    which, places, is_begin = which[order], places[order], is_begin[order]
    groups = 2 * which + is_begin
    first, last = np.searchsorted(groups, groups), np.searchsorted(groups, groups, "right")
    numbers = np.arange(len(which)) - first
    # the first that ends in something goes on to the second that begins with it, and the last to
    # the first: so that none goes on to itself where an item is repeated
    numbers = np.where(is_begin, (numbers - 1) % (last - first), numbers)
    keys = which * len(which) + numbers
    ended, begun = np.flatnonzero(~is_begin), np.flatnonzero(is_begin)
    _, ends, begins = np.intersect1d(keys[ended], keys[begun], True, return_indices=True)
    to = np.full(data.n_samples, -1)
    to[places[ended[ends]]] = places[begun[begins]]
    return np.where(to == np.arange(len(to)), -1, to)


def things_of(data: Dataset) -> Array:
    """A number for each example, the same for parts of one thing: i32 (n,)."""
    to = gone_on_to(data)
    rows = np.flatnonzero(to >= 0)
    from scipy.sparse import coo_array  # takes time to import
    from scipy.sparse.csgraph import connected_components

    links = coo_array((np.ones(len(rows), bool), (rows, to[rows])), (len(to), len(to)))
    numbers: Array = connected_components(links, directed=False)[1]
    return numbers


def wholes_of(data: Dataset) -> Array:
    """A number for each example, the same for those of the same items, in all: i64 (n,)."""
    numbers: Array = np.unique(row_keys(together(data)), return_inverse=True)[1]
    return numbers


def of_ones(matrix: CSR) -> CSR:
    """The same entries, all of them 1."""
    return matrix.with_values(np.ones_like(matrix.values))
