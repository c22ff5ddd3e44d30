"""What there is to train on, and by which settings: all that a prediction needs to know of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from slide.core.settings.schedule import Schedule
from slide.core.settings.settings import Settings

Learner = Literal["direct", "sampled"]
DIRECT: Learner = "direct"


@dataclass(frozen=True, slots=True)
class Counts:
    """Of a training set.

    Args:
        n_examples, n_features, n_labels: how many there are.
        features_per_example, labels_per_example: means.
        mapped: whether examples stay on the disk, in a data folder.
    """

    n_examples: int
    n_features: int
    n_labels: int
    features_per_example: float
    labels_per_example: float
    mapped: bool = True


@dataclass(frozen=True, slots=True)
class Lists:
    """How long those lists of an inverted index are that examples ask for.

    Args:
        shares: of the features of examples, those that ask for lists of one length; they sum to 1.
        lengths: entries of such a list over the labels of the network, in [0, 1].
    """

    shares: tuple[float, ...]
    lengths: tuple[float, ...]

    def entries_per_feature(self, n_labels: float, limit: float) -> float:
        """Entries that a search reads for a feature of an example, where `n_labels` are listed.

        Args:
            n_labels: of the index; lists grow in proportion.
            limit: entries that a list keeps at most.
        """
        return math.fsum(
            share * min(length * n_labels, limit)
            for share, length in zip(self.shares, self.lengths, strict=True)
        )


ALL_FULL = Lists((1.0,), (1.0,))
"""Each list has every label, up to its limit: nothing is longer."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is trained, by which settings.

    Args:
        counts: of the training set.
        n_inputs: what features become, with pairs of them and the constant one.
        inputs_per_example: of them; mean.
        learner: connections from features straight to labels, or hidden layers.
        batch_size: examples of a step.
        epochs: passes over the examples.
        active: negatives of an example; with hidden layers, active labels of a batch.
        rebuild_every: steps between the first two rebuilds of index or tables.
        rebuild_growth: by whose exponential the gaps grow.
        connections_per_label: weights of a label, its bias included; 0 with hidden layers.
        list_limit: entries that a list of the index keeps.
        lists: how long lists are.
        n_long_lists: of them, those longer than the limit over all labels.
        loose: whether shards choose negatives, and cut lists, each by itself.
        hidden: units of each hidden layer; () without.
        n_tables: hash tables of the output layer.
        n_buckets: of each.
    """

    counts: Counts
    n_inputs: int
    inputs_per_example: float
    learner: Learner
    batch_size: int
    epochs: int
    active: int
    rebuild_every: float
    rebuild_growth: float
    connections_per_label: float = 0.0
    list_limit: int = 0
    lists: Lists = ALL_FULL
    n_long_lists: int = 0
    loose: bool = False
    hidden: tuple[int, ...] = ()
    n_tables: int = 0
    n_buckets: int = 0

    @property
    def steps_per_epoch(self) -> int:
        """The last one may be of fewer examples."""
        return math.ceil(self.counts.n_examples / self.batch_size)

    @property
    def rebuilds_per_step(self) -> float:
        """Of the index or the tables, mean over the run."""
        n_steps = self.steps_per_epoch * self.epochs
        if not self.rebuild_growth:
            return min(1 / self.rebuild_every, 1.0)
        schedule = Schedule(self.rebuild_every, self.rebuild_growth)
        while schedule.due_at < n_steps:
            schedule.take_turn(math.ceil(schedule.due_at))
        return schedule.n_turns / n_steps

    @property
    def products_per_example(self) -> float:
        """Weights of an example's active labels that its inputs meet at most, or hidden units."""
        if self.learner == DIRECT:
            return (self.active + self.counts.labels_per_example) * self.inputs_per_example
        return self.width + 1.0

    @property
    def width(self) -> int:
        """Units of the last hidden layer; 0 without."""
        return self.hidden[-1] if self.hidden else 0


def stepping_of(config: Settings[Any]) -> dict[str, Any]:
    """What settings say of steps, by the names that `Work` has for it."""
    return {
        "batch_size": config.steps.batch_size,
        "epochs": config.training.epochs,
        "active": config.training.active,
        "rebuild_every": config.refresh.rebuild_every,
        "rebuild_growth": config.refresh.rebuild_growth,
    }
