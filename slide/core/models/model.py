"""A trained network with what it takes to use it: predict, evaluate, save, load."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import save_file

from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.backend import Backend
from slide.core.errors import ConfigError, ModelError
from slide.core.examples.dataset import Dataset, batches
from slide.core.examples.measures import label_metrics
from slide.core.examples.metrics import (
    PROPENSITY_A,
    PROPENSITY_B,
    RANKS,
    inverse_propensities,
    ranking_metrics,
    recall_at,
)
from slide.core.learner import Searcher, TrainedNetwork
from slide.core.learners.config import Config, all_known
from slide.core.learners.kinds import kind_of
from slide.core.models.folder import (
    CONFIG,
    WEIGHTS,
    WITHOUT_LEARNER,
    read_description,
    staged,
    write_description,
)
from slide.core.models.tensors import COUNTS, read_network
from slide.core.settings.demands import demand_float, demand_int
from slide.core.settings.plan import Plan

EXAMPLES_AT_A_TIME = 1024


@dataclass(slots=True)
class Model:
    """A network and its surroundings.

    Args:
        config: settings it was trained with.
        network: the layers.
        backend: computes the predictions.
        label_counts: i64 (n_labels,), training examples of each label, for propensities.
        n_samples: training examples.
        trained_on: the name of the data, for the record.
        exact, retrieving: find labels, among all or among those that tables or an index retrieve;
            made when first wanted.
    """

    config: Config
    network: TrainedNetwork
    backend: Backend
    label_counts: Array
    n_samples: int
    trained_on: str = ""
    exact: Searcher | None = None
    retrieving: Searcher | None = None

    def predict(self, x: CSR | Block, k: int = 5, sampled: bool = False) -> tuple[Array, Array]:
        """The k labels of largest logit for each example, best first.

        Args:
            x: (n, n_features), sparse as CSR or dense as Block.
            k: from 1 to n_labels.
            sampled: look only at the neurons that hash tables, or an index cut to the largest
                weights of each input, retrieve, instead of at all.

        Returns:
            ids i32 (n, k) and logits f32 (n, k); in sampled mode of hidden layers id -1 and
            logit -inf where fewer than k neurons were retrieved.

        Raises:
            ModelError: x has another number of features.
            ConfigError: k is out of range.
        """
        self._refuse_misfit("features", x.n_cols, self.network.n_features)
        if not 1 <= k <= self.network.n_labels:
            raise ConfigError(f"k is {k}: expected 1 to {self.network.n_labels}, the labels")
        ids = np.empty((x.n_rows, k), np.int32)
        scores = np.empty((x.n_rows, k), np.float32)
        searcher = self._searcher(sampled)
        for rows in batches(x.n_rows, EXAMPLES_AT_A_TIME):
            ids[rows], scores[rows] = searcher.top_k(self.backend, x.take(rows), k)
        return ids, scores

    def evaluate(
        self,
        data: Dataset,
        sampled: bool = False,
        propensity: tuple[float, float] = (PROPENSITY_A, PROPENSITY_B),
        at: Sequence[int] = RANKS,
    ) -> dict[str, float]:
        """How good the rankings are, as fractions.

        Args:
            data: examples with their true labels.
            sampled: see `predict`.
            propensity: A and B of the data set.
            at: depths k of the ranking, each from 1 on.

        Returns:
            precision, ndcg, psp (`slide.core.examples.metrics`), label_recall, mrr, r_precision,
            coverage, head_recall, torso_recall, tail_recall (`slide.core.examples.measures`), each
            as NAME_at_k; in sampled mode also recall_at_k, the share of the exact top k that is
            found.

        Raises:
            ModelError: the data has another number of features or labels.
            ConfigError: the propensity parameters or depths are out of range.
        """
        demand_ranks(at)
        demand_float("propensity parameter A", propensity[0], 0, 10)
        demand_float("propensity parameter B", propensity[1], 0.01, 1000)
        self._refuse_misfit("labels", data.n_labels, self.network.n_labels)
        k = min(max(at), self.network.n_labels)
        ids, _ = self.predict(data.x, k, sampled)
        inverse = inverse_propensities(self.label_counts, self.n_samples, *propensity)
        y = data.y.positive()
        scores = ranking_metrics(ids, y, inverse, at)
        scores |= label_metrics(ids, y, self.label_counts, at)
        if sampled:
            exact, _ = self.predict(data.x, k)
            scores |= {f"recall_at_{r}": recall_at(ids, exact, r) for r in at}
        return scores

    def prepare_sampled(self, plan: Plan | None = None, examples: Dataset | None = None) -> None:
        """Build the tables of sampled inference now, and otherwise than by default.

        Args:
            plan: how many tables, probes, candidates.
            examples: fill the output layer's tables by these examples' labels, those of the
                training set for instance, instead of by its weights (*insert labels, then
                freeze*).

        Raises:
            ModelError: the examples have another number of features or labels.
            ConfigError: none of them has a label, or direct connections have no tables to fill.
        """
        if examples is not None:
            self._refuse_misfit("features", examples.n_features, self.network.n_features)
            self._refuse_misfit("labels", examples.n_labels, self.network.n_labels)
        self.retrieving = kind_of(self.config).sampled(
            self.network, self.backend, self.config, plan or Plan(), examples
        )

    def _searcher(self, sampled: bool) -> Searcher:
        """What looks for labels."""
        if sampled:
            if self.retrieving is None:
                self.prepare_sampled()
            assert self.retrieving is not None
            return self.retrieving
        if self.exact is None:
            self.exact = kind_of(self.config).exact(self.network, self.backend)
        return self.exact

    def _refuse_misfit(self, what: str, got: int, expected: int) -> None:
        if got != expected:
            raise ModelError(
                f"the data has {got} {what}, but the model was trained on {expected}: "
                "use files that share one numbering"
            )

    def save(self, folder: str | Path, overwrite: bool = False) -> None:
        """Write a model folder, whole or not at all.

        Raises:
            ModelError: the folder exists and may not be replaced, or cannot be written.
        """
        with staged(Path(folder), overwrite) as partial:
            self.write_into(partial)

    def write_into(self, folder: Path) -> None:
        """Write config.json and weights.safetensors into an existing folder.

        Raises:
            ModelError: the operating system refuses, for want of space for example.
        """
        description = {
            "learner": kind_of(self.config).name,
            "config": self.config.flat(),
            "n_samples": self.n_samples,
            "trained_on": self.trained_on,
        }
        tensors = kind_of(self.config).tensors(self.network, self.backend)
        tensors[COUNTS] = self.label_counts
        try:
            write_description(folder, description)
            save_file(tensors, folder / WEIGHTS)
            shutil.copymode(folder / CONFIG, folder / WEIGHTS)  # else only its owner may read it
        except (OSError, SafetensorError) as error:
            raise ModelError(
                f"cannot write the model to {folder.parent}: {error}; make room, or choose another "
                "--model"
            ) from None

    @classmethod
    def load(cls, folder: str | Path, backend: Backend) -> Model:
        """Read a model folder.

        Raises:
            ModelError: the folder is missing, damaged or inconsistent.
        """
        folder = Path(folder)
        description = read_description(folder)
        try:
            refuse_newer(folder / CONFIG, description.get("config"))
            config = Config.from_dict(description.get("config"), learner_of(description))
            n_samples = description.get("n_samples")
            demand_int("n_samples", n_samples, 1, 1 << 62)
        except ConfigError as error:
            raise ModelError(
                f"{folder / CONFIG} is damaged ({error}): train the model again"
            ) from None
        assert isinstance(n_samples, int)
        network, label_counts = read_network(folder / WEIGHTS, config, backend)
        trained_on = str(description.get("trained_on", ""))
        return cls(config, network, backend, label_counts, n_samples, trained_on)


def demand_ranks(at: Sequence[int]) -> None:
    """Raise ConfigError unless these are depths of a ranking."""
    if not at:
        raise ConfigError("no depth is given to evaluate at: expected one at least, such as 5")
    for k in at:
        demand_int("a depth to evaluate at", k, 1, 1 << 30)


def learner_of(description: dict[str, Any]) -> str | None:
    """The name of the learner; None in format 2, which did not have it."""
    has_learner = description["version"] != WITHOUT_LEARNER
    return str(description.get("learner")) if has_learner else None


def refuse_newer(path: Path, config: object) -> None:
    """Raise ModelError if there are settings that only a later version can have written."""
    if isinstance(config, dict) and (unknown := sorted(set(config) - set(all_known()))):
        raise ModelError(
            f"{path} has settings that this slide does not know ({', '.join(unknown)}): the model "
            "is of a later version, so read it with that one, or train it again"
        )
