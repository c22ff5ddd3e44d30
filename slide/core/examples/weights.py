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


def checked_times(given: Any, n_samples: int) -> Array:
    """Times of examples as float64 (n_samples,).

    Raises:
        InputError: they are no such array, or one is not finite.
    """
    return handed.refusing("times", lambda: as_times(given, n_samples))


def as_times(given: Any, n_samples: int) -> Array:
    """The same, or ValueError."""
    array = np.asarray(given)
    if array.dtype.kind not in "iuf" or array.shape != (n_samples,):
        raise ValueError(
            f"got {array.dtype} of the shape {array.shape}: expected {n_samples} numbers, one an "
            "example"
        )
    times: Array = array.astype(np.float64, copy=False)
    demand(bool(np.isfinite(times).all()), "one is not finite: expected numbers")
    return times


def of_rows(matrix: Matrix, weights: Array | None) -> Matrix:
    """Each row times its weight, an array where the matrix has its own; itself without weights."""
    if weights is None:
        return matrix
    return matrix.with_values(matrix.values * matrix.for_entries(weights))
