"""Dense rows keep their length: a constant column beside them, before all is scaled to length 1.

Rows are scaled to unit length wherever slide reads them. Of tags, texts and baskets that loses
nothing worth having; of measurements it does: (1, 1) and (5, 5) would be one example. With a
constant before them they are told apart, and every linear rule on the measurements is one on the
rows so scaled.
"""

from __future__ import annotations

import numpy as np

from slide.core.contract.arrays import Array, Block

NAME = "(constant)"


def typical_length(values: Array, weights: Array) -> float:
    """The median length of rows that are not 0, each counted as often as its weight says.

    Args:
        values: f32 (n_samples, n_features).
        weights: f32 (n_samples,).
    """
    lengths = np.sqrt(np.einsum("ij,ij->i", values, values, dtype=np.float64))
    order = np.argsort(lengths)
    order = order[(lengths[order] > 0) & (weights[order] > 0)]
    if not len(order):
        return 1.0
    counted = np.cumsum(weights[order], dtype=np.float64)
    return float(np.float32(lengths[order[np.searchsorted(counted, counted[-1] / 2)]]))


def with_constant(values: Array, constant: float) -> Block:
    """Rows with one more column, the first: so that others may still be added after the last."""
    first = np.full((len(values), 1), constant, np.float32)
    return Block.of(np.hstack([first, values]))
