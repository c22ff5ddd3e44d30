"""A run on its way: all that is stored of it in a checkpoint, and restored from one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from slide.core.contract.backend import Backend
from slide.core.contract.state import State
from slide.core.contract.timed import TimedBackend
from slide.core.examples.dataset import Dataset
from slide.core.learners.kinds import kind_of
from slide.core.models.model import Model
from slide.core.runs.clock import Place
from slide.core.runs.found import demand_place, understood
from slide.core.runs.going_on import Before
from slide.core.runs.keeping import Kept
from slide.core.runs.refusals import refuse_divergence
from slide.core.runs.watching import begin

if TYPE_CHECKING:
    from slide.core.runs.trainer import Trainer


class Course:
    """A run on its way: all that is stored of it, and restored.

    Args:
        trainer: whose run it is; its clock goes on from the state.
        train: the training set.
        timed: the backend, with the seconds of its kernels.
        kept: the best epoch so far.
        before: what the run begins with.
        found: a state to go on from, or None.
    """

    def __init__(
        self,
        trainer: Trainer,
        train: Dataset,
        timed: TimedBackend,
        kept: Kept,
        before: Before,
        found: State | None,
    ) -> None:
        self.trainer, self.timed, self.kept = trainer, timed, kept
        self.place, self.records = Place(), list[dict[str, Any]]()
        kind = trainer.placement.kind(kind_of(trainer.config))
        backend = cast(Backend, timed)
        with trainer.clock.running():
            if found is None:
                self.learner = before.begin(kind, trainer.config, backend, train)
            else:
                with understood():
                    self.learner = kind.resume(trainer.config, backend, train, found["learner"])
        if found is not None:
            with understood():
                self.restore(found)
        if trainer.watcher is not None:
            begin(trainer.watcher, trainer.config.flat(), trainer.clock.step, list(self.records))

    def restore(self, found: State) -> None:
        """Go on from a state."""
        clock = self.trainer.clock
        for name, value in found["clock"].items():
            setattr(clock, name, value)
        demand_place(found["place"])
        self.place = Place.restored(found["place"])
        self.kept.restore(found["kept"])
        self.timed.go_on_from(found)
        self.learner.seconds_left = clock.left
        self.records = found["records"]

    @property
    def number(self) -> int:
        """Of where it is: steps that were taken, and parts of what is due at the end."""
        return self.trainer.clock.step + self.place.n_finished

    def state(self, run: State) -> State:
        """All of it, with what is said of the run.

        Raises:
            ConfigError: weights are not finite, so that there is nothing to go on from.
        """
        trainer, clock = self.trainer, self.trainer.clock
        refuse_divergence(self.learner.weight_sum(), clock.step, trainer.config)
        more = {"time_budget": trainer.time_budget, "calibrate": trainer.calibrate}
        return {
            "run": run | more,
            "clock": clock.state(),
            "place": self.place.state(),
            "kept": self.kept.state(),
            "records": list(self.records),
            "learner": self.learner.state(),
        } | self.timed.told()

    def close_epoch(self, model: Model, record: dict[str, Any] | None, is_last: bool) -> None:
        """Take note of an evaluation, and of what comes after it."""
        if record is not None:
            self.kept.see(model, record)
            self.records.append(record)
            if self.trainer.watcher is not None:
                self.trainer.watcher.on_evaluation(record)
        if is_last:
            self.place.is_done = True
        elif self.kept.is_stale:
            self.place.has_enough = True
        else:
            self.place.advance()
