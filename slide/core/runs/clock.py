"""How far a run is, and the batches that are still to come."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from slide.core.contract.arrays import Array
from slide.core.contract.optim import learning_rate
from slide.core.learner import Learner
from slide.core.settings.settings import Training


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


def n_steps_of(training: Training, n_samples: int) -> int:
    """Steps of a whole run."""
    return training.epochs * math.ceil(n_samples / training.batch_size)


def batches(learner: Learner, clock: Clock) -> Iterator[tuple[Array, float]]:
    """Rows of each batch of an epoch and its learning rate, until time is up.

    Examples come in a fresh random order. Batches may be asked for before the steps on those
    before them are done, so the share of the run that is done is told by their number.
    """
    training, n_samples = learner.settings.training, learner.data.n_samples
    size, n_steps = training.batch_size, n_steps_of(training, n_samples)
    order = learner.order[learner.rng.permutation(n_samples)]
    for number, start in enumerate(range(0, n_samples, size), clock.step):
        if clock.used >= 1 and number > 0:
            return
        progress = max(number / n_steps, clock.used)
        rows = order[start : start + size]
        clock.examples += len(rows)
        yield rows, learning_rate(training.lr_schedule, training.lr, progress, training.warmup)
