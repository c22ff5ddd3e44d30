"""Who takes the training steps of an epoch: the learner itself, or the workers of its backend."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from slide.core.contract.backend import Backend
from slide.core.examples.ahead import Ahead
from slide.core.learner import Batches, Learner, StepReport
from slide.core.learners.config import Config
from slide.core.learners.kinds import kind_of
from slide.core.runs.hogwild import Hogwild
from slide.core.runs.saving import TREES


class Runner(Protocol):
    """Takes the training steps of a run, epoch by epoch."""

    def steps(self, learner: Learner, batches: Batches) -> Iterator[StepReport]:
        """A training step on each batch, and its report."""

    def figures(self) -> dict[str, float]:
        """Of the last epoch, by their names in metrics.jsonl."""


class OneByOne:
    """One step after the other: a `Runner`."""

    def steps(self, learner: Learner, batches: Batches) -> Iterator[StepReport]:
        """A training step on each batch, and its report."""
        with Ahead.of(learner.data) as data:
            for rows, lr, following in batches:
                yield learner.step(data.take(rows, following), lr)

    def figures(self) -> dict[str, float]:
        """Nothing to tell."""
        return {}


def runner_of(backend: Backend) -> Runner:
    """By workers at once if the backend has such, else one step after the other."""
    workers = getattr(backend, "hogwild_workers", None)
    return OneByOne() if workers is None else Hogwild(workers)


def when_whole(runner: Runner, config: Config) -> str:
    """Of TREES: when the state of a run is whole, by who takes its steps, and how long they are."""
    live, frozen, between = TREES
    if not isinstance(runner, OneByOne):
        return between
    return live if kind_of(config).takes_steps else frozen
