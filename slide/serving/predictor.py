"""`slide.Predictor`: a trained model that only answers, from many threads and processes at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from slide.core.contract import handed
from slide.core.contract.arguments import demand_kind, path_of
from slide.core.contract.arrays import CSR, Array, Block
from slide.core.errors import ConfigError, said
from slide.core.examples.counting import OneBased
from slide.core.examples.dataset import Dataset
from slide.core.examples.metrics import PROPENSITY_A, PROPENSITY_B, RANKS
from slide.core.examples.names import Names
from slide.core.examples.texts import TextFeatures
from slide.core.models.explanation import Explanation
from slide.core.models.inspection import Inspection, LabelInputs
from slide.core.models.model import Model
from slide.serving.folder import Frozen, check_bytes, read, write
from slide.serving.freezing import frozen_of, model_of


class Predictor:
    """A trained model, read-only: `model.freeze()`, or `Predictor.load(folder)`.

    All that an answer looks into is stored, so that loading maps a file and builds nothing. Any
    number of threads may ask at once; processes that load one folder, and those forked later, share
    its pages. A copy by `pickle` maps the same folder, or has arrays of its own if there is none.

    It computes by the kernels of the backend `numba`. With float32 and all weights its answers are
    those of the model by that backend, ids and bits of the logits.

    Attributes:
        model: what answers, of which only the weights and what is searched are there.
    """

    def __init__(self, frozen: Frozen, threads: int = 1) -> None:
        """See `load`; the arrays of `frozen` are not checked for what they say."""
        expected = "what model.freeze() makes: call that, or Predictor.load(folder)"
        demand_kind(frozen, Frozen, "frozen", expected)
        self._frozen, self._threads = frozen, threads
        self.model = model_of(frozen, threads)

    def __reduce__(self) -> tuple[Any, ...]:
        if self._frozen.folder is not None:
            return Predictor.load, (self._frozen.folder, self._threads)
        return Predictor, (self._frozen, self._threads)

    def __repr__(self) -> str:
        where = self._frozen.folder or "in memory"
        return f"Predictor({where}, {self.n_features} features, {self.n_labels} labels)"

    @classmethod
    def load(cls, folder: str | Path, threads: int = 1, check: bool = False) -> Predictor:
        """Map a folder that `Model.freeze` or `slide freeze` wrote.

        Args:
            folder: of the frozen model.
            threads: that share the rows of one call.
            check: read every byte, and compare with what was written.

        Raises:
            ModelError: the folder is missing, damaged or inconsistent.
        """
        frozen = read(path_of(folder, "folder"))
        if check:
            check_bytes(frozen)
        return cls(frozen, threads)

    @classmethod
    def freezing(
        cls,
        model: Model,
        folder: str | Path | None,
        dtype: str,
        keep: float,
        overwrite: bool = False,
    ) -> Predictor:
        """See `Model.freeze`."""
        place = None if folder is None else path_of(folder, "folder")
        frozen = frozen_of(model, dtype, keep)
        if place is None:
            return cls(frozen)
        write(frozen, model, place, overwrite)
        return cls.load(place)

    @property
    def n_features(self) -> int:
        """Columns that the model has for features."""
        return self.model.network.n_features

    @property
    def n_labels(self) -> int:
        """Labels that can be named."""
        return self.model.network.n_labels

    @property
    def n_seen_labels(self) -> int:
        """Labels that have a training example."""
        return self.model.n_seen_labels

    @property
    def feature_names(self) -> Names | None:
        """What the ids of features are called, if they have names."""
        return self.model.feature_names

    @property
    def label_names(self) -> Names | None:
        """What the ids of labels are called, if they have names."""
        return self.model.label_names

    @property
    def text(self) -> TextFeatures | None:
        """How texts become features, if it was trained on texts."""
        return self.model.text

    @property
    def one_based(self) -> OneBased:
        """What text of the training set counts from 1."""
        return self.model.one_based

    @property
    def dtype(self) -> str:
        """Of the weights: float32, float16 or int8."""
        return str(self._frozen.description["dtype"])

    @property
    def nbytes(self) -> int:
        """Of all arrays."""
        return sum(array.nbytes for array in self._frozen.arrays.values())

    def predict(self, x: Any, k: int = 5, sampled: bool = False) -> tuple[Array, Array]:
        """The k labels of largest logit for each example, or for one, best first.

        Args:
            x: examples as `Model.predict` takes them; or one: an array of all its features, or a
                tuple of the ids of those that are not zero and their values, in any order.
            k: from 1 on; all labels where there are fewer.
            sampled: look only at the neurons that the stored hash tables retrieve.

        Returns:
            ids i32 and logits f32, (n, k), or (k,) for one example; see `Model.predict`.

        Raises:
            InputError, ModelError: see `Model.predict`.
            ConfigError: k is no whole number from 1 on, or there are no tables.
        """
        x, is_one = self._asked(x, sampled)
        ids, scores = self.model.predict(x, k, sampled)
        return (ids[0], scores[0]) if is_one else (ids, scores)

    def predict_proba(self, x: Any, k: int = 5, sampled: bool = False) -> tuple[Array, Array]:
        """The labels of `predict`, in that order, and how likely each of them is right.

        Args:
            x, k, sampled: see `predict`.

        Returns:
            ids i32 and probabilities f32, (n, k), or (k,) for one example; see
            `Model.predict_proba`.

        Raises:
            InputError, ModelError, ConfigError: see `predict`.
        """
        x, is_one = self._asked(x, sampled)
        ids, probabilities = self.model.predict_proba(x, k, sampled)
        return (ids[0], probabilities[0]) if is_one else (ids, probabilities)

    def predict_texts(
        self, texts: Iterable[str], k: int = 5, sampled: bool = False
    ) -> tuple[list[list[Any]], list[list[float]]]:
        """See `Model.predict_texts`; `sampled` as in `predict`."""
        self._refuse_tableless(sampled)
        return self.model.predict_texts(texts, k, sampled)

    def _asked(self, x: Any, sampled: bool) -> tuple[Any, bool]:
        """Examples as `Model.predict` takes them, and whether it was a single one."""
        self._refuse_tableless(sampled)
        row = one_row(x, self.n_features)
        return (x, False) if row is None else (row, True)

    def _refuse_tableless(self, sampled: bool) -> None:
        """Raise ConfigError where tables are wanted, and there are none."""
        if sampled and self.model.retrieving is None:
            raise ConfigError(
                "the frozen model has direct connections, and no hash tables: leave out "
                f"{said('sampled')}, its answers are exact"
            )

    def explain(
        self, row: Any, label: Any, n: int = 10, examples: Dataset | None = None
    ) -> Explanation:
        """See `Model.explain`; a row may have the forms of one example that `predict` takes."""
        one = one_row(row, self.n_features)
        return self.model.explain(row if one is None else one, label, n, examples)

    def inspect(self) -> Inspection:
        """See `Model.inspect`."""
        return self.model.inspect()

    def inputs_of_label(self, label: Any, n: int = 10) -> LabelInputs:
        """See `Model.inputs_of_label`."""
        return self.model.inputs_of_label(label, n)

    def evaluate(
        self,
        data: Dataset,
        sampled: bool = False,
        propensity: tuple[float, float] = (PROPENSITY_A, PROPENSITY_B),
        at: Sequence[int] = RANKS,
    ) -> dict[str, float]:
        """See `Model.evaluate`."""
        return self.model.evaluate(data, sampled, propensity, at)


def one_row(x: Any, n_features: int) -> CSR | Block | None:
    """One example as a matrix of one row; None if it is none of its forms.

    Raises:
        InputError: it is broken.
    """
    if isinstance(x, tuple) and len(x) == 2:
        return handed.refusing("the example", lambda: row_of_pair(*x, n_features))
    if isinstance(x, CSR | Block) or handed.is_scipy(x) or n_dimensions(x) != 1:
        return None
    return handed.refusing("the example", lambda: Block.of(handed.numbers("values", x, 1)[None]))


def n_dimensions(x: Any) -> int:
    """Of what NumPy makes of it; 0 if it is no array."""
    try:
        return np.ndim(x)
    except ValueError:  # ragged lists
        return 0


def row_of_pair(ids: ArrayLike, values: ArrayLike, n_features: int) -> CSR:
    """A row of these features, sorted; ValueError if they are none, or repeated."""
    columns = handed.whole_numbers("ids", ids, handed.COLUMNS)
    numbers = handed.numbers("values", values, 1)
    if len(columns) != len(numbers):
        raise ValueError(f"{len(columns)} ids and {len(numbers)} values: expected as many")
    order = np.argsort(columns, kind="stable")
    n_cols = max(n_features, int(columns.max(initial=-1)) + 1)
    return CSR(np.array([0, len(order)]), columns[order], numbers[order], n_cols)
