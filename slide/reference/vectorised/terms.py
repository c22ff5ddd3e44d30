"""A product of two sparse matrices as the list of its terms, sorted by cell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.reference.vectorised.segments import (
    CELLS,
    places_of_segments,
    row_slices,
    segment_sums,
    some_rows,
)
from slide.reference.vectorised.verdicts import bound_of_sum


class Product(NamedTuple):
    """Some rows of a product.

    Args:
        rows: which.
        cells: (row - rows.start) * n_cols + column, i64, ascending.
        sums: of the terms of each, f64.
        sizes: of their magnitudes.
        counts: how many they are.
        n_cols: columns of the product.
    """

    rows: slice
    cells: Array
    sums: Array
    sizes: Array
    counts: Array
    n_cols: int

    @property
    def slack(self) -> Array:
        """By how much each sum may differ."""
        return bound_of_sum(self.counts, self.sizes)

    @property
    def columns(self) -> Array:
        """The column of each cell."""
        return self.cells % max(self.n_cols, 1)

    @property
    def indptr(self) -> Array:
        """Where each of the rows begins."""
        bounds = np.arange(self.rows.stop - self.rows.start + 1) * self.n_cols
        return np.searchsorted(self.cells, bounds)

    def part(self, wanted: Array) -> Product:
        """The cells of a mask."""
        cells, sums, sizes, counts = (part[wanted] for part in self[1:5])
        return Product(self.rows, cells, sums, sizes, counts, self.n_cols)


def sparse_products(a: CSR, b: CSR, limit: int = CELLS) -> Iterator[Product]:
    """a @ b, so many rows at a time that no more than `limit` terms are held, or a single row."""
    lengths = b.row_lengths()
    costs = segment_sums(lengths[a.indices], a.indptr).astype(np.int64)
    for rows in row_slices(costs, limit):
        part = some_rows(a, rows)
        of_entries = lengths[part.indices]
        places = places_of_segments(b.indptr[part.indices], of_entries)
        starts = np.repeat(part.row_numbers() * b.n_cols, of_entries)
        terms = np.repeat(part.values.astype(np.float64), of_entries) * b.values[places]
        yield sum_cells(starts + b.indices[places], terms, rows, b.n_cols)


def sum_cells(cells: Array, terms: Array, rows: slice, n_cols: int) -> Product:
    """The terms of each cell added up."""
    order = sorting_order(cells)
    cells, terms = cells[order], terms[order]
    starts = np.flatnonzero(np.diff(cells, prepend=-1))
    bounds = np.append(starts, len(cells))
    sizes = segment_sums(np.abs(terms), bounds)
    return Product(rows, cells[starts], segment_sums(terms, bounds), sizes, np.diff(bounds), n_cols)


def sorting_order(numbers: Array) -> Array:
    """An order of numbers, not below 0, that makes them ascend.

    Where number and place fit into 63 bits they are sorted as one, four times as fast.
    """
    n_bits = len(numbers).bit_length()
    if int(numbers.max(initial=0)) >> 63 - n_bits:
        return np.argsort(numbers)
    order: Array = np.sort(numbers << n_bits | np.arange(len(numbers)))
    order &= (1 << n_bits) - 1
    return order
