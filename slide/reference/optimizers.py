"""The updates of touched rows, as `slide.core.contract.optim` names them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from slide.core.contract.arrays import Array, Param, RowGrad
from slide.core.contract.optim import SGD, Adagrad, Adam, Optimizer
from slide.core.extending import entry


def update_rows(param: Param, grad: RowGrad, optimizer: Optimizer, lr: float, step: int) -> None:
    """One step of any optimizer: the state is written first, then the weight."""
    move = entry(MOVES, type(optimizer), "optimizer", __name__)(param, grad, optimizer, lr, step)
    kept = 1 - lr * optimizer.weight_decay
    param.weight[grad.rows] = kept * param.weight[grad.rows] - move


def adam(param: Param, grad: RowGrad, optimizer: Adam, lr: float, step: int) -> Array:
    """By how much the touched rows fall, (R, d)."""
    rows, g = grad.rows, grad.values
    mean = param.mean[rows]
    mean += (1 - optimizer.beta1) * (g - mean)
    param.mean[rows] = mean
    square = param.square[rows]
    square += (1 - optimizer.beta2) * (g * g - square)
    param.square[rows] = square
    scale = np.sqrt(square) + optimizer.epsilon
    move: Array = optimizer.step_size(lr, step) * mean / scale
    return move


def adagrad(param: Param, grad: RowGrad, optimizer: Adagrad, lr: float, step: int) -> Array:
    """By how much the touched rows fall, (R, d)."""
    g = grad.values
    square = param.square[grad.rows] + np.mean(g * g, axis=1, keepdims=True)  # (R, 1)
    param.square[grad.rows] = square
    move: Array = lr * g / (np.sqrt(square) + optimizer.epsilon)
    return move


def sgd(param: Param, grad: RowGrad, optimizer: SGD, lr: float, step: int) -> Array:
    """By how much the touched rows fall, (R, d)."""
    return lr * grad.values


MOVES: dict[type[Optimizer], Callable[[Param, RowGrad, Any, float, int], Array]] = {
    Adam: adam,
    Adagrad: adagrad,
    SGD: sgd,
}
