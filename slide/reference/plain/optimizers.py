"""Updates element by element, in the precision of `param`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from slide.core.contract.arrays import Param, RowGrad
from slide.core.contract.optim import SGD, Adagrad, Adam, Optimizer
from slide.core.extending import entry

Gradient = list[float]
"""Of one row."""


def update_rows(param: Param, grad: RowGrad, optimizer: Optimizer, lr: float, step: int) -> None:
    """First the decay of each weight in the row, then what the optimizer makes of its gradient."""
    moves_of = entry(MOVES, type(optimizer), "optimizer", __name__)
    for j, gradient in zip(grad.rows.tolist(), grad.values.tolist(), strict=True):
        for c, move in enumerate(moves_of(param, j, gradient, optimizer, lr, step)):
            param.weight[j, c] -= lr * optimizer.weight_decay * param.weight[j, c]
            param.weight[j, c] -= move


def adam(
    param: Param, j: int, gradient: Gradient, optimizer: Adam, lr: float, step: int
) -> list[float]:
    """By how much each weight of row j falls, its moments being updated."""
    beta1, beta2 = optimizer.beta1, optimizer.beta2
    size = lr * math.sqrt(1 - beta2**step) / (1 - beta1**step)
    moves = []
    for c, g in enumerate(gradient):
        mean = beta1 * float(param.mean[j, c]) + (1 - beta1) * g
        square = beta2 * float(param.square[j, c]) + (1 - beta2) * g * g
        param.mean[j, c], param.square[j, c] = mean, square
        moves.append(size * mean / (math.sqrt(square) + optimizer.epsilon))
    return moves


def adagrad(
    param: Param, j: int, gradient: Gradient, optimizer: Adagrad, lr: float, step: int
) -> list[float]:
    """By how much each weight of row j falls, its sum of squares being updated."""
    param.square[j, 0] += math.fsum(g * g for g in gradient) / max(len(gradient), 1)
    scale = math.sqrt(param.square[j, 0]) + optimizer.epsilon
    return [lr * g / scale for g in gradient]


def sgd(
    param: Param, j: int, gradient: Gradient, optimizer: SGD, lr: float, step: int
) -> list[float]:
    """By how much each weight of row j falls."""
    return [lr * g for g in gradient]


MOVES: dict[
    type[Optimizer], Callable[[Param, int, Gradient, Any, float, int], list[float]]
] = {Adam: adam, Adagrad: adagrad, SGD: sgd}  # fmt: skip
