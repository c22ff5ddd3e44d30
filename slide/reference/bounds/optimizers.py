"""Bounds of the updates: 8 ulp of the largest term, and one a column where a row is summed.

A result is a handful of products and sums of its terms, each rounded once, half an ulp each.
The state is a term of the weight's move, through a square root, which halves a relative error.
A decayed weight counts as a whole, since 1 - lr * weight_decay may be rounded before it is small.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from slide.core.contract.arrays import Array, Param, RowGrad
from slide.core.contract.optim import SGD, Adagrad, Adam, Optimizer
from slide.core.extending import entry
from slide.reference.bounds.comparing import EPS, TINY


class Terms(NamedTuple):
    """Largest terms of the move and of the state of touched rows, and how often they are rounded.

    Args:
        move: (R, d).
        mean: as of `Param`.
        square: as of `Param`.
        ulps: of each.
    """

    move: Array
    mean: Array
    square: Array
    ulps: int = 8


def update_rows_bound(
    param: Param, grad: RowGrad, optimizer: Optimizer, lr: float, step: int
) -> Param:
    """Allowances on touched rows; none on the others."""
    rows, g = grad.rows, grad.values.astype(np.float64)
    terms_of = entry(TERMS, type(optimizer), "optimizer", __name__)
    move, mean, square, ulps = terms_of(
        param.mean[rows], param.square[rows], g, optimizer, lr, step
    )
    weight = np.maximum(abs(param.weight[rows]), move)
    bound = Param(*(np.zeros(part.shape) for part in (param.weight, param.mean, param.square)))
    for array, term in (bound.weight, weight), (bound.mean, mean), (bound.square, square):
        array[rows] = ulps * EPS * term + TINY
    return bound


def adam(mean: Array, square: Array, g: Array, optimizer: Adam, lr: float, step: int) -> Terms:
    """Both moments are (R, d)."""
    first = np.maximum(abs(mean), (1 - optimizer.beta1) * abs(g))
    new = (1 - optimizer.beta2) * g * g
    scale = np.sqrt(optimizer.beta2 * square + new) + optimizer.epsilon
    move = optimizer.step_size(lr, step) * first / scale
    return Terms(move, first, np.maximum(square, new))


def adagrad(
    mean: Array, square: Array, g: Array, optimizer: Adagrad, lr: float, step: int
) -> Terms:
    """One ulp more for each column that is summed."""
    new = np.mean(g * g, axis=1, keepdims=True)
    move = lr * abs(g) / (np.sqrt(square + new) + optimizer.epsilon)
    return Terms(move, mean, np.maximum(square, new), 8 + g.shape[1])


def sgd(mean: Array, square: Array, g: Array, optimizer: SGD, lr: float, step: int) -> Terms:
    """There is no state."""
    return Terms(lr * abs(g), mean, square)


TERMS: dict[type[Optimizer], Callable[[Array, Array, Array, Any, float, int], Terms]] = {
    Adam: adam,
    Adagrad: adagrad,
    SGD: sgd,
}
