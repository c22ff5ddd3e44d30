"""Where a run's steps are taken when shards take them: what `slide.core.runs` asks of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from slide.core.contract.backend import Backend
from slide.core.contract.state import State
from slide.core.direct.kind import DIRECT
from slide.core.errors import ConfigError, said
from slide.core.examples.dataset import Dataset
from slide.core.learner import Batches, Kind, Learner, StepReport
from slide.core.learners.config import PARTS, Config
from slide.core.learners.kinds import kind_of
from slide.core.models.model import Model
from slide.core.runs.rehearsal import tiny_like
from slide.core.runs.runners import OneByOne
from slide.core.sampled.kind import SAMPLED
from slide.core.settings.settings import Settings
from slide.distributed.driving import Driving
from slide.distributed.group import ShardGroup
from slide.distributed.hidden import HiddenRun
from slide.distributed.kept import Parts
from slide.distributed.model import ShardedModel
from slide.distributed.run import ShardedRun

RUNS: dict[str, Any] = {DIRECT.name: ShardedRun, SAMPLED.name: HiddenRun}
"""What drives shards, by the name of the kind of learner."""


class Together(OneByOne):
    """One step after the other, by all shards: a `Runner`."""

    def steps(self, learner: Learner, batches: Batches) -> Iterator[StepReport]:
        """A training step on each batch, and its report."""
        assert isinstance(learner, Driving)
        for batch in batches:
            yield learner.take(batch)


class Placed:
    """Among shards: a `Placement`.

    Args:
        group: the shards.
        checkpoints: folder of the run's checkpoints, which every machine sees by this name; None
            if it writes none.
    """

    model: type[Model] = ShardedModel
    by_steps = True

    def __init__(self, group: ShardGroup, checkpoints: Path | None = None) -> None:
        self.group, self.parts = group, Parts(checkpoints)

    def settled(self, config: Config) -> Config:
        """See `settled`."""
        return settled(config, self.group.loose)

    def kind(self, kind: Kind) -> Kind:
        """The same, whose runs are of shards."""

        run: Any = RUNS[kind.name]

        def begin(config: Settings[Any], backend: Backend, train: Dataset) -> Learner:
            learner: Learner = run.begin(config, backend, train, self.group, self.parts)
            return learner

        def resume(
            config: Settings[Any], backend: Backend, train: Dataset, state: State
        ) -> Learner:
            learner: Learner = run.resume(config, backend, train, self.group, self.parts, state)
            return learner

        return replace(kind, begin=begin, resume=resume, go_on=None)

    def runner(self, backend: Backend) -> Together:
        """All shards at once."""
        return Together()

    def demand_room(self, config: Config, backend: Backend, train: Dataset) -> None:
        """What shards have room for is not known here."""

    def rehearse(self, config: Config, backend: Backend, train: Dataset) -> float:
        """Let all shards compile what they will call."""
        seconds: list[float] = self.group.ask_anew("rehearse", config, tiny_like(train))
        return max(seconds)

    def load(self, folder: Path, backend: Backend) -> Model:
        """By shards."""
        return ShardedModel.open(folder, backend, self.group)


def settled(config: Config, loose: bool) -> Config:
    """Without a hidden layer of examples, which is not cut by labels.

    Raises:
        ConfigError: it is asked for, or `loose` together with other hidden layers, or a learner
            that takes no steps.
    """
    if kind_of(config).name not in RUNS:
        raise ConfigError(
            f"{said('distributed')} trains by steps: leave out settings of {kind_of(config).title}"
        )
    if kind_of(config) is SAMPLED and loose:
        raise ConfigError(
            f"{said('loose')} is about the hardest labels of direct connections: leave it out with "
            "hidden layers"
        )
    if kind_of(config) is SAMPLED:
        return config
    if config.learner.layers == 2:
        raise ConfigError(
            f"{said('layers', 2)} is a hidden layer of examples, which is not cut by labels: leave "
            f"it out with {said('distributed')}"
        )
    return Config(**{name: getattr(config, name) for name in PARTS}, layers=1)
