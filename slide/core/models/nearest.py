"""Training examples that look alike to a model: by the cosine of what its labels see of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block
from slide.core.examples.dataset import batches

EXAMPLES_AT_A_TIME = 1024

Represent = Callable[[CSR | Block], CSR | Block]


def nearest(represent: Represent, row: CSR | Block, x: CSR | Block, n: int) -> tuple[Array, Array]:
    """The examples of largest cosine to a row, best first, ties to the earlier one.

    Args:
        represent: what examples (B, n_features) are to the labels, on the host.
        row: one example.
        x: all examples.
        n: how many are wanted, if so many have any likeness at all.

    Returns:
        Rows of x, i64 (m,), and cosines, f64 (m,); m is n at most.

    Cost: one pass over x, in slices.
    """
    direction = represent(row).with_unit_rows().dense()[0].astype(np.float64)
    rows, cosines = np.zeros(0, np.int64), np.zeros(0)
    for some in batches(x.n_rows, EXAMPLES_AT_A_TIME):
        found = products(represent(x.take(some)).with_unit_rows(), direction)
        rows, cosines = np.append(rows, some), np.append(cosines, found)
        best = np.argsort(-cosines, kind="stable")[:n]
        rows, cosines = rows[best], cosines[best]
    return rows[cosines > 0], cosines[cosines > 0]


def products(matrix: CSR | Block, vector: Array) -> Array:
    """f64 (n_rows,)."""
    if isinstance(matrix, Block):
        product: Array = matrix.values @ vector[matrix.ids]
        return product
    terms = matrix.values * vector[matrix.indices]
    return np.bincount(matrix.row_numbers(), terms, matrix.n_rows)
