"""A trained network with what it takes to use it: predict, evaluate, save, load."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from slide.core.attribution import Attribution
from slide.core.contract import handed
from slide.core.contract.arguments import demand_kind, path_of
from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.backend import Backend
from slide.core.errors import InputError, ModelError
from slide.core.examples.counting import OneBased
from slide.core.examples.dataset import Dataset, batches, checked
from slide.core.examples.names import Names
from slide.core.examples.naming import aligned, names_of_columns, refuse_other_columns
from slide.core.examples.numbering import Numbering
from slide.core.examples.texts import TextFeatures
from slide.core.learner import Searcher, TrainedNetwork
from slide.core.learners.config import Config
from slide.core.learners.kinds import kind_of
from slide.core.models.calibration import Calibration
from slide.core.models.evaluating import Evaluating
from slide.core.models.explaining import Explaining
from slide.core.models.folder import staged
from slide.core.models.freezing import frozen
from slide.core.models.inspecting import Inspecting
from slide.core.models.onnx_file import write_onnx
from slide.core.models.origin import UNKNOWN, Origin
from slide.core.models.probabilities import Probable
from slide.core.models.stored import read_model, write_model
from slide.core.models.texts import answers, features_of_texts
from slide.core.models.unseen import Unseen, known, known_features
from slide.core.settings.demands import depth
from slide.core.settings.plan import Plan

EXAMPLES_AT_A_TIME = 1024


@dataclass(slots=True, repr=False)
class Model(Probable, Evaluating, Explaining, Inspecting):
    """A network and its surroundings.

    Args:
        config: settings it was trained with.
        network: the layers.
        backend: computes the predictions.
        label_counts: i64 (n_labels,), training examples of each label, for propensities.
        n_samples: training examples.
        trained_on: the name of the data, for the record.
        one_based: what its text counts from 1, so that other files are read so, too, and answers
            are written so; numbers in arrays are columns, from 0.
        feature_ids, label_ids: i32, ascending: the ids of the network's columns and rows where few
            of many were in use; None where those are the ids themselves.
        feature_names, label_names: what the ids are called, where they have names.
        text: how texts become features, of a model that was trained on texts.
        calibration: makes probabilities of logits; None if no example was left to fit it to.
        origin: when, by what and on which data it was trained, as far as that is known.
        exact, retrieving: find labels, among all or among those that tables or an index retrieve;
            made when first wanted.
        prepared: the plan and the examples of `prepare_sampled`, by columns, if it was called.

    A copy, by `copy` or `pickle`, predicts the same. What it looks into it makes when that is first
    wanted, and so does its backend with threads; whoever unpickles it needs no backend.
    """

    config: Config
    network: TrainedNetwork
    backend: Backend
    label_counts: Array
    n_samples: int
    trained_on: str = ""
    one_based: OneBased = OneBased.NONE
    feature_ids: Array | None = None
    label_ids: Array | None = None
    feature_names: Names | None = None
    label_names: Names | None = None
    text: TextFeatures | None = None
    calibration: Calibration | None = None
    origin: Origin = UNKNOWN
    exact: Searcher | None = None
    retrieving: Searcher | None = None
    prepared: tuple[Plan, Dataset | None] | None = None

    def __repr__(self) -> str:
        kind, sizes = kind_of(self.config), (self.network.n_features, self.network.n_labels)
        return f"Model({kind.title}, {sizes[0]} features, {sizes[1]} labels)"

    def __getstate__(self) -> dict[str, Any]:
        """What a copy is made of: weights on the host, and nothing that can be made anew."""
        state = {each.name: getattr(self, each.name) for each in fields(self)}
        tensors = kind_of(self.config).tensors(self.network, self.backend)
        return state | {"network": tensors, "exact": None, "retrieving": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """The inverse, wherever the backend keeps its arrays."""
        config, backend = state["config"], state["backend"]
        read = kind_of(config).read
        state["network"] = read(state["network"], config, state["label_counts"], backend)
        state = {"origin": UNKNOWN} | state  # which older copies do not have
        for name, value in state.items():
            setattr(self, name, value)

    def __deepcopy__(self, memo: dict[int, Any]) -> Model:
        """A copy with weights of its own, which computes by the same backend."""
        other = Model.__new__(Model)
        memo[id(self)], memo[id(self.backend)] = other, self.backend
        other.__setstate__(deepcopy(self.__getstate__(), memo))
        return other

    def predict(
        self, x: CSR | Block | ArrayLike, k: int = 5, sampled: bool = False
    ) -> tuple[Array, Array]:
        """The k labels of largest logit for each example, best first.

        Features that training never met are left out, with an `UnseenWarning`. A label without
        training example is named only where k is larger than the number of all others.

        Args:
            x: (n, any), sparse as CSR or a matrix of scipy.sparse, or (n, n_features), dense as
                Block or whatever NumPy takes for an array; of dtype bool, integer or float.
            k: from 1 on; where there are fewer labels, in use if they are few of many, all.
            sampled: look only at the neurons that hash tables, or an index cut to the largest
                weights of each input, retrieve, instead of at all.

        Returns:
            ids i32 (n, k) and logits f32 (n, k), of fewer than k labels (n, n_labels); in sampled
            mode of hidden layers id -1 and logit -inf where fewer neurons were retrieved.

        Raises:
            InputError: x is no such matrix, its arrays contradict each other, or a number is not
                finite.
            ModelError: x is dense and has another number of features.
            ConfigError: k is no whole number from 1 on.
        """
        x, unseen = self._asked_features(x)
        unseen.warn()
        ids, scores = self.ranked(x, self._depth(k), sampled)
        return self.labels.ids_of(ids), scores

    def predict_texts(
        self, texts: Iterable[str], k: int = 5, sampled: bool = False
    ) -> tuple[list[list[Any]], list[list[float]]]:
        """The names of the k labels of largest logit for each text, best first.

        Args:
            texts: any iterable of str.
            k, sampled: see `predict`.

        Returns:
            Names, and logits, of each text: k of both, or fewer in sampled mode and where there are
            fewer; none where nothing in a text is known, so that every label would be a guess.

        Raises:
            InputError: one of them is no text.
            ModelError: the model was not trained on texts, or its labels have no names.
            ConfigError: k is no whole number from 1 on, or scikit-learn is not installed.
        """
        x, is_known = features_of_texts(self, texts)
        return answers(self.named_labels, is_known, *self.predict(x, k, sampled))

    @property
    def named_labels(self) -> Names:
        """Names of labels, or ModelError."""
        if self.label_names is None:
            raise ModelError("the labels of the model have no names: ask for ids (predict)")
        return self.label_names

    @property
    def features(self) -> Numbering:
        """Ids of features, and their columns in the network."""
        return Numbering(self.network.n_features, self.feature_ids)

    @property
    def labels(self) -> Numbering:
        """Ids of labels, and their rows in the network."""
        return Numbering(self.network.n_labels, self.label_ids)

    @property
    def n_seen_labels(self) -> int:
        """Labels that have a training example."""
        return int((self.label_counts > 0).sum())

    def ranked(self, x: CSR | Block, k: int, sampled: bool = False) -> tuple[Array, Array]:
        """`predict` of features that were checked before, by their columns in the network.

        Labels are named by their rows there.
        """
        ids = np.empty((x.n_rows, k), np.int32)
        scores = np.empty((x.n_rows, k), np.float32)
        searcher = self._searcher(sampled)
        for rows in batches(x.n_rows, EXAMPLES_AT_A_TIME):
            ids[rows], scores[rows] = searcher.top_k(self.backend, x.take(rows), k)
        return ids, scores

    def scores(self, x: CSR | Block | ArrayLike, wanted: CSR | ArrayLike) -> CSR:
        """Logits of labels that are asked for.

        Args:
            x: (n, any) or (n, n_features), as `predict` takes it.
            wanted: (n, any), entries at the labels of each example whose logits are wanted, as
                CSR, matrix of scipy.sparse or array; values are not read, but that 0 is none.

        Returns:
            CSR (n, any), the entries of `wanted` in their order, and their logits; -inf of a label
            that the model does not have, -2e9 of one without training example.

        Raises:
            InputError: one of them is no such matrix, or they differ in rows.
            ModelError: x is dense and has another number of features.
        """
        x, unseen = self._asked_features(x)
        unseen.warn()
        wanted = handed.labels(wanted, "wanted")
        if wanted.n_rows != x.n_rows:
            raise InputError(f"wanted has {wanted.n_rows} rows: expected {x.n_rows}, as x")
        inside = self.labels.columns_of(wanted.indices)
        columns = replace(wanted, indices=inside, n_cols=self.network.n_labels).where(inside >= 0)
        values = np.full(wanted.nnz, -np.inf, np.float32)
        values[inside >= 0] = self.scored_labels(x, columns).values
        return wanted.with_values(values)

    def scored_labels(self, x: CSR | Block, wanted: CSR) -> CSR:
        """`scores` of features that were checked before, and labels, by columns and rows here."""
        searcher = self._searcher(sampled=False)
        parts = [
            searcher.scores(self.backend, x.take(rows), wanted.take(rows))
            for rows in batches(x.n_rows, EXAMPLES_AT_A_TIME)
        ]
        return CSR.stack(parts, wanted.n_cols) if parts else wanted

    def prepare_sampled(self, plan: Plan | None = None, examples: Dataset | None = None) -> None:
        """Build the tables of sampled inference now, and otherwise than by default.

        Args:
            plan: how many tables, probes, candidates.
            examples: fill the output layer's tables by these examples' labels, those of the
                training set for instance, instead of by its weights (*insert labels, then
                freeze*). A copy of the model takes them along.

        Raises:
            ModelError: the examples are dense and have another number of features.
            ConfigError: none of them has a label, or direct connections have no tables to fill.
        """
        if examples is not None:
            examples, unseen = self._known(checked(examples, "examples"))
            unseen.warn()
            examples = Dataset(examples.x, examples.y.first_columns(self.network.n_labels))
        plan = Plan() if plan is None else demand_kind(plan, Plan, "plan", "a slide.Plan")
        prepared = plan, examples
        self.retrieving = self._retriever(*prepared)
        self.prepared = prepared

    def attribution(self, x: CSR | Block, label: int) -> Attribution:
        """What the inputs of one example, by columns, add to the logit of the label in a row."""
        return kind_of(self.config).attribution(self.network, self.backend, x, label)

    def representation(self, x: CSR | Block) -> CSR | Block:
        """What examples, by columns, are to the labels: on the host."""
        return kind_of(self.config).representation(self.network, self.backend, x)

    def _known(self, data: Dataset) -> tuple[Dataset, Unseen]:
        """Examples by the columns of the network, and by columns beyond for unknown labels."""
        self._refuse_misfit(data.x)
        data = aligned(data, self, "data")
        return known(data, self.features, self.labels, self.label_counts)

    def _asked_features(self, x: Any) -> tuple[CSR | Block, Unseen]:
        """What somebody hands over, by the columns of the network."""
        refuse_other_columns(names_of_columns(x), self.feature_names, "features")
        return self._known_features(handed.features(x))

    def _known_features(self, x: CSR | Block) -> tuple[CSR | Block, Unseen]:
        """Features by the columns of the network."""
        self._refuse_misfit(x)
        return known_features(x, self.features)

    def _retriever(self, plan: Plan, examples: Dataset | None) -> Searcher:
        """What looks for labels by tables, or by an index."""
        kind = kind_of(self.config)
        return self._naming_unseen_last(
            kind.sampled(self.network, self.backend, self.config, plan, examples)
        )

    def _searcher(self, sampled: bool) -> Searcher:
        """What looks for labels."""
        if sampled:
            if self.retrieving is None:
                self.retrieving = self._retriever(*(self.prepared or (Plan(), None)))
            return self.retrieving
        if self.exact is None:
            searcher = kind_of(self.config).exact(self.network, self.backend)
            self.exact = self._naming_unseen_last(searcher)
        return self.exact

    def _naming_unseen_last(self, searcher: Searcher) -> Searcher:
        """The same, but for labels without training example, of which nothing is known."""
        unseen = np.flatnonzero(self.label_counts == 0).astype(np.int32)
        return searcher.naming_last(unseen, self.backend) if len(unseen) else searcher

    def _depth(self, k: Any) -> int:
        """k, or as many labels as there are."""
        return depth(k, self.network.n_labels)

    def _refuse_misfit(self, x: CSR | Block) -> None:
        """Raise ModelError if features are dense, so that their columns have no ids to look up."""
        expected = self.network.n_features
        if isinstance(x, Block) and self.feature_ids is None and x.n_cols != expected:
            raise ModelError(
                f"the data has {x.n_cols} features, but the model was trained on {expected}: "
                "use files that share one numbering"
            )

    def save(self, folder: str | Path, overwrite: bool = False) -> None:
        """Write a model folder, whole or not at all.

        Raises:
            ModelError: the folder exists and may not be replaced, or cannot be written.
        """
        with staged(path_of(folder, "folder"), overwrite) as partial:
            self.write_into(partial)

    def write_into(self, folder: Path) -> None:
        """Write config.json, weights.safetensors and what else there is into an existing folder.

        Raises:
            ModelError: the operating system refuses, for want of space for example.
        """
        write_model(self, folder)

    def to_onnx(self, path: str | Path) -> None:
        """Write the layers of a model with hidden ones as an ONNX graph, whole or not at all.

        Inputs are `features`, f32 (batch, n), dense and not yet scaled, in the order of ids, or of
        `feature_ids` where those are in use alone; and `k`, i64 (1,), from 1 on. Outputs are
        `logits`, f32 (batch, n_labels), and of the k best labels `ids`, i64, and `scores`, f32,
        (batch, k). Version, names and ids are in the metadata (docs/model-folder.md).

        Raises:
            ConfigError: there are no hidden layers, they take more than 2 GB, or the package onnx
                is missing.
            ModelError: the file exists or cannot be written.
        """
        write_onnx(self, path_of(path, "path"))

    @classmethod
    def load(cls, folder: str | Path, backend: Backend | str | None = None) -> Model:
        """Read a model folder.

        Args:
            folder: that `save` or `slide train` wrote.
            backend: computes, or its name; by default the one of the command line, on all cores.

        Raises:
            BackendError: the backend cannot be opened.
            ModelError: the folder is missing, damaged or inconsistent.
        """
        return cls(**read_model(path_of(folder, "folder"), backend))

    def freeze(
        self,
        folder: str | Path | None = None,
        dtype: Literal["float32", "float16", "int8"] = "float32",
        keep: float = 1.0,
        overwrite: bool = False,
    ) -> Any:
        """A `slide.Predictor`: the same model, read-only, with all that it looks into stored.

        Args:
            folder: that is written, whole or not at all, and mapped; None to stay in memory.
            dtype: of the weights. With int8 each input's weights, or each neuron's behind hidden
                layers, have one scale; biases are float32 in any case.
            keep: share of the weights of each label that stay, in (0, 1], the largest by
                magnitude, rounded up; of direct connections alone.
            overwrite: replace the frozen model that is in the folder; who has mapped it keeps it.

        Raises:
            ModelError: the folder exists or cannot be written, or nobody knows how to freeze
                models of this learner.
            ConfigError: dtype or keep is out of range, or there are hidden layers to keep all of.
        """
        return frozen(self, folder, dtype, keep, overwrite)
