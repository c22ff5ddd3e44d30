"""Updates element by element, in the precision of `param`."""

from __future__ import annotations

import math

from slide.core.arrays import Param, RowGrad
from slide.core.optim import SGD, Adagrad, Adam, Optimizer


def update_rows(param: Param, grad: RowGrad, optimizer: Optimizer, lr: float, step: int) -> None:
    """First the decay of each weight in the row, then what the optimizer makes of its gradient."""
    for j, gradients in zip(grad.rows.tolist(), grad.values.tolist(), strict=True):
        if isinstance(optimizer, Adagrad):
            param.square[j, 0] += math.fsum(g * g for g in gradients) / len(gradients)
        for c, g in enumerate(gradients):
            param.weight[j, c] -= lr * optimizer.weight_decay * param.weight[j, c]
            match optimizer:
                case Adam():
                    param.weight[j, c] -= adam_move(param, j, c, g, optimizer, lr, step)
                case Adagrad():
                    scale = math.sqrt(param.square[j, 0]) + optimizer.epsilon
                    param.weight[j, c] -= lr * g / scale
                case SGD():
                    param.weight[j, c] -= lr * g


def adam_move(
    param: Param, j: int, c: int, g: float, optimizer: Adam, lr: float, step: int
) -> float:
    """By how much one weight falls, its moments being updated."""
    beta1, beta2 = optimizer.beta1, optimizer.beta2
    mean = beta1 * float(param.mean[j, c]) + (1 - beta1) * g
    square = beta2 * float(param.square[j, c]) + (1 - beta2) * g * g
    param.mean[j, c], param.square[j, c] = mean, square
    size = lr * math.sqrt(1 - beta2**step) / (1 - beta1**step)
    return size * mean / (math.sqrt(square) + optimizer.epsilon)
