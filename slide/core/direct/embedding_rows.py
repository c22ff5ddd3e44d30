"""Rows of numbers: their sums in runs, their products, their lengths."""

from __future__ import annotations

import numpy as np

from slide.core.contract.arrays import Array

SHORT = np.float32(1e-12)  # a length below which a vector has no direction


def totals(values: Array, bounds: Array) -> Array:
    """The sums of runs of values, f32 (m,): `bounds` as in `summed`, but no run is empty."""
    return np.add.reduceat(values, bounds[:-1]) if len(values) else values


def summed(rows: Array, bounds: Array, weights: Array, places: Array | None = None) -> Array:
    """The weighted sums of runs of rows, f32 (n, DIM).

    Args:
        rows: f32 (m, DIM).
        bounds: where each run begins in `places`, and the last ends; i64 (n + 1,).
        weights: f32 (e,), of each of the places.
        places: i64 (e,), of the rows of one run after the other; None: of all, in their order.
    """
    from scipy.sparse import csr_array  # takes time to import

    places = np.arange(len(rows)) if places is None else places
    total: Array = csr_array((weights, places, bounds), (len(bounds) - 1, len(rows))) @ rows
    return total


def dots(left: Array, right: Array) -> Array:
    """The product of each row with that of the other, (n,)."""
    products: Array = np.einsum("ij,ij->i", left, right)
    return products


def unit_rows(vectors: Array) -> tuple[Array, Array]:
    """Vectors of unit length, and their lengths, f32 (n, 1), SHORT at least."""
    lengths = np.maximum(np.sqrt(dots(vectors, vectors))[:, None], SHORT)
    return vectors / lengths, lengths


def through_lengths(slope: Array, vectors: Array) -> Array:
    """The gradient by vectors of what has this one, (n, DIM), by their directions; in its place."""
    squares = np.maximum(dots(vectors, vectors), SHORT * SHORT)
    slope -= (dots(slope, vectors) / squares)[:, None] * vectors
    slope /= np.sqrt(squares)[:, None]
    return slope
