"""The kernel `update_rows`: one compiled loop over touched rows for each optimizer."""

from __future__ import annotations

import math

import numpy as np

from slide.backends.threads.compiling import compiled, summing
from slide.backends.threads.pool import Pool
from slide.core.arrays import Array, Param, RowGrad
from slide.core.optim import SGD, Adagrad, Adam, Optimizer

GRAIN = 64  # rows


def update_rows(
    pool: Pool, param: Param, grad: RowGrad, optimizer: Optimizer, lr: float, step: int
) -> None:
    """One step of any optimizer."""
    number = param.weight.dtype.type
    kept = number(1 - lr * optimizer.weight_decay)
    common = grad.rows, grad.values, param.weight, kept
    match optimizer:
        case Adam():
            rates = (
                number(1 - optimizer.beta1),
                number(1 - optimizer.beta2),
                number(optimizer.step_size(lr, step)),
                number(optimizer.epsilon),
            )
            arguments = (adam, len(grad.rows), *common, param.mean, param.square, *rates)
        case Adagrad():
            rates = number(lr), number(optimizer.epsilon)
            arguments = (adagrad, len(grad.rows), *common, param.square, *rates)
        case SGD():
            arguments = (sgd, len(grad.rows), *common, number(lr))
    pool.spread(*arguments, grain=GRAIN)


@compiled
def adam(
    start: int,
    stop: int,
    rows: Array,
    values: Array,
    weight: Array,
    kept: float,
    mean: Array,
    square: Array,
    rate1: float,
    rate2: float,
    step_size: float,
    epsilon: float,
) -> None:
    """Both moments, then the weight; rate1 and rate2 are 1 - beta."""
    for r in range(start, stop):
        g, w = values[r], weight[rows[r]]
        m, v = mean[rows[r]], square[rows[r]]
        for c in range(len(g)):
            m[c] += rate1 * (g[c] - m[c])
            v[c] += rate2 * (g[c] * g[c] - v[c])
            w[c] = kept * w[c] - step_size * m[c] / (np.sqrt(v[c]) + epsilon)


@summing
def adagrad(
    start: int,
    stop: int,
    rows: Array,
    values: Array,
    weight: Array,
    kept: float,
    square: Array,
    lr: float,
    epsilon: float,
) -> None:
    """The row's sum of squares, then its weight."""
    for r in range(start, stop):
        g, w, v = values[r], weight[rows[r]], square[rows[r]]
        total = g.dtype.type(0)
        for c in range(len(g)):
            total += g[c] * g[c]
        v[0] += total / g.dtype.type(max(len(g), 1))
        scale = g.dtype.type(math.sqrt(v[0])) + epsilon
        for c in range(len(g)):
            w[c] = kept * w[c] - lr * g[c] / scale


@compiled
def sgd(
    start: int, stop: int, rows: Array, values: Array, weight: Array, kept: float, lr: float
) -> None:
    """The weight alone."""
    for r in range(start, stop):
        g, w = values[r], weight[rows[r]]
        for c in range(len(g)):
            w[c] = kept * w[c] - lr * g[c]
