"""Optimizer and learning-rate choices: numbers only, kernels apply them.

Every optimizer is lazy: rows that a step does not touch do not move, nor does their state
(`slide.core.sampled.catchup` brings them up where that is not wanted). Weight decay is decoupled
from the gradient: touched rows are multiplied by 1 - lr * weight_decay before the step.

Source of the decoupling: Loshchilov and Hutter (ICLR 2019).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from slide.core.contract.arrays import Array, Param

OptimizerName = Literal["adam", "adagrad", "sgd"]
ScheduleName = Literal["constant", "linear", "cosine"]


@dataclass(frozen=True, slots=True)
class Adam:
    """Two moments a weight, with the bias correction of the global step.

    Source: Kingma and Ba (ICLR 2015), algorithm 1.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.0

    def step_size(self, lr: float, step: int) -> float:
        """lr corrected for the moments' start at zero; `step` counts from 1."""
        return lr * math.sqrt(1 - self.beta2**step) / (1 - self.beta1**step)

    def begin(self, weight: Array) -> Param:
        """A parameter that no step has touched: both moments (n, d) zero."""
        return Param(weight, np.zeros_like(weight), np.zeros_like(weight))


@dataclass(frozen=True, slots=True)
class Adagrad:
    """One sum of squares a row, to which a step adds the mean square of the row's gradient.

    Source: Duchi, Hazan and Singer (JMLR 2011), their diagonal taken a row at a time, which
    needs 1 number a row for state and not d.
    """

    epsilon: float = 1e-8
    weight_decay: float = 0.0

    def begin(self, weight: Array) -> Param:
        """A parameter that no step has touched: `square` (n, 1) zero, no `mean`."""
        return Param(weight, _state(weight, 0), _state(weight, 1))


@dataclass(frozen=True, slots=True)
class SGD:
    """The plain gradient step, without state."""

    weight_decay: float = 0.0

    def begin(self, weight: Array) -> Param:
        """A parameter with neither `mean` nor `square`."""
        return Param(weight, _state(weight, 0), _state(weight, 0))


Optimizer = Adam | Adagrad | SGD

OPTIMIZERS: dict[OptimizerName, type[Optimizer]] = {"sgd": SGD, "adam": Adam, "adagrad": Adagrad}
"""All of them, the plainest first."""


def _state(weight: Array, n_columns: int) -> Array:
    """Zeros for each row of weight, of its kind and dtype."""
    return np.zeros_like(weight, shape=(len(weight), n_columns))


def learning_rate(schedule: ScheduleName, lr: float, progress: float, warmup: float) -> float:
    """The learning rate of a step.

    Args:
        schedule: `constant`, or down to 0 at the end in a straight line or half a cosine.
        lr: the highest learning rate, reached when the warm-up is over.
        progress: share of the run that is done; from 1 on it is over.
        warmup: share of the run, below 1, in which the learning rate rises from 0 to lr.

    Source: the cosine is that of Loshchilov and Hutter (ICLR 2017), without restarts.
    """
    if progress < warmup:
        return lr * progress / warmup
    left = max(1 - progress, 0) / (1 - warmup)  # of the time after the warm-up
    match schedule:
        case "constant":
            return lr
        case "linear":
            return lr * left
        case "cosine":
            return lr * (1 - math.cos(math.pi * left)) / 2
