"""Sparse rows as dicts, sums without rounding."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block

Row = dict[int, float]
"""One row of a sparse matrix: column -> value."""


def dot(a: Array, b: Array) -> float:
    """Correctly rounded sum of the products in float64."""
    return math.fsum(p * q for p, q in zip(a.tolist(), b.tolist(), strict=True))


def rows_of(z: CSR | Block) -> list[Row]:
    """Each row as a dict, in the order of the columns."""
    if isinstance(z, Block):
        return [dict(zip(z.ids.tolist(), row, strict=True)) for row in z.values.tolist()]
    pairs = (z.row(i) for i in range(z.n_rows))
    return [dict(zip(ids.tolist(), values.tolist(), strict=True)) for ids, values in pairs]


def patterns(active: CSR | Block, n_rows: int) -> list[list[int]]:
    """The columns that each of `n_rows` rows stores."""
    if isinstance(active, Block):
        return [active.ids.tolist()] * n_rows
    return [active.row(i)[0].tolist() for i in range(n_rows)]


def csr(rows: Sequence[Row], n_cols: int) -> CSR:
    """Dicts as a CSR, columns ascending."""
    indptr = np.cumsum([0] + [len(row) for row in rows], dtype=np.int64)
    indices = np.array([j for row in rows for j in sorted(row)], np.int32)
    values = np.array([row[j] for row in rows for j in sorted(row)], np.float64)
    return CSR(indptr, indices, values, n_cols)


def densed(x: Array | CSR) -> Array:
    """The matrix that a CSR stands for, entry by entry."""
    if not isinstance(x, CSR):
        return x
    matrix = np.zeros(x.shape, x.values.dtype)
    for i, row in enumerate(rows_of(x)):
        for j, value in row.items():
            matrix[i, j] = value
    return matrix


def dense(rows: Iterable[Iterable[float]], n_cols: int) -> Array:
    """Lists as a float64 array that has its n_cols columns even without rows."""
    lists = [list(row) for row in rows]
    return np.array(lists, np.float64).reshape(len(lists), n_cols)
