"""Optimizer and learning-rate choices: numbers only, kernels apply them."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Adam:
    """Lazy Adam: rows that a step does not touch do not move, nor do their moments decay.

    Source: Kingma and Ba (ICLR 2015), algorithm 1, with the bias correction of the global step.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def step_size(self, lr: float, step: int) -> float:
        """lr corrected for the moments' start at zero; `step` counts from 1."""
        return lr * math.sqrt(1 - self.beta2**step) / (1 - self.beta1**step)


def linear_decay(lr: float, progress: float) -> float:
    """From lr at progress 0 straight down to 0 at progress 1."""
    return lr * max(1 - progress, 0)
