"""The kernel `update_rows`: one compiled loop over touched rows for each optimizer."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from slide.backends.threads.compiling import Number, compiled, summing
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
    kernel: Callable[..., None]
    rest: tuple[Any, ...]
    match optimizer:
        case Adam():
            betas = number(1 - optimizer.beta1), number(1 - optimizer.beta2)
            step_size, epsilon = number(optimizer.step_size(lr, step)), number(optimizer.epsilon)
            kernel, rest = adam, (param.mean, param.square, *betas, step_size, epsilon)
        case Adagrad():
            kernel, rest = adagrad, (param.square, number(lr), number(optimizer.epsilon))
        case SGD():
            kernel, rest = sgd, (number(lr),)
    pool.spread(kernel, len(grad.rows), *common, *rest, grain=GRAIN)


@compiled
def adam(
    start: int,
    stop: int,
    rows: Array,
    values: Array,
    weight: Array,
    kept: Number,
    mean: Array,
    square: Array,
    rate1: Number,
    rate2: Number,
    step_size: Number,
    epsilon: Number,
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
    kept: Number,
    square: Array,
    lr: Number,
    epsilon: Number,
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
    start: int, stop: int, rows: Array, values: Array, weight: Array, kept: Number, lr: Number
) -> None:
    """The weight alone."""
    for r in range(start, stop):
        g, w = values[r], weight[rows[r]]
        for c in range(len(g)):
            w[c] = kept * w[c] - lr * g[c]
