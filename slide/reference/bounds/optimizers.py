"""Bounds of the updates: 8 ulp of the largest term, and one a column where a row is summed.

A result is a handful of products and sums of its terms, each rounded once, half an ulp each.
The state is a term of the weight's move, through a square root, which halves a relative error.
A decayed weight counts as a whole, since 1 - lr * weight_decay may be rounded before it is small.
"""

from __future__ import annotations

import numpy as np

from slide.core.arrays import Array, Param, RowGrad
from slide.core.optim import SGD, Adagrad, Adam, Optimizer
from slide.reference.bounds.comparing import EPS, TINY


def update_rows_bound(
    param: Param, grad: RowGrad, optimizer: Optimizer, lr: float, step: int
) -> Param:
    """Allowances on touched rows; none on the others."""
    rows, g = grad.rows, grad.values.astype(np.float64)
    state = param.mean[rows], param.square[rows]
    ulp = 8 * EPS
    match optimizer:
        case Adam():
            move, mean, square = adam_terms(*state, g, optimizer, lr, step)
        case Adagrad():
            new = np.mean(g * g, axis=1, keepdims=True)
            move = lr * abs(g) / (np.sqrt(state[1] + new) + optimizer.epsilon)
            mean, square = state[0], np.maximum(state[1], new)
            ulp += g.shape[1] * EPS
        case SGD():
            move, (mean, square) = lr * abs(g), state
    weight = np.maximum(abs(param.weight[rows]), move)
    bound = Param(*(np.zeros(part.shape) for part in (param.weight, param.mean, param.square)))
    for array, term in (bound.weight, weight), (bound.mean, mean), (bound.square, square):
        array[rows] = ulp * term + TINY
    return bound


def adam_terms(
    mean: Array, square: Array, g: Array, optimizer: Adam, lr: float, step: int
) -> tuple[Array, Array, Array]:
    """Largest terms of the move and of both moments, each (R, d)."""
    first = np.maximum(abs(mean), (1 - optimizer.beta1) * abs(g))
    new = (1 - optimizer.beta2) * g * g
    scale = np.sqrt(optimizer.beta2 * square + new) + optimizer.epsilon
    return optimizer.step_size(lr, step) * first / scale, first, np.maximum(square, new)
