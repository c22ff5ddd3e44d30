"""Where the steps of a run are taken: in this process, or wherever somebody else puts them."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from slide.core.contract.backend import Backend
from slide.core.examples.dataset import Dataset
from slide.core.learner import Kind
from slide.core.learners.config import Config
from slide.core.learners.kinds import kind_of
from slide.core.models.model import Model
from slide.core.runs.refusals import refuse_too_large
from slide.core.runs.rehearsal import rehearse
from slide.core.runs.runners import Runner, runner_of


class Placement(Protocol):
    """What a run asks of the place where its steps are taken.

    Attributes:
        model: what a model of its networks is.
        by_steps: whether only learners will do that take steps on batches.
    """

    model: type[Model]
    by_steps: bool

    def settled(self, config: Config) -> Config:
        """The settings as they can be there, or ConfigError."""

    def kind(self, kind: Kind) -> Kind:
        """The same kind of learner, whose runs begin and go on there."""

    def runner(self, backend: Backend) -> Runner:
        """Who takes the steps of an epoch."""

    def demand_room(self, config: Config, backend: Backend, train: Dataset) -> None:
        """Raise ConfigError or BackendError if there is not enough memory, as far as is known."""

    def rehearse(self, config: Config, backend: Backend, train: Dataset) -> float:
        """Compile what will be called; the seconds that it took."""

    def load(self, folder: Path, backend: Backend) -> Model:
        """A model that lies in a folder."""


class Here:
    """In this process, or by the workers of its backend: a `Placement`."""

    model: type[Model] = Model
    by_steps = False

    def settled(self, config: Config) -> Config:
        """As they are."""
        return config

    def kind(self, kind: Kind) -> Kind:
        """Itself."""
        return kind

    def runner(self, backend: Backend) -> Runner:
        """See `runner_of`."""
        return runner_of(backend)

    def demand_room(self, config: Config, backend: Backend, train: Dataset) -> None:
        """In memory, and wherever the backend puts arrays."""
        refuse_too_large(config, train)
        if hasattr(backend, "demand_room"):
            backend.demand_room(kind_of(config).n_bytes(config, train))

    def rehearse(self, config: Config, backend: Backend, train: Dataset) -> float:
        """See `rehearse`."""
        return rehearse(config, backend, train)

    def load(self, folder: Path, backend: Backend) -> Model:
        """By `Model.load`."""
        return Model.load(folder, backend)


HERE: Placement = Here()
