"""Training that begins with a model: more examples, which may have new features and labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.contract.backend import Backend
from slide.core.errors import ConfigError
from slide.core.examples.dataset import Dataset
from slide.core.examples.numbering import Numbering
from slide.core.learner import Earlier, Learner
from slide.core.learners.kinds import kind_of
from slide.core.models.model import Model
from slide.core.settings.settings import Settings


def numberings(model: Model | None) -> tuple[Numbering, Numbering] | None:
    """Of features and labels of a model that is gone on from."""
    return None if model is None else (model.features, model.labels)


@dataclass(frozen=True, slots=True)
class Before:
    """What a run begins with.

    Args:
        model: that was trained before; None for nothing.
        features, labels: numberings of the new examples, which have all that the model has.
    """

    model: Model | None
    features: Numbering
    labels: Numbering

    def label_counts(self, counts: Array) -> Array:
        """Examples of each label, of those counted now and of those before: i64 (n_labels,)."""
        if self.model is None:
            return counts
        total = counts.copy()
        total[self.model.labels.places_in(self.labels)] += self.model.label_counts
        return total

    @property
    def n_samples(self) -> int:
        """Examples before."""
        return 0 if self.model is None else self.model.n_samples

    def begin(self, config: Settings[Any], backend: Backend, train: Dataset) -> Learner:
        """A learner with the weights that there are.

        Raises:
            ConfigError: it is of a kind that takes no steps, or of another one than the model.
        """
        kind = kind_of(config)
        if self.model is None:
            return kind.begin(config, backend, train)
        if kind.go_on is None or kind is not kind_of(self.model.config):
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
