"""What an averaged run starts from, alike for all workers.

The connections of a label are chosen from all examples, so that every worker has the same ones and
a mean of their weights is a mean of numbers. Counts and centroids are sums over examples: workers
count and add up their parts (*map*), and their sums are added up here (*reduce*).

Source: Chu et al., Map-Reduce for Machine Learning on Multicore (NeurIPS 2006).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.backend import Backend
from slide.core.contract.lists import indptr_of
from slide.core.contract.state import State, state_of_rng
from slide.core.direct.connecting import EXAMPLES_FOR_GROWTH, begun, limits_of, shares, weighed
from slide.core.direct.inputs import PAIRLESS, Inputs, pairs_added, pairs_counted
from slide.core.direct.mapped import as_inputs, centroids
from slide.core.direct.network import Direct
from slide.core.direct.settings import DirectSettings
from slide.core.examples.dataset import Dataset
from slide.core.examples.scratch import few_at_a_time
from slide.core.examples.weights import of_rows
from slide.core.learners.kinds import kind_of
from slide.core.settings.settings import Settings
from slide.distributed.asking import WorkerGroup

ENTRIES_AT_A_TIME = 1 << 27  # of the sums of some labels' examples, about, that a worker sends


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted in a part of the examples, and adds up.

    Args:
        n_samples: examples.
        features: i64 (n_features,), examples that have each.
        labels: i64 (n_labels,), likewise.
        lengths: i64 (n_labels,), features that the examples of each label have together.
        pairs: of features, see `pairs_counted`.
        weighed: what examples weigh, see `shares`.
    """

    n_samples: int
    features: Array
    labels: Array
    lengths: Array
    pairs: tuple[Array, Array]
    weighed: tuple[Array, float] | None

    @classmethod
    def of(cls, data: Dataset, settings: DirectSettings) -> Counted:
        """Count them."""
        x, y = data.features, data.y.positive()
        lengths = np.bincount(y.indices, x.row_lengths()[y.row_numbers()], y.n_cols)
        return cls(
            data.n_samples, x.column_counts(), y.column_counts(), lengths.astype(np.int64),
            pairs_counted(x) if settings.pairs else PAIRLESS, weighed(y, data.weights),
        )  # fmt: skip

    def __add__(self, other: Counted) -> Counted:
        """Of both parts."""
        total = self.weighed
        if total is not None and other.weighed is not None:
            total = total[0] + other.weighed[0], total[1] + other.weighed[1]
        return Counted(
            self.n_samples + other.n_samples, self.features + other.features,
            self.labels + other.labels, self.lengths + other.lengths,
            pairs_added(self.pairs, other.pairs), total,
        )  # fmt: skip


def sums_of(backend: Backend, data: Dataset, inputs: Inputs, labels: slice) -> CSR:
    """The inputs of the examples of each of some labels, added up: CSR (labels, n_inputs).

    Args:
        backend: computes.
        data: a part of the examples.
        inputs: as fitted to all of them.
        labels: which.
    """
    order = data.canonical_order()
    y = data.y.positive().take(order)
    y = of_rows(y.with_values(np.ones_like(y.values)), some_of(data.weights, order))
    y = y.first_columns(labels.stop)
    y = y.where(y.indices >= labels.start)
    n = labels.stop - labels.start
    y = CSR(y.indptr, y.indices - np.int32(labels.start), y.values, n)
    rows = np.flatnonzero(y.row_lengths())
    x = inputs.of(data.features.take(order[rows]))
    return centroids(backend, x, y.take(rows), np.full(n, x.n_cols, np.int64))


def some_of(weights: Array | None, rows: Array) -> Array | None:
    """Weights of some examples, if they have such."""
    return None if weights is None else weights[rows]


def added(backend: Backend, parts: list[CSR], limits: Array) -> CSR:
    """Sums of parts, added up in the order of the parts; the largest entries of each row.

    Args:
        backend: adds by the kernel that added up the examples, so that one part stays as it is.
        parts: CSR (n, n_inputs) each.
        limits: i64 (n,), entries that are kept.
    """
    n = len(limits)
    whose = np.tile(np.arange(n, dtype=np.int32), len(parts))
    ones = CSR(np.arange(len(whose) + 1), whose, np.ones(len(whose), np.float32), n)
    return centroids(backend, CSR.stack(parts, parts[0].n_cols), ones, limits)


def connected(
    group: WorkerGroup, settings: Settings[DirectSettings], backend: Backend, data: Dataset
) -> Direct:
    """`connect`, by a group whose workers have the parts of the examples.

    Args:
        group: workers with the methods `counted` and `sums`.
        settings: of the run.
        backend: computes what is left to do here.
        data: all examples, of which a sample is looked at.
    """
    counted: Counted = reduce(Counted.__add__, group.ask("counted"))
    inputs = Inputs.of_counts(settings.learner, counted.n_samples, counted.features, counted.pairs)
    limits, given, n = limits_of(settings.learner, counted.labels), group.share(inputs), group.n
    sums = [
        added(backend, group.ask("sums", [given] * n, [some] * n), limits[some])
        for some in few_at_a_time(indptr_of(counted.lengths), ENTRIES_AT_A_TIME)
    ]
    order = data.canonical_order()[:EXAMPLES_FOR_GROWTH]
    sample = as_inputs(data.take(order), np.arange(len(order)), inputs)
    frequent = shares(counted.labels, counted.n_samples, counted.weighed)
    return begun(settings, inputs, backend, CSR.stack(sums, inputs.n_inputs), frequent, sample)


def start_of(group: WorkerGroup, settings: Settings[Any], backend: Backend, data: Dataset) -> State:
    """The state (`Learner.state`) of a run that has not taken a step.

    Args:
        group: see `connected`.
        settings: of the run, whose learner takes steps.
        backend: computes what is left to do here.
        data: all examples.
    """
    kind = kind_of(settings)
    if kind.name != "direct":
        return kind.begin(settings, backend, data).state()
    network = connected(group, settings, backend, data)
    return {
        "rng": state_of_rng(np.random.default_rng(settings.training.seed)),
        "network": network.state(backend),
        "rebuilds": {"n_turns": 0, "due_at": 0.0},
        "touched": np.zeros(data.n_labels, bool),
        "held": np.zeros(0, np.int64),
        "found": None,
        "embedding": None,
        "is_embedded": False,
        "held_out": None,
        "n_steps": 0,
        "built_at": 0,
        "index": None,
    }
