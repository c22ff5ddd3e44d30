"""The epochs of a run: training steps, an evaluation after each, and what is due at the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slide.core.contract.state import State
from slide.core.examples.dataset import Dataset
from slide.core.examples.scored import Scored
from slide.core.models.model import Model
from slide.core.runs.clock import batches, last_rate, n_steps_of
from slide.core.runs.course import Course
from slide.core.runs.refusals import refuse_divergence
from slide.core.runs.runners import Runner
from slide.core.runs.saving import Saver, Unsaved
from slide.core.runs.watching import Record, figures_of, reporters, summary

if TYPE_CHECKING:
    from slide.core.runs.trainer import Trainer


@dataclass(frozen=True, slots=True)
class Epochs:
    """Those of a run, until they are done, time is up, or there is no better one to come.

    Args:
        trainer: whose run it is; its clock counts.
        course: where the run is, with its learner.
        runner: takes the steps.
        saver: is told wherever the state of the run is whole.
        valid: what to evaluate on, or None.
        as_model: makes one of the learner's network.
    """

    trainer: Trainer
    course: Course
    runner: Runner
    saver: Saver | Unsaved
    valid: Dataset | None
    as_model: Callable[..., Model]

    def run(self) -> tuple[Model, Scored | None]:
        """All epochs, each with its evaluation; the model of the last one, and its `held_out`."""
        learner, place, saver = self.course.learner, self.course.place, self.saver
        model = self.as_model(learner.network)
        while not place.is_done:
            if place.has_enough:
                has_changed = self.has_finished()
                model = self.evaluated(True) if has_changed else self.as_model(learner.network)
                place.is_done = True
                break
            self.epoch()
            is_last = self.is_last
            with self.trainer.clock.running(), saver.stepping():
                learner.catch_up()
            if is_last:
                self.has_finished()
            self.refuse(learner.weight_sum())
            model = self.evaluated(is_last)
            saver.point(self.course.number, is_epoch=True)
        self.refuse(learner.weight_sum())
        return model, learner.held_out

    def epoch(self) -> None:
        """What is left of a pass over the training set, or what time allows of it."""
        learner, place, watcher = self.course.learner, self.course.place, self.trainer.watcher
        clock, n_steps, reported = self.trainer.clock, n_steps_of(learner), reporters(watcher)
        steps = self.runner.steps(learner, batches(learner, clock, place))
        while True:
            with self.saver.stepping():
                with clock.running():
                    report = next(steps, None)
                if report is None:
                    return
                clock.step += 1
                place.reports.append(report)
            self.refuse(report.loss)
            self.saver.point(clock.step)
            for tell in reported:
                tell(clock.step, figures_of(report, clock.lr, clock.examples, clock.seconds))
            if watcher is not None:
                watcher.on_step(clock.step, n_steps)

    @property
    def is_last(self) -> bool:
        """Whether the epoch that is over is the last one that there may be."""
        place, trainer = self.course.place, self.trainer
        is_last = place.epoch == trainer.config.training.epochs or trainer.clock.used >= 1
        return is_last or self.course.learner.is_done or place.n_finished > 0

    def has_finished(self) -> bool:
        """Do what is due at the end; whether there was anything."""
        learner, place, clock = self.course.learner, self.course.place, self.trainer.clock
        n_steps, has_more = learner.n_steps, True
        while has_more:
            learner.seconds_left = clock.left
            with clock.running():
                has_more = learner.finish()
            place.n_finished += has_more or place.n_finished > 0
            if has_more:
                self.saver.point(self.course.number, is_epoch=True)
        return learner.n_steps > n_steps

    def evaluated(self, is_last: bool) -> Model:
        """The model as it is now, its evaluation being noted if anybody is to know of it."""
        course, trainer = self.course, self.trainer
        kernels = course.timed.told()
        model, record = self.as_model(course.learner.network), None
        is_wanted = trainer.watcher is not None or trainer.keeping.compares
        if is_wanted and (is_last or course.learner.is_comparable):
            with trainer.clock.evaluating():
                record = self.measured(model, kernels)
        course.timed.go_on_from(kernels)  # those of training alone
        with self.saver.held():
            course.close_epoch(model, record, is_last)
        return model

    def measured(self, model: Model, kernels: State) -> Record:
        """An evaluation, see `Trainer.fit`.

        Args:
            model: as it is now.
            kernels: seconds and calls of those of training.
        """
        learner, place, clock = self.course.learner, self.course.place, self.trainer.clock
        return (
            clock.told(place.epoch)
            | kernels
            | last_rate(learner, clock)
            | summary(place.reports)
            | (model.scored(self.valid) if self.valid is not None else {})
            | learner.diagnostics()
            | self.runner.figures()
            | getattr(self.trainer.backend, "figures", dict)()
        )

    def refuse(self, figure: float) -> None:
        """Raise ConfigError if a loss or a sum of weights is not finite."""
        refuse_divergence(figure, self.trainer.clock.step, self.trainer.config)
