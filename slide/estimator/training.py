"""Training as an estimator asks for it: settings, threads, and what is kept of the run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from slide.backends import use_threads
from slide.core.contract.opening import n_threads, opened
from slide.core.errors import ConfigError
from slide.core.examples.dataset import Dataset
from slide.core.learners.config import Config, kinds_asked_for, plainly
from slide.core.learners.recipe import recipe
from slide.core.machine import cores
from slide.core.models.model import Model
from slide.core.runs.keeping import LAST, Keeping
from slide.core.runs.trainer import Trainer
from slide.core.settings.traits import FEW_LABELS, Traits
from slide.core.svm.kind import SVM

RACED = ("cost", "centroid", "idf_power")  # what a run chooses by trying


@dataclass
class History:
    """All evaluations of a run: a `Watcher`."""

    records: list[dict[str, Any]] = field(default_factory=list)

    def on_step(self, step: int, n_steps: int) -> None:
        """Nobody looks."""

    def on_evaluation(self, record: dict[str, Any]) -> None:
        """Keep it."""
        self.records.append(record)


@dataclass(frozen=True, slots=True)
class Wanted:
    """How to train.

    Args:
        said: settings by name, those that somebody gave.
        backend: its name, or one; None for the default.
        n_jobs: threads; None for all cores, negative ones count from all of them down: -1 is all.
        time_budget: seconds, or None.
        keeping: which epoch's model, and when there were enough.
    """

    said: dict[str, Any]
    backend: Any = None
    n_jobs: int | None = None
    time_budget: float | None = None
    keeping: Keeping = LAST

    def train(
        self, data: Dataset, valid: Dataset | None = None, begin_with: Model | None = None
    ) -> tuple[Model, list[dict[str, Any]]]:
        """A model of these examples, and its evaluations; see `Trainer.fit`."""
        backend, history = opened(self.backend), History()
        use_threads(backend, threads_of(self.n_jobs))
        config = begin_with.config if begin_with else self.config(data)
        trainer = Trainer(config, backend, self.time_budget, history, self.keeping)
        return trainer.fit(data, valid, begin_with), history.records

    def config(self, data: Dataset) -> Config:
        """Settings for these examples: few labels are solved, many are as the recipe has it."""
        solved = solving(data, self.said, self.time_budget)
        return solved or recipe(data, False, self.time_budget, **self.said)


def solving(data: Dataset, said: dict[str, Any], time_budget: float | None) -> Config | None:
    """Settings that solve few labels, if what is said by name and the time allow it."""
    said = plainly(said)
    if SVM not in kinds_asked_for(said) or time_budget is not None or data.n_labels > FEW_LABELS:
        return None
    return Config(learner=SVM.settings(), **SVM.completed(Traits.of(data), said))


def chosen_in(records: list[dict[str, Any]]) -> dict[str, float]:
    """What a run has chosen by trying, by the names of the settings."""
    return {name: records[-1][name] for name in RACED if records and name in records[-1]}


def threads_of(n_jobs: int | None) -> int:
    """A number of threads.

    Raises:
        ConfigError: there cannot be so many.
    """
    if n_jobs is None:
        return cores()
    if isinstance(n_jobs, int) and n_jobs < 0:
        return max(cores() + 1 + n_jobs, 1)
    try:
        return n_threads(n_jobs)
    except ConfigError as error:
        raise ConfigError(str(error).replace("threads", "n_jobs", 1)) from None
