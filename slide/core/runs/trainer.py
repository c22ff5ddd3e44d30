"""Epochs of training steps, an evaluation after each, and what was seen on the way."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any, Protocol, cast

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.contract.backend import Backend
from slide.core.contract.optim import learning_rate
from slide.core.contract.timed import TimedBackend
from slide.core.examples.dataset import Dataset
from slide.core.learner import Learner, StepReport
from slide.core.learners.kinds import kind_of
from slide.core.models.model import Model
from slide.core.runs.refusals import (
    demand_time_budget,
    refuse_divergence,
    refuse_misfit,
    refuse_too_large,
)
from slide.core.runs.rehearsal import warm_up
from slide.core.runs.runners import Runner, runner_of
from slide.core.settings.config import Config


class Watcher(Protocol):
    """Is told how training goes."""

    def on_step(self, step: int, n_steps: int) -> None:
        """After each step; steps count from 1."""

    def on_evaluation(self, record: dict[str, Any]) -> None:
        """After each epoch: one line of metrics.jsonl (see `Trainer.fit`)."""


@dataclass(slots=True)
class Trainer:
    """Trains one network.

    Args:
        config: all settings.
        backend: whose kernels compute.
        time_budget: seconds of training (evaluations apart) after which to stop, even within an
            epoch; the learning rate then decays with the time used. None for no limit.
        watcher: is told of each step and evaluation.

    Attributes:
        seconds: of training so far, from drawing the network on; evaluations and the warm-up apart.
        seconds_compile: of the warm-up before it, in which kernels are compiled.
        examples: so far.
        step: number of the last step.
    """

    config: Config
    backend: Backend
    time_budget: float | None = None
    watcher: Watcher | None = None
    seconds: float = field(default=0.0, init=False)
    seconds_compile: float = field(default=0.0, init=False)
    examples: int = field(default=0, init=False)
    step: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.time_budget is not None:
            demand_time_budget(self.time_budget)

    def fit(self, train: Dataset, valid: Dataset | None = None) -> Model:
        """Train on `train`, evaluating on `valid` after each epoch.

        Each evaluation is a dict of

        * step, epoch, seconds (of training), examples (so far), seconds_by_kernel (of training);
        * loss (mean over the epoch, over the active sets), mean_active, from_labels, from_tables,
          from_uniform (shares of the active set), inclusion_probability (of the uniform ones),
          touched_rows (of the output layer), all means over the steps of the epoch;
        * precision_at_k, ndcg_at_k, psp_at_k (fractions on `valid`, if there is one);
        * full_loss (over all neurons, on the probe: 64 training examples), dead_neurons (share of
          output neurons never updated so far), and of the output layer's tables, if there are
          any: table_age (steps since the last rebuild), probe_recall_at_10 (of the exact top 10,
          on the probe, within 1 % of the neurons), bucket_mean, bucket_largest, bucket_gini,
          bucket_empty (see `slide.core.sampled.occupancy.occupancy`);
        * whatever figures the runner of the steps, or the backend, has of its own: lost_updates
          (see `slide.core.runs.hogwild`).

        The same seed gives the same network, whatever the order of the examples in `train`.

        Raises:
            ConfigError: the two sets differ in features or labels, there is nothing to learn,
                network and tables would not fit into this machine's memory, or training diverges.
        """
        refuse_misfit(train, valid)
        refuse_too_large(self.config, train)
        kind = kind_of(self.config)
        if hasattr(self.backend, "demand_room"):
            self.backend.demand_room(kind.n_bytes(self.config, train))
        self.seconds, self.examples, self.step = 0.0, 0, 0
        self.seconds_compile = warm_up(self.config, self.backend, train)
        runner, timed = runner_of(self.backend), TimedBackend(self.backend)
        began = time.perf_counter()
        learner = kind.begin(self.config, cast(Backend, timed), train)
        self.seconds += time.perf_counter() - began
        counts = train.y.positive().column_counts()
        for epoch in range(1, self.config.epochs + 1):
            reports = list(self._epoch(learner, runner))
            seconds_by_kernel = dict(timed.seconds)
            began = time.perf_counter()
            learner.catch_up()
            self.seconds += time.perf_counter() - began
            model = Model(self.config, learner.network, self.backend, counts, train.n_samples)
            if self.watcher:
                self.watcher.on_evaluation(
                    self._progress(epoch)
                    | {"seconds_by_kernel": seconds_by_kernel}
                    | summary(reports)
                    | (model.evaluate(valid) if valid is not None else {})
                    | learner.diagnostics(self.config)
                    | runner.figures()
                    | getattr(self.backend, "figures", dict)()
                )
            timed.seconds |= seconds_by_kernel  # those of training alone
            if self._used() >= 1:
                break
        refuse_divergence(learner.weight_sum(), self.step)
        return model

    def _epoch(self, learner: Learner, runner: Runner) -> Iterator[StepReport]:
        """One pass over the training set in a fresh random order, or what time allows of it."""
        n_steps = n_steps_of(self.config, learner.data.n_samples)
        began = time.perf_counter()
        for report in runner.steps(learner, self.config, self._batches(learner, n_steps)):
            self.step += 1
            refuse_divergence(report.loss, self.step)
            self.seconds += time.perf_counter() - began
            if self.watcher:
                self.watcher.on_step(self.step, n_steps)
            yield report
            began = time.perf_counter()
        self.seconds += time.perf_counter() - began

    def _batches(self, learner: Learner, n_steps: int) -> Iterator[tuple[Array, float]]:
        """Rows of each batch of an epoch and the learning rate, until time is up."""
        config, size, n_samples = self.config, self.config.batch_size, learner.data.n_samples
        order = learner.order[learner.rng.permutation(n_samples)]
        for number, start in enumerate(range(0, n_samples, size), self.step):
            if self._used() >= 1 and number > 0:
                return
            progress = max(number / n_steps, self._used())
            rows = order[start : start + size]
            self.examples += len(rows)
            yield rows, learning_rate(config.lr_schedule, config.lr, progress, config.warmup)

    def _used(self) -> float:
        """Share of the time budget that is gone; 0 if there is no budget."""
        return self.seconds / self.time_budget if self.time_budget else 0.0

    def _progress(self, epoch: int) -> dict[str, Any]:
        return {
            "step": self.step,
            "epoch": epoch,
            "seconds": self.seconds,
            "examples": self.examples,
        }


def n_steps_of(config: Config, n_samples: int) -> int:
    """Steps of a whole run."""
    return config.epochs * math.ceil(n_samples / config.batch_size)


def summary(reports: list[StepReport]) -> dict[str, float]:
    """Means over the steps of an epoch, by their names in metrics.jsonl."""
    means = {
        name: float(np.mean([getattr(report, name) for report in reports]))
        for name in (field.name for field in fields(StepReport))
    }
    return {"mean_active" if name == "n_active" else name: mean for name, mean in means.items()}
