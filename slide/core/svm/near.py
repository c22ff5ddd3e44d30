"""Which examples are near to some, by an index that is on disk where the examples are.

Those on disk are inverted a few at a time, which gives the lists of all features once for each run
of them. Then the lists of a few features at a time are joined, and cut. A search follows lists in
random order: so the lists of a run of examples at a time are brought into memory for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.backend import Backend
from slide.core.contract.lists import indptr_of
from slide.core.contract.sparse import InvertedIndex
from slide.core.examples.dataset import Dataset
from slide.core.examples.fetching import ask_for, read_at_random
from slide.core.examples.scratch import (
    ENTRIES_AT_A_TIME,
    Scratch,
    few_at_a_time,
    row_runs,
    rows_of,
)

LISTED_AT_A_TIME = 1 << 21  # entries of lists that are searched together


def nearest(data: Dataset, asked: CSR, limit: int, k: int, backend: Backend) -> tuple[Array, Array]:
    """The k examples that are nearest to others: ids i32 and cosines f32 (len(asked), k).

    Args:
        data: all examples.
        asked: features of the others, rows of unit length.
        limit: examples of a feature that are looked at, at most.
        k: at least 1.
        backend: searches.

    Returns:
        the nearest first, ties to the smaller id; id -1 and cosine -inf where fewer have a feature
        in common.
    """
    index = index_for(data, asked.column_ids(), limit, backend)
    none = CSR.empty(asked.n_rows, data.n_samples).map(backend.put)
    x = asked.map(backend.put)
    if Scratch.of(data).folder is None:
        found, cosines = backend.search(index, x, none, k)
        return backend.get(found), backend.get(cosines)
    ids = np.full((asked.n_rows, k), -1, np.int32)
    best = np.full((asked.n_rows, k), -np.inf, np.float32)
    for part in few_examples(index):
        found, cosines = backend.search(part.map(backend.put), x, none, k)
        ids = np.concatenate([ids, backend.get(found)], axis=1)
        best = np.concatenate([best, backend.get(cosines)], axis=1)
        order = np.argsort(-best, axis=1, kind="stable")[:, :k]  # ids ascend from part to part
        ids = np.take_along_axis(ids, order, axis=1)
        best = np.take_along_axis(best, order, axis=1)
    return ids, best


def few_examples(index: InvertedIndex) -> Iterator[InvertedIndex]:
    """Indices of the same neurons, each with the entries of a run of them, in memory."""
    n = len(index.base)
    counts = np.zeros(n, np.int64)
    for some in few_at_a_time(index.offsets, ENTRIES_AT_A_TIME):
        counts += np.bincount(index.ids[index.offsets[some.start] : index.offsets[some.stop]],
                              minlength=n)  # fmt: skip
    for run in few_at_a_time(indptr_of(counts), LISTED_AT_A_TIME):
        lengths, ids, values = list[Array](), list[Array](), list[Array]()
        for some in few_at_a_time(index.offsets, ENTRIES_AT_A_TIME):
            lists = rows_of(CSR(index.offsets, index.ids, index.values, n), some)
            lists = lists.where((lists.indices >= run.start) & (lists.indices < run.stop))
            lengths.append(lists.row_lengths())
            ids.append(lists.indices)
            values.append(lists.values)
        offsets = indptr_of(np.concatenate(lengths))
        yield InvertedIndex(offsets, np.concatenate(ids), np.concatenate(values), index.base)


def index_for(data: Dataset, features: Array, limit: int, backend: Backend) -> InvertedIndex:
    """Of features the examples that have most of them, each example of unit length.

    Args:
        data: all examples.
        features: i32, those that are asked for; of the others there may be lists, or none.
        limit: examples of a feature, at most.
        backend: inverts.

    Returns:
        An index in arrays of the backend; on the host where examples are on disk.
    """
    scratch = Scratch.of(data)
    if scratch.folder is None:
        return inverted(data.features.with_unit_rows(), limit, backend)
    runs = inverted_runs(data.features, features, limit, scratch, backend)
    return joined(runs, data.n_samples, limit, scratch, backend)


def inverted(x: CSR, limit: int, backend: Backend) -> InvertedIndex:
    """Of each feature the examples that have most of it."""
    base = backend.put(np.zeros(x.n_rows, np.float32))
    return backend.invert(x.map(backend.put), base, limit)


def inverted_runs(
    x: CSR, features: Array, limit: int, scratch: Scratch, backend: Backend
) -> list[CSR]:
    """Lists of examples, CSR (n_features, n_samples), of each run of few examples; on disk."""
    is_asked, begins = np.zeros(x.n_cols, bool), [0]
    is_asked[features] = True

    def lists() -> Iterator[tuple[Array, Array, Array]]:
        for rows in row_runs(x):
            part = x.take(rows).with_unit_rows()
            index = inverted(part.where(is_asked[part.indices]), limit, backend).map(backend.get)
            begins.append(begins[-1] + len(index.ids))
            yield index.offsets, index.ids + np.int32(rows[0]), index.values

    offsets, ids, values = scratch.columns(lists())
    read_at_random(ids, values)  # a few features of each run, and then of each run the next few
    by_run = offsets.reshape(-1, x.n_cols + 1)
    return [
        CSR(by_run[number], ids[begin:end], values[begin:end], x.n_rows)
        for number, (begin, end) in enumerate(pairwise(begins))
    ]


def joined(
    runs: list[CSR], n_samples: int, limit: int, scratch: Scratch, backend: Backend
) -> InvertedIndex:
    """The lists of all runs as one index, on disk."""
    lengths = np.zeros(runs[0].n_rows, np.int64)
    for run in runs:
        lengths += run.row_lengths()

    def lists() -> Iterator[tuple[Array, Array, Array]]:
        for some in few_at_a_time(indptr_of(lengths), ENTRIES_AT_A_TIME):
            lists = [rows_of(run, some) for run in runs]
            ask_for(*(each.indices for each in lists), *(each.values for each in lists))
            part = inverted(by_example(lists), limit, backend)
            part = part.map(backend.get)
            yield np.diff(part.offsets), part.ids, part.values

    n_listed, ids, values = scratch.columns(lists())
    return InvertedIndex(indptr_of(n_listed), ids, values, np.zeros(n_samples, np.float32))


def by_example(lists: list[CSR]) -> CSR:
    """Lists of examples as rows of examples, of which those in a later list come later."""
    features = np.concatenate([each.row_numbers() for each in lists])
    ids = np.concatenate([each.indices for each in lists])
    values = np.concatenate([each.values for each in lists])
    n_features, n_samples = lists[0].shape
    order = np.lexsort((features, ids))
    indptr = indptr_of(np.bincount(ids, minlength=n_samples))
    return CSR(indptr, features[order].astype(np.int32), values[order], n_features)
