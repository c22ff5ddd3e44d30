"""Training that begins with a model: more examples, which may have new features and labels."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.contract.backend import Backend
from slide.core.contract.state import State
from slide.core.errors import ConfigError
from slide.core.examples.dataset import Dataset
from slide.core.examples.numbering import Numbering, by_columns
from slide.core.learner import Earlier, Kind, Learner
from slide.core.learners.kinds import kind_of
from slide.core.models.model import Model
from slide.core.runs.found import demand_start, understood
from slide.core.settings.settings import Settings


@dataclass(frozen=True, slots=True)
class Start:
    """What a run has to know of the model that it began with, when its weights are taken over.

    Args:
        features, labels: its numberings.
        label_counts: examples of each label, i64 (n_labels,).
        n_samples: examples.
    """

    features: Numbering
    labels: Numbering
    label_counts: Array
    n_samples: int

    @classmethod
    def of(cls, model: Model) -> Start:
        """Of a model."""
        return cls(model.features, model.labels, model.label_counts, model.n_samples)

    @classmethod
    def restored(cls, state: State) -> Start:
        """The same of a run that goes on."""
        features, labels = Numbering(**state["features"]), Numbering(**state["labels"])
        return cls(features, labels, state["label_counts"], state["n_samples"])

    def state(self) -> State:
        """All of it."""
        return asdict(self)


def start_of(begin_with: Model | None, found: State | None) -> Start | None:
    """Where a run starts, or where the one started that goes on; None for nothing."""
    if found is not None:
        with understood():
            start = found["run"]["start"]
            demand_start(start)
        return None if start is None else Start.restored(start)
    return None if begin_with is None else Start.of(begin_with)


@dataclass(frozen=True, slots=True)
class Before:
    """What a run begins with.

    Args:
        model: that was trained before; None for nothing, or in a run that goes on.
        start: what is to be known of it.
        features, labels: numberings of the new examples, which have all that the model has.
    """

    model: Model | None
    start: Start | None
    features: Numbering
    labels: Numbering

    @classmethod
    def found(
        cls, train: Dataset, model: Model | None, found: State | None
    ) -> tuple[Dataset, Before]:
        """The examples by the columns of the model that is begun with, and what is begun with.

        Args:
            train: examples, by ids.
            model: to begin with, or None.
            found: state of a run to go on with, or None.
        """
        start = start_of(model, found)
        known = None if start is None else (start.features, start.labels)
        train, features, labels = by_columns(train, known)
        return train, cls(model, start, features, labels)

    def label_counts(self, counts: Array) -> Array:
        """Examples of each label, of those counted now and of those before: i64 (n_labels,)."""
        if self.start is None:
            return counts
        total = counts.copy()
        total[self.start.labels.places_in(self.labels)] += self.start.label_counts
        return total

    @property
    def n_samples(self) -> int:
        """Examples before."""
        return 0 if self.start is None else self.start.n_samples

    def begin(self, kind: Kind, config: Settings[Any], backend: Backend, train: Dataset) -> Learner:
        """A learner of a kind, with the weights that there are.

        Raises:
            ConfigError: it is of a kind that takes no steps, or of another one than the model.
        """
        if self.model is None:
            return kind.begin(config, backend, train)
        if kind.go_on is None or kind_of(config) is not kind_of(self.model.config):
            raise ConfigError(
                f"begin_with is a model of {kind_of(self.model.config).title}: expected one that "
                "takes steps, with the same config; others are solved on all examples at once"
            )
        places = self.model.features.places_in(self.features)
        rows = self.model.labels.places_in(self.labels)
        taught = np.zeros(self.labels.n, bool)
        taught[rows[self.model.label_counts > 0]] = True
        earlier = Earlier(self.model.network, places, rows, taught)
        return kind.go_on(config, backend, train, earlier)
