"""Epochs of training steps, an evaluation after each, and what was seen on the way."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np

from slide.core.contract.backend import Backend
from slide.core.contract.opening import opened
from slide.core.contract.timed import TimedBackend
from slide.core.errors import ConfigError
from slide.core.examples.dataset import Dataset, checked, refuse_nameless
from slide.core.examples.numbering import by_columns
from slide.core.examples.scored import Scored
from slide.core.learner import Learner, StepReport
from slide.core.learners.config import Config
from slide.core.learners.kinds import kind_of
from slide.core.learners.recipe import completed
from slide.core.models.calibration import Calibration
from slide.core.models.model import Model
from slide.core.models.unseen import known
from slide.core.runs.calibrating import answers, answers_by_parts, refuse_too_few
from slide.core.runs.clock import Clock, batches, n_steps_of
from slide.core.runs.going_on import Before, numberings
from slide.core.runs.keeping import LAST, Keeping, Kept, folder_or_temporary
from slide.core.runs.refusals import (
    demand_time_budget,
    refuse_divergence,
    refuse_misfit,
    refuse_too_large,
)
from slide.core.runs.rehearsal import rehearse
from slide.core.runs.runners import Runner, runner_of


class Watcher(Protocol):
    """Is told how training goes: a screen, a file, or a test."""

    def on_step(self, step: int, n_steps: int) -> None:
        """After each step; steps count from 1."""

    def on_evaluation(self, record: dict[str, Any]) -> None:
        """After each epoch: one line of metrics.jsonl (see `Trainer.fit`)."""


@dataclass(slots=True)
class Trainer:
    """Trains one network.

    Args:
        config: all settings; what a `slide.Config` leaves open is chosen for each training set.
        backend: whose kernels compute; by default the one of the command line, on all cores. In
            place of a backend its name will do.
        time_budget: seconds of training (evaluations apart) after which to stop, even within an
            epoch; the learning rate then decays with the time used. None for no limit.
        watcher: is told of each step and evaluation.
        keeping: which epoch's model `fit` gives, and when it stops.
        keep_in: a folder for the best model meanwhile; a temporary one if None.
        calibrate: have calibrated probabilities even where no training example was held out and
            there is no validation set: train again, without some of the examples, and forget it.

    Attributes:
        said: the config that it was made with; `config` is what was trained last.
        kept: the evaluation of the model that `fit` gave.
        clock: how far the run is; `seconds`, `examples` and `step` are its own.
        seconds_compile: of the rehearsal before it, in which kernels are compiled.
        seconds_calibrate: after training, of fitting probabilities.
    """

    config: Config
    backend: Backend = field(default_factory=lambda: opened(None))
    time_budget: float | None = None
    watcher: Watcher | None = None
    keeping: Keeping = LAST
    keep_in: Path | None = None
    calibrate: bool = False
    said: Config = field(init=False)
    kept: dict[str, Any] = field(default_factory=dict, init=False)
    clock: Clock = field(default_factory=Clock, init=False)
    seconds_compile: float = field(default=0.0, init=False)
    seconds_calibrate: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        if not isinstance(self.config, Config):
            raise ConfigError(f"config is {self.config!r}: expected a slide.Config")
        if not isinstance(self.keeping, Keeping):
            expected = 'a Keeping, such as Keeping("best")'
            raise ConfigError(f"keeping is {self.keeping!r}: expected {expected}")
        self.said, self.backend = self.config, opened(self.backend)
        if self.time_budget is not None:
            demand_time_budget(self.time_budget)

    def fit(
        self, train: Dataset, valid: Dataset | None = None, begin_with: Model | None = None
    ) -> Model:
        """Train on `train`, evaluating on `valid` after each epoch; the model that is to be kept.

        If training has had enough of epochs without a better one, what is due at the end is done
        and evaluated, too.

        Each evaluation is a dict of

        * step, epoch, seconds (of training), examples (so far), seconds_by_kernel (of training);
        * loss (mean over the epoch, over the active sets), mean_active, from_labels, from_tables,
          from_uniform (shares of the active set), inclusion_probability (of the uniform ones),
          touched_rows (of the output layer), all means over the steps of the epoch;
        * what `Model.evaluate` returns (fractions on `valid`, if there is one);
        * full_loss (over all neurons, on the probe: 64 training examples), dead_neurons (share of
          output neurons never updated so far), and of the output layer's tables, if there are
          any: table_age (steps since the last rebuild), probe_recall_at_10 (of the exact top 10,
          on the probe, within 1 % of the neurons), bucket_mean, bucket_largest, bucket_gini,
          bucket_empty (see `slide.core.sampled.occupancy.occupancy`);
        * whatever figures the runner of the steps, or the backend, has of its own: lost_updates
          (see `slide.core.runs.hogwild`).

        What `valid` has that `train` lacks is left out, or counts as missed, with an
        `UnseenWarning`. Where few of many ids are in use, memory follows those.

        With `begin_with`, a model that takes steps, training goes on from its weights, on these
        examples alone; they may have more features and labels than it has.

        The same seed gives the same network, whatever the order of the examples in `train`.

        Probabilities are calibrated (`Model.predict_proba`) on what the learner held out of `train`
        until its last round; if it did not, or another epoch is kept, on `valid`; else, if
        `calibrate` is true, by training again. Weights do not depend on it.

        Raises:
            InputError: the arrays of a set contradict each other, or a number is not finite.
            ConfigError: dense sets differ in features, there is nothing to learn, network and
                tables would not fit into memory, training diverges, epochs are to be compared
                without `valid`, or `calibrate` is asked for on too few examples.
        """
        self.keeping.refuse_without(valid)
        train = checked(train, "the training set").counted()
        refuse_nameless(train, "the training set")
        valid = None if valid is None else checked(valid, "the validation set")
        refuse_misfit(train, valid)
        names = {name: getattr(train, name) for name in ("feature_names", "label_names", "text")}
        train, features, labels = by_columns(train, numberings(begin_with))
        before = Before(begin_with, features, labels)
        counts = before.label_counts(train.y.positive().column_counts())
        if valid is not None:
            valid, unseen = known(valid, features, labels, counts)
            unseen.warn()
        self._get_ready(train)
        as_model = partial(
            Model, self.config, backend=self.backend, label_counts=counts,
            n_samples=before.n_samples + train.n_samples, feature_ids=features.ids,
            label_ids=labels.ids, **names,
        )  # fmt: skip
        with folder_or_temporary(self.keep_in) as folder:
            kept = Kept(self.keeping, folder)
            last, held_out = self._epochs(train, valid, kept, as_model, before)
            self.kept = kept.record
            model = kept.model(last, self.backend)
        began = time.perf_counter()
        scored = self._answers(model, train, valid, held_out if model is last else None)
        if scored is not None:
            model.calibration = Calibration.fitted(scored, counts)
        self.seconds_calibrate = time.perf_counter() - began
        return model

    def _answers(
        self, model: Model, train: Dataset, valid: Dataset | None, held_out: Scored | None
    ) -> Scored | None:
        """To examples that the model was not trained on; None where there are none."""
        if held_out is None and valid is not None and valid.n_samples:
            return answers(model, valid)
        if held_out is None and self.calibrate:
            again = Trainer(self.config, self.backend, self.time_budget)
            return answers_by_parts(train, self.config.training.seed, again.fit)
        return held_out

    def _get_ready(self, train: Dataset) -> None:
        """Choose what the config leaves open, refuse what does not fit, compile kernels."""
        by_steps = getattr(self.backend, "hogwild_workers", None) is not None
        self.config = completed(self.said, train, by_steps, self.time_budget)
        if self.calibrate:
            refuse_too_few(train.n_samples)
        refuse_too_large(self.config, train)
        if hasattr(self.backend, "demand_room"):
            self.backend.demand_room(kind_of(self.config).n_bytes(self.config, train))
        self.clock = Clock(self.time_budget)
        self.seconds_compile = rehearse(self.config, self.backend, train)

    def _epochs(
        self,
        train: Dataset,
        valid: Dataset | None,
        kept: Kept,
        as_model: Callable[..., Model],
        before: Before,
    ) -> tuple[Model, Scored | None]:
        """All epochs, each with its evaluation; the model of the last one, and its `held_out`."""
        runner, timed = runner_of(self.backend), TimedBackend(self.backend)
        with self.clock.running():
            learner = before.begin(self.config, cast(Backend, timed), train)

        def evaluated(epoch: int, reports: list[StepReport]) -> Model:
            seconds_by_kernel = dict(timed.seconds)
            model = as_model(learner.network)
            if self.watcher is not None or self.keeping.compares:
                record = (
                    self._progress(epoch)
                    | {"seconds_by_kernel": seconds_by_kernel}
                    | summary(reports)
                    | (model.scored(valid) if valid is not None else {})
                    | learner.diagnostics()
                    | runner.figures()
                    | getattr(self.backend, "figures", dict)()
                )
                kept.see(model, record)
                if self.watcher is not None:
                    self.watcher.on_evaluation(record)
            timed.seconds |= seconds_by_kernel  # those of training alone
            return model

        for epoch in range(1, self.config.training.epochs + 1):
            reports = self._epoch(learner, runner)
            is_last = epoch == self.config.training.epochs or self.clock.used >= 1
            is_last = is_last or learner.is_done
            with self.clock.running():
                learner.catch_up()
                if is_last:
                    learner.finish()
            model = evaluated(epoch, reports)
            if is_last:
                break
            if kept.is_stale:
                model = evaluated(epoch, reports) if self._has_finished(learner) else model
                break
        refuse_divergence(learner.weight_sum(), self.clock.step)
        return model, learner.held_out

    def _has_finished(self, learner: Learner) -> bool:
        """Do what is due at the end; whether there was anything."""
        n_steps = learner.n_steps
        with self.clock.running():
            learner.finish()
        return learner.n_steps > n_steps

    def _progress(self, epoch: int) -> dict[str, Any]:
        """How far the run is."""
        return {
            "step": self.clock.step,
            "epoch": epoch,
            "seconds": self.clock.seconds,
            "examples": self.clock.examples,
        }

    def _epoch(self, learner: Learner, runner: Runner) -> list[StepReport]:
        """One pass over the training set, or what time allows of it; a report of each step."""
        clock, n_steps = self.clock, n_steps_of(learner)
        steps, reports = runner.steps(learner, batches(learner, clock)), list[StepReport]()
        while True:
            with clock.running():
                report = next(steps, None)
            if report is None:
                return reports
            clock.step += 1
            refuse_divergence(report.loss, clock.step)
            reports.append(report)
            if self.watcher is not None:
                self.watcher.on_step(clock.step, n_steps)

    @property
    def seconds(self) -> float:
        return self.clock.seconds

    @property
    def examples(self) -> int:
        return self.clock.examples

    @property
    def step(self) -> int:
        return self.clock.step


def summary(reports: list[StepReport]) -> dict[str, float]:
    """Means over the steps of an epoch, by their names in metrics.jsonl."""
    means = {
        name: float(np.mean([getattr(report, name) for report in reports]))
        for name in (field.name for field in fields(StepReport))
    }
    return {"mean_active" if name == "n_active" else name: mean for name, mean in means.items()}
