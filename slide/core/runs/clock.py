"""How far a run is, and the batches that are still to come."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from slide.core.contract.arrays import Array
from slide.core.learner import Learner


@dataclass(slots=True)
class Clock:
    """What a run has taken so far.

    Args:
        budget: seconds after which it is to stop; None for no limit.
        seconds: of training, from drawing the network on; evaluations apart.
        examples: that were given to a step.
        step: number of the last step.
    """

    budget: float | None = None
    seconds: float = 0.0
    examples: int = 0
    step: int = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count the seconds of what is done within it."""
        began = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - began

    @property
    def used(self) -> float:
        """Share of the budget that is gone; 0 if there is none."""
        return self.seconds / self.budget if self.budget else 0.0

    @property
    def left(self) -> float:
        """Seconds of the budget that are left; infinite if there is none."""
        return self.budget - self.seconds if self.budget else math.inf


def n_steps_of(learner: Learner) -> int:
    """Steps of a whole run."""
    n_samples = learner.data.n_samples
    return learner.settings.training.epochs * math.ceil(n_samples / learner.batch_size)


def batches(learner: Learner, clock: Clock) -> Iterator[tuple[Array, float]]:
    """Rows of each batch of an epoch and its learning rate, until time is up.

    Examples come in a fresh random order. Batches may be asked for before the steps on those
    before them are done, so the share of the run that is done is told by their number.
    """
    n_samples, size, n_steps = learner.data.n_samples, learner.batch_size, n_steps_of(learner)
    order = learner.order[learner.rng.permutation(n_samples)]
    for number, start in enumerate(range(0, n_samples, size), clock.step):
        if clock.used >= 1 and number > 0:
            return
        rows = order[start : start + size]
        clock.examples += len(rows)
        learner.seconds_left = clock.left
        yield rows, learner.learning_rate(max(number / n_steps, clock.used))
