"""Best labels of examples that a model was not trained on, and which of them are theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.examples.dataset import Dataset
from slide.core.examples.metrics import hits

DEEPEST = (
    20  # labels of an example: what is wrong with the first of them says nothing of the others
)


@dataclass(frozen=True, slots=True)
class Scored:
    """Answers to be compared with the truth.

    Args:
        labels: i32 (n, k), best first; -1 where there is none, or none to judge by.
        scores: f32 (n, k), their logits.
        y: CSR (n, n_labels), the examples' labels.
    """

    labels: Array
    scores: Array
    y: CSR

    @classmethod
    def of(cls, labels: Array, scores: Array, data: Dataset) -> Scored:
        """Answers for some examples; pairs that are neither right nor wrong are none.

        Args:
            labels: i32 (n, k), -1 where there is none.
            scores: f32 (n, k).
            data: the examples; labels that nobody knows, and cannot be answered, come last in y.
        """
        if data.left_out is not None:
            labels = np.where(hits(labels, data.left_out), np.int32(-1), labels)
        return cls(labels, scores, data.y.positive())

    @classmethod
    def joined(cls, parts: Sequence[Scored]) -> Scored:
        """Those of several models, of as many labels an example."""
        labels = np.concatenate([part.labels for part in parts])
        scores = np.concatenate([part.scores for part in parts])
        return cls(labels, scores, CSR.stack([part.y for part in parts], parts[0].y.n_cols))

    def take(self, rows: Array) -> Scored:
        """Of some of the examples."""
        return Scored(self.labels[rows], self.scores[rows], self.y.take(rows))

    def first(self, k: int) -> Scored:
        """The k best of each example."""
        return Scored(self.labels[:, :k], self.scores[:, :k], self.y)

    @property
    def are_there(self) -> Array:
        """Which answers there are, bool (n, k)."""
        there: Array = self.labels >= 0
        return there

    @property
    def hits(self) -> Array:
        """Which answers are right, bool (n, k)."""
        return hits(self.labels, self.y)
