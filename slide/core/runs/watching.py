"""Who is told how training goes, and what: screens, files, and trackers of experiments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, Protocol

import numpy as np

from slide.core.learner import StepReport

Record = dict[str, Any]
Reporter = Callable[[int, dict[str, float]], None]


class Watcher(Protocol):
    """Is told how training goes: a screen, a file, a tracker of experiments, or a test.

    Two more methods are called where a watcher has them:

    * `on_begin(config, step, records)`, before the first step: all settings by their names, as
      they are given or were chosen; of a run that goes on from a checkpoint the step after which
      it does, else 0; and the evaluations before that, else none. Without it these are told by
      `on_evaluation` again.
    * `on_report(step, figures)`, after each step, before `on_step`: its loss, mean_active and
      other means of its batch, as evaluations have them of an epoch; learning_rate, where there is
      one; and examples and seconds of the run so far.
    """

    def on_step(self, step: int, n_steps: int) -> None:
        """After each step; steps count from 1."""

    def on_evaluation(self, record: Record) -> None:
        """After each epoch: one line of metrics.jsonl (see `Trainer.fit`)."""


class Several:
    """Watchers as one, told in this order; None is nobody."""

    def __init__(self, *watchers: Watcher | None) -> None:
        self.watchers = [each for each in watchers if each is not None]

    def on_begin(self, config: Record, step: int, records: list[Record]) -> None:
        """Tell each."""
        for each in self.watchers:
            begin(each, config, step, records)

    def on_step(self, step: int, n_steps: int) -> None:
        """Tell each."""
        for each in self.watchers:
            each.on_step(step, n_steps)

    def on_evaluation(self, record: Record) -> None:
        """Tell each."""
        for each in self.watchers:
            each.on_evaluation(record)


def begin(watcher: Watcher, config: Record, step: int, records: list[Record]) -> None:
    """Tell a watcher that steps are about to be taken (see `Watcher`)."""
    told = getattr(watcher, "on_begin", None)
    if told is not None:
        told(config, step, records)
        return
    for record in records:
        watcher.on_evaluation(record)


def reporters(watcher: Watcher | None) -> list[Reporter]:
    """What is to be told of each step, of a watcher and of those that it stands for."""
    if isinstance(watcher, Several):
        return [told for each in watcher.watchers for told in reporters(each)]
    told = getattr(watcher, "on_report", None)
    return [] if told is None else [told]


def figures_of(
    report: StepReport, learning_rate: float, examples: int, seconds: float
) -> dict[str, float]:
    """What `on_report` is told."""
    own = {named(name): float(getattr(report, name)) for name in StepReport.__dataclass_fields__}
    rate = {"learning_rate": learning_rate} if learning_rate else {}
    return own | rate | {"examples": examples, "seconds": seconds}


def named(field: str) -> str:
    """The name of a field of `StepReport` in metrics.jsonl."""
    return "mean_active" if field == "n_active" else field


def summary(reports: list[StepReport]) -> dict[str, float]:
    """Means over the steps of an epoch, by their names in metrics.jsonl."""
    return {
        named(name): float(np.mean([getattr(report, name) for report in reports]))
        for name in (field.name for field in fields(StepReport))
    }
