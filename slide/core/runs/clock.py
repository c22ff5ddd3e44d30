"""How far a run is, and the batches that are still to come."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.contract.state import State, rng_from, state_of_rng
from slide.core.learner import Batch, Learner, StepReport
from slide.core.learners.kinds import kind_of


@dataclass(slots=True)
class Clock:
    """What a run has taken so far.

    Args:
        budget: seconds after which it is to stop; None for no limit.
        seconds: of training, from drawing the network on; evaluations apart.
        examples: that were given to a step.
        step: number of the last step.
        lr: learning rate of the last batch that was asked for; 0 if there is no such thing.
        seconds_evaluate: of evaluations.
    """

    budget: float | None = None
    seconds: float = 0.0
    examples: int = 0
    step: int = 0
    lr: float = 0.0
    seconds_evaluate: float = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count the seconds of what is done within it."""
        began = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - began

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Count the seconds of what is done within it, apart from those of training."""
        began = time.perf_counter()
        yield
        self.seconds_evaluate += time.perf_counter() - began

    def state(self) -> State:
        """What is to go on from."""
        names = "seconds", "examples", "step", "seconds_evaluate"
        return {name: getattr(self, name) for name in names}

    def told(self, epoch: int) -> dict[str, float]:
        """How far the run is, by the names in metrics.jsonl."""
        return {
            "step": self.step,
            "epoch": epoch,
            "seconds": self.seconds,
            "examples": self.examples,
        }

    @property
    def used(self) -> float:
        """Share of the budget that is gone; 0 if there is none."""
        return self.seconds / self.budget if self.budget else 0.0

    @property
    def left(self) -> float:
        """Seconds of the budget that are left; infinite if there is none."""
        return self.budget - self.seconds if self.budget else math.inf


@dataclass(slots=True)
class Place:
    """How far a run is in its epochs.

    Args:
        epoch: the present one, from 1.
        reports: of its steps.
        drawn_from: state of the generator that the epoch's order was drawn from, if it was.
        n_finished: parts of what is due after the last epoch that are done, if there are several.
        has_enough: whether the epoch was evaluated, and no other one is to come.
        is_done: whether there is nothing more to do.
    """

    epoch: int = 1
    reports: list[StepReport] = field(default_factory=list)
    drawn_from: State | None = None
    n_finished: int = 0
    has_enough: bool = False
    is_done: bool = False

    def advance(self) -> None:
        """To the next epoch."""
        self.epoch, self.reports, self.drawn_from = self.epoch + 1, [], None

    def order(self, learner: Learner) -> Array:
        """The rows of the training set in the order of the epoch, which is drawn once."""
        rng = learner.rng
        if self.drawn_from is None:
            self.drawn_from = state_of_rng(rng)
        else:
            rng = rng_from(self.drawn_from)
        window = learner.settings.steps.shuffle_window
        if window:
            order = in_windows(learner.data.n_samples, window, rng)
            return order[np.isin(order, learner.order)]
        return learner.order[rng.permutation(len(learner.order))]

    def state(self) -> State:
        """All of it."""
        names = StepReport.__dataclass_fields__
        reports = {
            name: np.array([getattr(report, name) for report in self.reports]) for name in names
        }
        plain = {name: getattr(self, name) for name in PLAIN}
        return plain | {"reports": reports}

    @classmethod
    def restored(cls, state: State) -> Place:
        """The place of such a state."""
        columns = {name: array.tolist() for name, array in state["reports"].items()}
        rows = zip(*columns.values(), strict=True)
        reports = [StepReport(**dict(zip(columns, row, strict=True))) for row in rows]
        return cls(reports=reports, **{name: state[name] for name in PLAIN})


BLOCKS = 64  # of neighbours that are shuffled together: enough that they are no set of their own
PLAIN = "epoch", "drawn_from", "n_finished", "has_enough", "is_done"


def in_windows(n: int, window: int, rng: np.random.Generator) -> Array:
    """0 to n - 1 shuffled, so that whoever reads them in a row is at few places at a time.

    They are cut into blocks of neighbours; the blocks come in random order, and so do numbers
    within each run of `window`, which has numbers of BLOCKS of them.

    Returns:
        i64 (n,).
    """
    size = -(-window // BLOCKS)
    blocks = rng.permutation(-(-n // size))
    order = (size * blocks[:, None] + np.arange(size)).ravel()
    order = order[order < n]
    for start in range(0, n, window):
        rng.shuffle(order[start : start + window])
    return order


def n_steps_of(learner: Learner) -> int:
    """Steps of a whole run."""
    n_samples = len(learner.order)
    return learner.settings.training.epochs * math.ceil(n_samples / learner.batch_size)


def last_rate(learner: Learner, clock: Clock) -> dict[str, float]:
    """The learning rate of the last step, by its name in metrics.jsonl; none where there is none.

    With a time budget that of a step now.
    """
    done = max(max(clock.step - 1, 0) / n_steps_of(learner), clock.used)
    if not kind_of(learner.settings).takes_steps:
        return {}
    return {"learning_rate": learner.learning_rate(min(done, 1.0))}


def batches(learner: Learner, clock: Clock, place: Place | None = None) -> Iterator[Batch]:
    """Each batch that is left of an epoch, until time is up.

    Examples come in a fresh random order. Batches may be asked for before the steps on those
    before them are done, so the share of the run that is done is told by their number.
    """
    n_samples, size, n_steps = len(learner.order), learner.batch_size, n_steps_of(learner)
    place = place or Place()
    done = size * len(place.reports)
    order = place.order(learner)
    for number, start in enumerate(range(done, n_samples, size), clock.step):
        if clock.used >= 1 and number > 0:
            return
        rows = order[start : start + size]
        clock.examples += len(rows)
        learner.seconds_left = clock.left
        clock.lr = learner.learning_rate(max(number / n_steps, clock.used))
        yield Batch(rows, clock.lr, order[start + size : start + 2 * size])
