"""Where a training step may end: the whole step a second time, dense matrices with radii.

Written from the algorithm, not from `slide.core.sampled.step`: everything is (B, n) with a mask of
what is stored, and the bias is the last input of every layer. Only what chance and the tables
decide, the dropout masks and the active sets, is taken from the run that is judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block, Param
from slide.core.contract.losses import LossName
from slide.core.examples.dataset import Dataset
from slide.core.learners.config import Config
from slide.core.sampled.sampling import log_weights
from slide.reference import plain
from slide.reference.bounds.balls import Ball, Rounding, product, times
from slide.reference.bounds.comparing import EPS
from slide.reference.bounds.losses import loss_bound
from slide.reference.bounds.moves import State, moved


@dataclass(frozen=True, slots=True)
class Decisions:
    """What a step does not compute but draws or looks up.

    Args:
        batch: its examples.
        number: of the step, from 1.
        active: set of each layer, the output last; None for all units.
        kept: what dropout multiplies each hidden layer with, in the layout of its active set.
    """

    batch: Dataset
    number: int
    active: Sequence[CSR | Block | None]
    kept: Sequence[Array]


class Flow(NamedTuple):
    """What goes from layer to layer: activations (B, n), and which of them are stored, bool."""

    ball: Ball
    stored: Array


def stepped(
    states: list[State], config: Config, step: Decisions, rounding: Rounding
) -> list[State]:
    """The state of all layers after a step."""
    B = step.batch.n_samples
    a = flow_of(step.batch.x)
    trace: list[tuple[Flow, Array]] = []
    slopes: list[Ball] = []
    for state, active, kept in zip(states, step.active, [*step.kept, None], strict=True):
        z, stored = forward(state.weight, a, active, B)
        z = rounding(z)
        trace.append((a, stored))
        if kept is not None:
            slopes.append(slope_of(z, spread(kept, active, B, z.value.shape[1])))
            a = activated(rounding(relu(z, slopes[-1])), stored)
    assert active is not None
    dz = rounding(loss_gradient(z, active, step.batch.y, config.loss))
    after: list[State] = []
    for layer in reversed(range(len(states))):
        a, stored = trace[layer]
        is_sampled = step.active[layer] is not None
        grad, rows, da = backward(states[layer].weight, a, dz, stored, is_sampled, rounding)
        after.insert(0, moved(states[layer], grad, rows, config, step.number, rounding))
        if layer:
            dz = rounding(times(da[:, :-1], slopes[layer - 1])).where(trace[layer - 1][1])
    return after


def states_of(params: Sequence[Param]) -> list[State]:
    """Parameters that are known exactly."""
    return [State(*map(Ball.of, (one.weight, one.mean, one.square))) for one in params]


def flow_of(x: CSR | Block) -> Flow:
    """Features as the network takes them: rows of unit length, and the constant."""
    x = x.with_unit_rows().with_constant()
    full = spread(x.values, x, *x.shape)
    return Flow(Ball.of(full), spread(np.ones_like(x.values), x, *x.shape) > 0)


def spread(values: Array, pattern: CSR | Block | None, B: int, n: int) -> Array:
    """Values in the layout of a pattern as an array (B, n)."""
    full = np.zeros((B, n))
    if pattern is None:
        full[:] = values
    elif isinstance(pattern, Block):
        full[:, pattern.ids] = values
    else:
        full[pattern.row_numbers(), pattern.indices] = values
    return full


def forward(weight: Ball, a: Flow, active: CSR | Block | None, B: int) -> tuple[Ball, Array]:
    """Logits, and where there are any."""
    if active is None:
        terms = a.stored.sum(axis=1, keepdims=True)
        z = product(a.ball, weight, terms)
        return z, np.ones(z.value.shape, bool)
    stored = spread(np.ones(1), active, B, active.n_cols) > 0
    return product(a.ball, weight.T, weight.value.shape[1]).where(stored), stored


def slope_of(z: Ball, kept: Array) -> Ball:
    """What ReLU and dropout multiply by; where z may be on either side of 0, both may be."""
    unsure = (np.abs(z.value) <= z.radius) & (z.radius > 0)
    return Ball(kept * (z.value > 0), np.where(unsure, kept, 0))


def relu(z: Ball, slope: Ball) -> Ball:
    """z times slope; a z on the wrong side of 0 is no further from 0 than its radius."""
    kept = np.maximum(slope.value, slope.radius)
    value = np.maximum(z.value, 0) * kept
    return Ball(value, z.radius * kept * (1 + EPS) + EPS * value)


def activated(h: Ball, stored: Array) -> Flow:
    """Activations with the constant behind them."""
    one = np.ones((len(stored), 1))
    value, radius = np.hstack([h.value, one]), np.hstack([h.radius, 0 * one])
    return Flow(Ball(value, radius), np.hstack([stored, one > 0]))


def loss_gradient(z: Ball, active: CSR | Block, y: CSR, name: LossName) -> Ball:
    """The gradient of the logits (B, n).

    Logits of a row that are off by rho change each share, sigmoid or term of a pair by a factor
    of exp(2 rho) at most, and no exponent in the bound of the loss by more than that either. A
    logarithm that is added to them may be 4 ulp off.
    """
    B, n = z.value.shape
    stored = spread(np.ones(1), active, B, n) > 0
    log_m = spread(log_weights(active).values, active, B, n)
    indptr = np.append(0, np.cumsum(stored.sum(axis=1)))
    logits = CSR(indptr, np.nonzero(stored)[1].astype(np.int32), z.value[stored], n)
    arguments = logits, logits.with_values(log_m[stored]), y, name
    slope = spread(plain.loss(*arguments)[1].values, logits, B, n)
    allowed = spread(loss_bound(*arguments)[1].values, logits, B, n)
    rho = np.max(z.radius + 4 * EPS * log_m, axis=1, keepdims=True, initial=0)
    terms = np.abs(slope)
    if name == "softmax":
        terms = terms + shares_of_labels(y, stored) / max(B, 1)
    return Ball(slope, allowed * np.exp(3 * rho) + terms * np.expm1(2 * rho))


def shares_of_labels(y: CSR, stored: Array) -> Array:
    """1 / |C| for the active positive labels, (B, n)."""
    positive = y.positive()
    labels: Array = spread(np.ones_like(positive.values), positive, *y.shape) * stored
    shares: Array = labels / np.maximum(labels.sum(axis=1, keepdims=True), 1)
    return shares


def backward(
    weight: Ball, a: Flow, dz: Ball, stored: Array, is_sampled: bool, rounding: Rounding
) -> tuple[Ball, Array, Ball]:
    """Gradient of the weight, the rows that it touches, and the gradient of a."""
    if is_sampled:
        terms = stored.sum(axis=0)[:, None]
        grad, touched = product(dz.T, a.ball, terms), stored.any(axis=0)
        da = product(dz, weight, stored.sum(axis=1, keepdims=True))
    else:
        terms = a.stored.sum(axis=0)[:, None]
        grad, touched = product(a.ball.T, dz, terms), a.stored.any(axis=0)
        da = product(dz, weight.T, dz.value.shape[1])
    rows = np.flatnonzero(touched)
    return rounding(grad)[rows], rows, rounding(da).where(a.stored)
