"""A sparse matrix as compiled functions take it: by rows, or by the columns that have entries."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from slide.backends.threads.compiling import as_writable, call_compiled, compiled
from slide.backends.threads.pool import Pool
from slide.core.contract.arrays import CSR, Array
from slide.core.contract.lists import indptr_of

ROWS_COPIED = 64  # for which a thread is worth it
COLUMNS_PER_ENTRY = 8  # up to which it is faster to count than to sort


class Rows(NamedTuple):
    """Row i has the entries `indptr[i]:indptr[i + 1]`.

    Args:
        indptr: i64 (n_rows + 1,).
        indices: i32 (nnz,), columns.
        values: f32 (nnz,).
    """

    indptr: Array
    indices: Array
    values: Array


class Columns(NamedTuple):
    """Column `ids[c]` has the entries `starts[c]:starts[c + 1]`.

    Args:
        ids: i32 (C,), the columns that have entries, ascending.
        starts: i64 (C + 1,).
        rows: i32 (nnz,), ascending within a column.
        values: of the entries (nnz,).
    """

    ids: Array
    starts: Array
    rows: Array
    values: Array


def rows_of(matrix: CSR) -> Rows:
    """The arrays of a CSR."""
    return Rows(matrix.indptr, matrix.indices, matrix.values)


def joined_rows(
    pool: Pool, begins: Array, lengths: Array, indices: Array, values: Array, n_cols: int
) -> CSR:
    """A matrix whose rows have been written with room between them.

    Args:
        pool: copies.
        begins: i64 (n + 1,), where the room of each row begins.
        lengths: i64 (n,), what was written of it.
        indices, values: of the entries.
        n_cols: of the matrix.
    """
    indptr = indptr_of(lengths)
    moved = Rows(indptr, np.empty(indptr[-1], np.int32), np.empty(indptr[-1], np.float32))
    pool.spread(copy_rows, len(lengths), begins, indices, values, moved, grain=ROWS_COPIED)
    return CSR(*moved, n_cols)


@compiled
def copy_rows(
    start: int, stop: int, begins: Array, indices: Array, values: Array, moved: Rows
) -> None:
    """Write some rows, which lie where they begin, to where they are to be."""
    for j in range(start, stop):
        shift = begins[j] - moved.indptr[j]
        for p in range(moved.indptr[j], moved.indptr[j + 1]):
            moved.indices[p], moved.values[p] = indices[p + shift], values[p + shift]


def columns_of(matrix: CSR) -> Columns:
    """A CSR by columns: counted, unless it has too few entries for so many columns."""
    if matrix.n_cols <= COLUMNS_PER_ENTRY * matrix.nnz:
        return Columns(*call_compiled(columns_by_counting, *rows_of(matrix), matrix.n_cols))
    order = np.argsort(matrix.indices, kind="stable")
    ordered = matrix.indices[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    rows = matrix.row_numbers()[order].astype(np.int32)
    return Columns(ordered[starts], np.append(starts, matrix.nnz), rows, matrix.values[order])


def transposed_by_all(pool: Pool, matrix: CSR) -> tuple[Array, Array, Array]:
    """What `transposed` gives, by all threads: each moves a share of the rows."""
    indptr, indices, values = map(as_writable, rows_of(matrix))
    n_cols, n_shares = matrix.n_cols, min(pool.n_threads, matrix.nnz // max(matrix.n_cols, 1))
    if n_shares < 2:  # then the places of a share would take more memory than its entries
        return transposed(indptr, indices, values, n_cols)
    even = np.arange(1, n_shares) * matrix.nnz // n_shares
    edges = [0, *np.searchsorted(indptr, even).tolist(), matrix.n_rows]
    places = np.zeros((n_shares, n_cols), np.int64)
    pool.run([
        (count_columns, indices[indptr[start] : indptr[stop]], counts)
        for counts, (start, stop) in zip(places, pairwise(edges), strict=True)
    ])  # fmt: skip
    offsets = indptr_of(places.sum(axis=0))
    places[:] = offsets[:-1] + np.cumsum(places, axis=0) - places
    rows, moved = np.empty(matrix.nnz, np.int32), np.empty_like(values)
    pool.run([
        (move_rows, start, stop, indptr, indices, values, begins, rows, moved)
        for begins, (start, stop) in zip(places, pairwise(edges), strict=True)
    ])  # fmt: skip
    return offsets, rows, moved


@compiled
def count_columns(indices: Array, counts: Array) -> None:
    """Add the entries of each column to its count."""
    for e in range(len(indices)):
        counts[indices[e]] += 1


@compiled
def move_rows(
    start: int, stop: int, indptr: Array, indices: Array, values: Array, places: Array,
    rows: Array, moved: Array,
) -> None:  # fmt: skip
    """Write the entries of some rows by column.

    Args:
        start, stop: which rows.
        indptr, indices, values: of all.
        places: i64 (n_cols,), where the next entry of each column goes.
        rows: i32 (nnz,), of the entries by column.
        moved: their values.
    """
    for i in range(start, stop):
        for e in range(indptr[i], indptr[i + 1]):
            place = places[indices[e]]
            rows[place], moved[place] = i, values[e]
            places[indices[e]] += 1


@compiled
def transposed(
    indptr: Array, indices: Array, values: Array, n_cols: int
) -> tuple[Array, Array, Array]:
    """The same entries by column and in each by row: a counting sort.

    Returns:
        offsets i64 (n_cols + 1,) of the columns, rows i32 (nnz,) and values (nnz,).
    """
    ends = np.zeros(n_cols + 2, np.int64)  # of column c at c + 1, once its entries are written
    count_columns(indices, ends[2:])
    for c in range(n_cols):
        ends[c + 2] += ends[c + 1]
    rows, moved = np.empty(len(indices), np.int32), np.empty(len(indices), values.dtype)
    move_rows(0, len(indptr) - 1, indptr, indices, values, ends[1:], rows, moved)
    return ends[:-1], rows, moved


@compiled
def columns_by_counting(
    indptr: Array, indices: Array, values: Array, n_cols: int
) -> tuple[Array, Array, Array, Array]:
    """See `Columns`."""
    offsets, rows, moved = transposed(indptr, indices, values, n_cols)
    n_most = min(n_cols, len(indices))
    ids, starts = np.empty(n_most, np.int32), np.empty(n_most + 1, np.int64)
    n_columns = 0
    for c in range(n_cols):
        if offsets[c + 1] > offsets[c]:
            ids[n_columns], starts[n_columns] = c, offsets[c]
            n_columns += 1
    starts[n_columns] = len(indices)
    return ids[:n_columns], starts[: n_columns + 1], rows, moved
