"""Rows of a sparse matrix as segments of flat arrays, and a few of them at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from slide.core.contract.arrays import CSR, Array

CELLS = 1 << 16  # numbers in a temporary array, as far as single rows allow: so caches hold them
BLAS_CELLS = 1 << 20  # in one that BLAS computes, or of which little is read twice: 8 MB


def slices(n: int, cost: int, cells: int = CELLS) -> Iterator[slice]:
    """Consecutive parts of n things, each of which takes so many cells."""
    at_a_time = max(1, cells // max(cost, 1))
    for start in range(0, n, at_a_time):
        yield slice(start, min(start + at_a_time, n))


def row_slices(costs: Array, cells: int = CELLS) -> Iterator[slice]:
    """Consecutive parts of rows that together take so many cells, or a single row more."""
    ends = np.cumsum(costs)
    start = 0
    while start < len(costs):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + cells, side="right")))
        yield slice(start, stop)
        start = stop


def segment_sums(values: Array, indptr: Array) -> Array:
    """The sum of each segment of values, f64; 0 of an empty one. More axes follow the first."""
    filled = np.flatnonzero(np.diff(indptr))
    total = np.zeros((len(indptr) - 1, *values.shape[1:]))
    if len(filled):
        total[filled] = np.add.reduceat(values, indptr[filled], axis=0, dtype=np.float64)
    return total


def segment_maxima(values: Array, indptr: Array, initial: float) -> Array:
    """The largest of each segment of values, and of a number."""
    filled = np.flatnonzero(np.diff(indptr))
    largest = np.full(len(indptr) - 1, initial)
    if len(filled):
        found = np.maximum.reduceat(values, indptr[filled])
        largest[filled] = np.maximum(found, initial)
    return largest


def places_of_segments(starts: Array, lengths: Array) -> Array:
    """The places of all segments that begin at `starts`, one segment after the other."""
    ends = np.cumsum(lengths)
    shift = np.repeat(starts - (ends - lengths), lengths)
    return shift + np.arange(len(shift))


def cells(matrix: CSR) -> Array:
    """Stored entries as row * n_cols + column, i64, ascending."""
    numbers: Array = matrix.row_numbers() * matrix.n_cols + matrix.indices
    return numbers


def places_in(ascending: Array, wanted: Array) -> tuple[Array, Array]:
    """For each number wanted its place among ascending ones, and whether it is there."""
    if not len(ascending):
        return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), bool)
    places = np.searchsorted(ascending, wanted)
    places[places == len(ascending)] = 0
    return places, ascending[places] == wanted


def by_column(matrix: CSR) -> tuple[Array, Array]:
    """Places of the entries column after column, rows ascending, and where each column begins."""
    from scipy.sparse import csr_matrix

    numbered = csr_matrix(
        (np.arange(matrix.nnz), matrix.indices, matrix.indptr), shape=matrix.shape
    )
    columns = numbered.tocsc()
    return columns.data, columns.indptr.astype(np.int64)


def transposed(matrix: CSR) -> CSR:
    """The columns of a matrix as rows."""
    order, indptr = by_column(matrix)
    rows = matrix.row_numbers()[order].astype(np.int32)
    return CSR(indptr, rows, matrix.values[order], matrix.n_rows)


def some_rows(matrix: CSR, rows: slice) -> CSR:
    """Consecutive rows of a matrix, as views."""
    indptr = matrix.indptr[rows.start : rows.stop + 1]
    entries = slice(int(indptr[0]), int(indptr[-1]))
    return CSR(indptr - indptr[0], matrix.indices[entries], matrix.values[entries], matrix.n_cols)
