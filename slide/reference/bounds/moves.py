"""Where an update may end whose gradient is not known exactly."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from slide.core.contract.arrays import Array, Param, RowGrad
from slide.core.contract.optim import SGD, Adagrad, Adam, Optimizer
from slide.core.extending import entry
from slide.core.learners.config import Config
from slide.core.sampled.updating import optimizer_of
from slide.reference.bounds.balls import Ball, Rounding
from slide.reference.bounds.comparing import EPS
from slide.reference.bounds.optimizers import update_rows_bound


class State(NamedTuple):
    """A parameter: weight, mean and square as in `Param`."""

    weight: Ball
    mean: Ball
    square: Ball


def moved(
    state: State, g: Ball, rows: Array, config: Config, number: int, rounding: Rounding
) -> State:
    """The state after step `number`, in which rows have the gradient g."""
    optimizer, lr = optimizer_of(config.learner.optimization), config.lr
    weight, mean, square = (ball[rows] for ball in state)
    param = Param(weight.value, mean.value, square.value)
    grad = RowGrad(np.arange(len(rows)), g.value)
    allowed = update_rows_bound(param, grad, optimizer, lr, number)
    move_of = entry(MOVES, type(optimizer), "optimizer", __name__)
    move, mean, square = move_of(mean, square, g, optimizer, lr, number)
    weight = added(weight, 1 - lr * optimizer.weight_decay, move, -1.0)
    after = (weight, allowed.weight), (mean, allowed.mean), (square, allowed.square)
    weight, mean, square = (rounding(rounded(ball, bound)) for ball, bound in after)
    square = Ball(np.maximum(square.value, 0), square.radius)  # settled on the wrong side of 0
    new = zip(state, (weight, mean, square), strict=True)
    return State(*(ball.with_rows(rows, moved_rows) for ball, moved_rows in new))


Moved = tuple[Ball, Ball, Ball]
"""By how much the weight falls, and the state after it, mean and square."""


def sgd(mean: Ball, square: Ball, g: Ball, optimizer: SGD, lr: float, number: int) -> Moved:
    """lr g."""
    return Ball(lr * g.value, lr * g.radius), mean, square


def adagrad(mean: Ball, square: Ball, g: Ball, optimizer: Adagrad, lr: float, number: int) -> Moved:
    """lr g over the root of the sum of squares."""
    square = added(square, 1.0, mean_of_rows(squared(g)), 1.0)
    cap = 2 * lr * math.sqrt(g.value.shape[1])  # no g is above the root of d mean squares
    return quotient(g, lr, square, optimizer.epsilon, cap), mean, square


def adam(mean: Ball, square: Ball, g: Ball, optimizer: Adam, lr: float, number: int) -> Moved:
    """The one moment over the root of the other."""
    beta1, beta2 = optimizer.beta1, optimizer.beta2
    size = optimizer.step_size(lr, number)
    largest = 2 * size * largest_ratio(mean, square, beta1, beta2)
    mean = added(mean, beta1, g, 1 - beta1)
    square = added(square, beta2, squared(g), 1 - beta2)
    return quotient(mean, size, square, optimizer.epsilon, largest), mean, square


MOVES: dict[type[Optimizer], Callable[[Ball, Ball, Ball, Any, float, int], Moved]] = {
    SGD: sgd,
    Adagrad: adagrad,
    Adam: adam,
}


def rounded(ball: Ball, allowed: Array) -> Ball:
    """What the contract allows besides; it allows more where terms are larger than they seem."""
    ulp = (8 + ball.value.shape[1]) * EPS
    return Ball(ball.value, ball.radius * (1 + 2 * ulp) + allowed)


def added(a: Ball, p: float, b: Ball, q: float) -> Ball:
    """p a + q b."""
    return Ball(p * a.value + q * b.value, abs(p) * a.radius + abs(q) * b.radius)


def squared(g: Ball) -> Ball:
    """g**2."""
    return Ball(g.value**2, 2 * np.abs(g.value) * g.radius + g.radius**2)


def mean_of_rows(ball: Ball) -> Ball:
    """The mean of each row, (R, 1)."""
    means = [part.sum(axis=1, keepdims=True) / part.shape[1] for part in (ball.value, ball.radius)]
    return Ball(*means)


def quotient(top: Ball, size: float, square: Ball, epsilon: float, cap: Array | float) -> Ball:
    """size * top / (sqrt(square) + epsilon), not further from that than `cap`."""
    root = np.sqrt(square.value)
    low = np.sqrt(np.maximum(square.value - square.radius, 0))
    value = size * top.value / (root + epsilon)
    reach = (size * top.radius + np.abs(value) * (root - low)) / (low + epsilon)
    return Ball(value, np.minimum(reach, cap))


def largest_ratio(mean: Ball, square: Ball, beta1: float, beta2: float) -> Array:
    """The most that |new mean| / sqrt(new square) can be, whatever the gradient.

    By Cauchy and Schwarz, beta1 m + (1 - beta1) g, over the root of beta2 v + (1 - beta2) g**2,
    is at most the root of (beta1 m)**2 / (beta2 v) + (1 - beta1)**2 / (1 - beta2).
    """
    v = np.maximum(square.value - square.radius, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        past = np.where(mean.size > 0, (beta1 * mean.size) ** 2 / (beta2 * v), 0)
    return np.sqrt(past + (1 - beta1) ** 2 / (1 - beta2))
