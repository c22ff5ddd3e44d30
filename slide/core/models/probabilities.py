"""Probabilities of a model's answers: calibrated where it is, and of rows that say nothing."""

from __future__ import annotations

import warnings
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from slide.core.contract.arrays import CSR, Array, Block
from slide.core.errors import InputError, SlideWarning, worded
from slide.core.examples.dataset import features_of
from slide.core.examples.numbering import Numbering
from slide.core.models.calibration import Calibration
from slide.core.models.unseen import Unseen

NOT_CALIBRATED = (
    "the model is not calibrated: its probabilities are the sigmoid of its logits, which may be far"
    " from how often labels are right; train it again, "
)


class UncalibratedWarning(SlideWarning):
    """Probabilities are asked for of a model that was not calibrated."""

    def __init__(self) -> None:
        python = "as Trainer(calibrate=True) does, or with a validation set"
        remedy = worded(python, "by --calibrate or --valid")
        super().__init__(NOT_CALIBRATED + remedy)


class Ranker(Protocol):
    """What must be known to tell how likely labels are; columns and rows are those of a network."""

    @property
    def calibration(self) -> Calibration | None: ...

    @property
    def label_counts(self) -> Array: ...

    @property
    def n_samples(self) -> int: ...

    @property
    def labels(self) -> Numbering: ...

    def _asked_features(self, x: Any) -> tuple[CSR | Block, Unseen]:
        """Features by columns, without those that training never met."""

    def _depth(self, k: Any) -> int:
        """k, or as many labels as there are."""

    def ranked(self, x: CSR | Block, k: int, sampled: bool = False) -> tuple[Array, Array]:
        """Rows of the k best labels of each example, and their logits."""


class Probable:
    """What every `Ranker` has."""

    __slots__ = ()

    def predict_proba(
        self: Ranker, x: CSR | Block | ArrayLike, k: int = 5, sampled: bool = False
    ) -> tuple[Array, Array]:
        """The labels of `Model.predict`, in that order, and how likely each of them is right.

        Probabilities are calibrated on examples that were held out, for frequent and for rare
        labels apart: of two labels of an example the second may be the likelier one. Of a model
        that is not calibrated they are the sigmoid of the logit, with an `UncalibratedWarning`.
        An example without any known feature is answered with the shares of training examples
        that have the labels.

        Args:
            x: see `Model.predict`.
            k: see `Model.predict`.
            sampled: see `Model.predict`.

        Returns:
            ids i32 (n, k) and probabilities f32 (n, k), in [0, 1]; 0 where the id is -1. Of fewer
            than k labels all.

        Raises:
            InputError, ModelError, ConfigError: see `Model.predict`.
        """
        x, unseen = self._asked_features(x)
        unseen.warn()
        if self.calibration is None:
            warnings.warn(UncalibratedWarning(), stacklevel=2)
        labels, scores = self.ranked(x, self._depth(k), sampled)
        return self.labels.ids_of(labels), probabilities_of(self, x, labels, scores)

    def likely(self: Ranker, x: CSR | Block | ArrayLike, ids: Array, scores: Array) -> Array:
        """Probabilities of labels whose logits are known, as those of `predict_proba`.

        Args:
            x: (n, any), see `Model.predict`.
            ids: i32 (n, k), labels; -1 for none.
            scores: f32 (n, k), their logits.

        Returns:
            f32 (n, k), in [0, 1].

        Raises:
            InputError, ModelError: see `Model.predict`.
        """
        x, _ = self._asked_features(x)
        shape = x.n_rows, np.shape(ids)[-1] if np.ndim(ids) == 2 else -1
        if not (np.shape(ids) == np.shape(scores) == shape):
            raise InputError(f"ids and scores: expected (n, k) of both, and n = {x.n_rows}, as x")
        return probabilities_of(self, x, self.labels.columns_of(ids), scores)


def probabilities_of(model: Ranker, x: CSR | Block, labels: Array, scores: Array) -> Array:
    """How likely labels are right, f32 (n, k), in [0, 1]; 0 where there is no label.

    Args:
        model: calibrated or not.
        x: (n, n_features) by columns. A row of zeros says nothing: probabilities are then how
            frequent the labels are among training examples.
        labels: i32 (n, k), rows of the network; -1 for none.
        scores: f32 (n, k), their logits.
    """
    if model.calibration is None:
        probabilities = np.where(labels >= 0, sigmoid(scores), np.float32(0))
    else:
        probabilities = model.calibration.probabilities(scores, labels)
    silent = says_nothing(x)
    shares = (model.label_counts / model.n_samples).astype(np.float32)
    probabilities[silent] = np.where(labels[silent] >= 0, shares[labels[silent]], 0)
    return probabilities


def sigmoid(scores: Array) -> Array:
    """1 / (1 + exp(-score)), f32, of any finite or infinite score."""
    small = np.exp(-abs(scores))
    probabilities: Array = np.where(scores >= 0, 1, small) / (1 + small)
    return probabilities.astype(np.float32)


def says_nothing(x: CSR | Block) -> Array:
    """Which rows have no value but 0: bool (n,)."""
    if isinstance(x, Block):
        x = features_of(x)
    silent: Array = np.bincount(x.row_numbers(), x.values != 0, x.n_rows) == 0
    return silent
