"""Where a training step of direct connections may end: the whole step a second time, with radii.

Written from the algorithm, not from `slide.core.direct.run`: weights are dense (n, n_inputs)
with a mask of what is stored, the bias is the last input. Only what rounding may decide is taken
from the run that is judged: the labels that are found, and the gradients that are too small.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.sparse import SparseParam
from slide.core.learners.config import Config
from slide.reference.bounds.balls import Ball, Rounding, product, times
from slide.reference.bounds.comparing import EPS, TINY
from slide.reference.bounds.moves import added, squared
from slide.reference.bounds.steps import loss_gradient, spread

NEGLIGIBLE = 1e-3  # a gradient below moves nothing


@dataclass(frozen=True, slots=True)
class DirectState:
    """Weights and the sums of their squared gradients, (n, n_inputs), where `stored`."""

    weight: Ball
    square: Ball
    stored: Array


@dataclass(frozen=True, slots=True)
class DirectStep:
    """A batch, and what is decided in its step.

    Args:
        x: CSR (B, n_inputs), the constant last.
        y: CSR (B, n), labels.
        active: CSR (B, n), whose logits are computed; all of its values 0.
        moving: bool (B, n), whose gradients are not too small.
    """

    x: CSR
    y: CSR
    active: CSR
    moving: Array


def stepped(
    state: DirectState, config: Config, step: DirectStep, rounding: Rounding
) -> DirectState:
    """The state after a step."""
    x, has_x = dense(step.x)
    dz = gradient(state, config, step, rounding).where(step.moving)
    terms = step.moving.T.astype(float) @ has_x
    is_met = state.stored & (terms > 0)
    g = rounding(product(dz.T, Ball.of(x), terms).where(is_met))
    return moved(state, g, config.lr, is_met, rounding)


def gradient(state: DirectState, config: Config, step: DirectStep, rounding: Rounding) -> Ball:
    """Of the sum of the losses, by logits (B, n)."""
    x, has_x = dense(step.x)
    terms = has_x @ state.stored.T.astype(float)
    is_active = spread(np.ones(step.active.nnz), step.active, *step.active.shape) > 0
    z = rounding(product(Ball.of(x), state.weight.T, terms).where(is_active))
    dz = rounding(loss_gradient(z, step.active, step.y, config.loss))
    return rounding(times(dz, Ball.of(np.array(float(step.x.n_rows)))))


def moved(state: DirectState, g: Ball, lr: float, is_met: Array, rounding: Rounding) -> DirectState:
    """One Adagrad step on the entries that are met; 8 ulp of the largest term of each result.

    With g the move changes by lr / sqrt(square) at most, and no move is above lr.
    """
    square = added(state.square, 1.0, squared(g), 1.0)
    low = np.sqrt(state.square.value - state.square.radius)
    root, least = np.sqrt(square.value), np.sqrt(square.value - state.square.radius)
    value = lr * g.value / root
    reach = lr * g.radius / low + np.abs(value) * (root - least) / least
    weight = added(state.weight, 1.0, Ball(value, np.minimum(reach, 2 * lr)), -1.0)
    largest = np.maximum(state.weight.size, np.minimum(lr * g.size / low, lr))
    return DirectState(
        rounding(rounded(weight, largest, is_met)),
        rounding(rounded(square, square.size, is_met)),
        state.stored,
    )


def rounded(ball: Ball, largest: Array, is_met: Array) -> Ball:
    """Within 8 ulp of the largest term where anything was computed."""
    return Ball(ball.value, ball.radius + is_met * (8 * EPS * largest + TINY))


def cut_difference(dz: CSR, want: Ball, active: CSR) -> str:
    """The first gradient that is handed on though it is too small, or not though it is large."""
    is_active = spread(np.ones(active.nnz), active, *active.shape) > 0
    is_moving = spread(np.ones(dz.nnz), dz, *dz.shape) > 0
    size, slack = np.abs(want.value), want.radius + EPS * NEGLIGIBLE
    must = is_active & (size - slack > NEGLIGIBLE)
    may = is_active & (size + slack >= NEGLIGIBLE)
    wrong = np.argwhere((must & ~is_moving) | (is_moving & ~may))
    if not len(wrong):
        return ""
    i, j = wrong[0].tolist()
    done = "was handed on" if is_moving[i, j] else "was not handed on"
    told = f"the gradient of example {i} by label {j} {done}"
    return f"{told}: it is {want.value[i, j]}, and {NEGLIGIBLE} is the least that moves anything"


def dense(matrix: CSR) -> tuple[Array, Array]:
    """The matrix, and 1 where an entry is stored."""
    return (
        spread(matrix.values, matrix, *matrix.shape),
        spread(np.ones(matrix.nnz), matrix, *matrix.shape),
    )


def state_of(param: SparseParam) -> DirectState:
    """Weights that are known exactly; the square of what is not stored is 1."""
    weight, stored = dense(param.weight)
    square = spread(param.square, param.weight, *param.weight.shape) + (1 - stored)
    return DirectState(Ball.of(weight), Ball.of(square), stored > 0)


def param_of(state: DirectState, part: str) -> SparseParam:
    """The values of a state, or its radii."""
    weight, square = (getattr(ball, part)[state.stored] for ball in (state.weight, state.square))
    indptr = np.append(0, np.cumsum(state.stored.sum(axis=1)))
    indices = np.nonzero(state.stored)[1].astype(np.int32)
    return SparseParam(CSR(indptr, indices, weight, state.stored.shape[1]), square)
