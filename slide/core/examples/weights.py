"""How many examples each one counts for in training, where somebody says so."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from slide.core.contract import handed
from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.invariants import demand

Matrix = TypeVar("Matrix", CSR, Block, CSR | Block)


def checked_weights(given: Any, n_samples: int) -> Array:
    """Weights of examples as float32 (n_samples,).

    Raises:
        InputError: they are no such array, one is negative or not finite, or all are 0.
    """
    return handed.refusing("weights", lambda: as_weights(given, n_samples))


def as_weights(given: Any, n_samples: int) -> Array:
    """The same, or ValueError."""
    weights = handed.numbers("values", given, 1)
    demand(len(weights) == n_samples, f"got {len(weights)}: expected {n_samples}, one an example")
    demand(bool(np.isfinite(weights).all()), "one is not finite: expected numbers from 0")
    demand(weights.min(initial=0) >= 0, f"one is {weights.min(initial=0)}: expected numbers from 0")
    demand(
        not n_samples or bool(weights.any()), "all are 0: expected one example at least to count"
    )
    return weights


def of_rows(matrix: Matrix, weights: Array | None) -> Matrix:
    """Each row times its weight, an array where the matrix has its own; itself without weights."""
    if weights is None:
        return matrix
    return matrix.with_values(matrix.values * matrix.for_entries(weights))
