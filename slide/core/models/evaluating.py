"""How good the rankings of a model are, on examples whose labels are known."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block
from slide.core.errors import ConfigError, InputError, said, worded
from slide.core.examples.dataset import Dataset, checked
from slide.core.examples.measures import label_metrics
from slide.core.examples.metrics import (
    PROPENSITY_A,
    PROPENSITY_B,
    RANKS,
    best_of_each,
    inverse_propensities,
    ranking_metrics,
    recall_at,
    without,
)
from slide.core.examples.numbering import Numbering
from slide.core.learner import TrainedNetwork
from slide.core.models.unseen import Unseen
from slide.core.settings.demands import demand_float, demand_int


class Ranker(Protocol):
    """What must be known to judge rankings; columns and rows are those of a network."""

    @property
    def network(self) -> TrainedNetwork: ...

    @property
    def label_counts(self) -> Array: ...

    @property
    def n_samples(self) -> int: ...

    def _known(self, data: Dataset) -> tuple[Dataset, Unseen]:
        """Examples by columns and rows, and by rows beyond for unknown labels."""

    @property
    def labels(self) -> Numbering:
        """Ids of labels, and their rows."""

    def scored_labels(self, x: CSR | Block, wanted: CSR) -> CSR:
        """Logits of some labels of each example."""

    def ranked(self, x: CSR | Block, k: int, sampled: bool = False) -> tuple[Array, Array]:
        """Rows of the k best labels of each example, and their logits."""

    def scored(
        self, data: Dataset, sampled: bool, propensity: tuple[float, float], at: Sequence[int]
    ) -> dict[str, float]:
        """`Evaluating.evaluate` of known examples."""

    def measured(
        self, ids: Array, data: Dataset, propensity: tuple[float, float], at: Sequence[int]
    ) -> dict[str, float]:
        """How good rankings of known examples are."""


class Evaluating:
    """What every `Ranker` has."""

    __slots__ = ()

    def evaluate(
        self: Ranker,
        data: Dataset,
        sampled: bool = False,
        propensity: tuple[float, float] = (PROPENSITY_A, PROPENSITY_B),
        at: Sequence[int] = RANKS,
    ) -> dict[str, float]:
        """How good the rankings are, as fractions.

        Args:
            data: examples with their true labels. One that training never met counts as missed,
                and a feature is left out, with an `UnseenWarning`.
            sampled: see `predict`.
            propensity: A and B of the data set.
            at: depths k of the ranking, each from 1 on.

        Returns:
            precision, ndcg, psp (`slide.core.examples.metrics`), label_recall, hit_rate, mrr,
            r_precision, map, coverage, head_recall, torso_recall, tail_recall
            (`slide.core.examples.measures`), each as NAME_at_k; in sampled mode also recall_at_k,
            the share of the exact top k that is found.

        Raises:
            InputError: the arrays of the data contradict each other, or a number is not finite.
            ModelError: the data is dense and has another number of features.
            ConfigError: the propensity parameters or depths are out of range.
        """
        data = checked(data, "data")
        if not data.n_samples:
            raise InputError("data: there is no example: give one at least to measure on")
        data, unseen = self._known(data)
        unseen.warn()
        return self.scored(data, sampled, propensity, at)

    def scored(
        self: Ranker,
        data: Dataset,
        sampled: bool = False,
        propensity: tuple[float, float] = (PROPENSITY_A, PROPENSITY_B),
        at: Sequence[int] = RANKS,
    ) -> dict[str, float]:
        """`evaluate` of examples as `slide.core.models.unseen.known` leaves them."""
        at = depths_of(at)
        demand_propensity(propensity)
        ids = ranking(self, data, max(at), sampled)
        scores = self.measured(ids, data, propensity, at)
        if sampled:
            exact = ranking(self, data, max(at), sampled=False)
            scores |= {f"recall_at_{r}": recall_at(ids, exact, r) for r in at}
        return scores

    def evaluate_shown(
        self: Ranker,
        data: Dataset,
        propensity: tuple[float, float] = (PROPENSITY_A, PROPENSITY_B),
        at: Sequence[int] = RANKS,
    ) -> dict[str, float]:
        """How well the model ranks what an example was shown: its labels and known negatives alone.

        Args:
            data: examples as those of `slide.data.blocks`: labels of value 1, and of -1. One that
                training never met is ranked last.
            propensity, at: see `evaluate`.

        Returns:
            What `evaluate` does; all of it is of rankings of these labels.

        Raises:
            InputError, ModelError, ConfigError: see `evaluate`.
        """
        data, at = checked(data, "data"), depths_of(at)
        if not data.n_samples:
            raise InputError("data: there is no example: give one at least to measure on")
        demand_propensity(propensity)
        chosen = data.y.with_values(np.where(data.y.values > 0, np.float32(2), np.float32(1)))
        known, unseen = self._known(replace(data, y=chosen))
        unseen.warn()
        shown, n = known.y, self.network.n_labels
        inside, values = shown.indices < n, np.full(shown.nnz, -np.inf, np.float32)
        values[inside] = self.scored_labels(known.x, shown.first_columns(n)).values
        ids = best_of_each(shown.with_values(values), max(at))
        return self.measured(ids, replace(known, y=shown.where(shown.values > 1)), propensity, at)

    def measured(
        self: Ranker,
        ids: Array,
        data: Dataset,
        propensity: tuple[float, float],
        at: Sequence[int],
    ) -> dict[str, float]:
        """How good rankings of known examples are.

        Args:
            ids: i32 (B, K), see `slide.core.examples.metrics`.
            data, propensity, at: see `evaluate`.
        """
        counts = np.zeros(data.n_labels, np.int64)  # those that training never met come last
        counts[: len(self.label_counts)] = self.label_counts
        inverse = inverse_propensities(counts, self.n_samples, *propensity)
        scores = ranking_metrics(ids, data.y, inverse, at)
        return scores | label_metrics(ids, data.y, counts, at)


def ranking(model: Ranker, data: Dataset, k: int, sampled: bool) -> Array:
    """The k best labels of each example, or as many as there are, less those left out."""
    k = min(k, model.network.n_labels)
    if data.left_out is None or not data.left_out.nnz:
        return model.ranked(data.x, k, sampled)[0]
    deeper = k + int(data.left_out.row_lengths().max())
    ids, scores = model.ranked(data.x, min(deeper, model.network.n_labels), sampled)
    return without(ids, scores, data.left_out, k)[0]


def demand_propensity(pair: Any) -> None:
    """Raise ConfigError unless these are the parameters A and B."""
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        name, such = said("propensity"), worded("(0.55, 1.5)", "0.55,1.5")
        raise ConfigError(f"{name} is {pair!r:.60}: expected a pair (A, B), as {such}")
    demand_float("propensity parameter A", pair[0], 0, 10)
    demand_float("propensity parameter B", pair[1], 0.01, 1000)


def depths_of(at: Any) -> list[int]:
    """Depths of a ranking, or ConfigError."""
    if not isinstance(at, Collection) or getattr(at, "ndim", 1) != 1:
        raise ConfigError(
            f"{said('at')} is {at!r}: expected depths to evaluate at, such as (1, 3, 5)"
        )
    if not len(at):
        raise ConfigError("no depth is given to evaluate at: expected one at least, such as 5")
    for k in at:
        demand_int(worded("a depth to evaluate at", said("at")), k, 1, 1 << 30)
    return [int(k) for k in at]
