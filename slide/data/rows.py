"""Rows that a file may hold in any order and more than once, brought into CSR's form."""

from __future__ import annotations

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.invariants import increases
from slide.core.contract.lists import indptr_of


def canonical(matrix: CSR) -> CSR:
    """Indices sorted within rows, duplicates summed in float32 in the order of the file.

    A sum that overflows is infinite or NaN; finding those is left to the caller, who can name them.
    """
    if increases(matrix):
        return matrix
    rows = matrix.row_numbers()
    order = np.lexsort((matrix.indices, rows))  # stable: duplicates keep their order
    rows, indices, values = rows[order], matrix.indices[order], matrix.values[order]
    first = np.ones(len(rows), bool)
    first[1:] = (rows[1:] != rows[:-1]) | (indices[1:] != indices[:-1])
    lengths = np.bincount(rows[first], minlength=matrix.n_rows)
    sums = _sums(values, first)
    return CSR(indptr_of(lengths), indices[first], sums, matrix.n_cols)


def as_labels(matrix: CSR) -> CSR:
    """Canonical, and every label once: 1 if any of its values is above 0, otherwise -1."""
    labels = canonical(matrix.with_values((matrix.values > 0).astype(np.float32)))
    return labels.with_values(np.where(labels.values > 0, np.float32(1), np.float32(-1)))


def _sums(values: Array, first: Array) -> Array:
    """Sums of runs of values that begin where `first` is true, f32, added from left to right."""
    sums = values[first]
    run = np.cumsum(first) - 1
    with np.errstate(over="ignore", invalid="ignore"):
        np.add.at(sums, run[~first], values[~first])
    return sums
