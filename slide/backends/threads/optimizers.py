"""The kernel `update_rows`: one compiled loop over touched rows for each optimizer."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from slide.backends.threads.compiling import Number, compiled, summing
from slide.backends.threads.pool import Pool
from slide.core.contract.arrays import Array, Param, RowGrad
from slide.core.contract.optim import SGD, Adagrad, Adam, Optimizer
from slide.core.extending import entry

GRAIN = 64  # rows


def update_rows(
    pool: Pool, param: Param, grad: RowGrad, optimizer: Optimizer, lr: float, step: int
) -> None:
    """One step of any optimizer."""
    number = param.weight.dtype.type
    kept = number(1 - lr * optimizer.weight_decay)
    common = grad.rows, grad.values, param.weight, kept
    kernel, rest_of = entry(KERNELS, type(optimizer), "optimizer", __name__)
    state, constants = rest_of(param, optimizer, lr, step)
    pool.spread(kernel, len(grad.rows), *common, *state, *map(number, constants), grain=GRAIN)


Rest = tuple[tuple[Array, ...], tuple[float, ...]]
"""What a kernel takes besides: the state, and constants."""


def adam_rest(param: Param, optimizer: Adam, lr: float, step: int) -> Rest:
    """Both moments."""
    rates = 1 - optimizer.beta1, 1 - optimizer.beta2
    constants = *rates, optimizer.step_size(lr, step), optimizer.epsilon
    return (param.mean, param.square), constants


def adagrad_rest(param: Param, optimizer: Adagrad, lr: float, step: int) -> Rest:
    """The rows' sums of squares."""
    return (param.square,), (lr, optimizer.epsilon)


def sgd_rest(param: Param, optimizer: SGD, lr: float, step: int) -> Rest:
    """No state."""
    return (), (lr,)


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


KERNELS: dict[
    type[Optimizer], tuple[Callable[..., None], Callable[[Param, Any, float, int], Rest]]
] = {Adam: (adam, adam_rest), Adagrad: (adagrad, adagrad_rest), SGD: (sgd, sgd_rest)}  # fmt: skip
