"""Probabilities of a model's answers: calibrated where it is, and of rows that say nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block
from slide.core.errors import SlideWarning, worded
from slide.core.examples.dataset import features_of

if TYPE_CHECKING:
    from slide.core.models.model import Model

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


def probabilities_of(model: Model, x: CSR | Block, labels: Array, scores: Array) -> Array:
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
