"""Probabilities of logits, fitted to answers for examples that a model was not trained on.

Labels of the head, the torso and the tail (see `slide.core.examples.measures.parts_of`) have a
curve each: at the same logit they are not equally often right.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.contract.forms import demand_counts, demand_finite
from slide.core.errors import FAULTS, ModelError, reason_of
from slide.core.examples.measures import PARTS, parts_of
from slide.core.examples.scored import Scored
from slide.core.models.curves import Curve, calibration_error
from slide.core.models.folder import CALIBRATION

AT = 5  # answers to an example that the error is measured on
FEWEST_HITS = 20  # right answers of a part of the labels from which it has a curve of its own
NO_PART = -1  # of labels without training example


@dataclass(frozen=True, slots=True)
class Calibration:
    """What makes probabilities of logits.

    Args:
        curves: of the head, the torso and the tail.
        parts: i64 (n_labels,), which of them a label is of; NO_PART without training example.
        n_examples: that they were fitted to.
        error: expected calibration error of the best 5 labels of these, by curves fitted to the
            other half of them.
    """

    curves: tuple[Curve, ...]
    parts: Array
    n_examples: int
    error: float

    @classmethod
    def fitted(cls, scored: Scored, counts: Array) -> Calibration:
        """To answers for at least one example; see `fitted_to`."""
        return cls.fitted_to(scored, counts)[0]

    @classmethod
    def fitted_to(cls, scored: Scored, counts: Array) -> tuple[Calibration, Array, Array]:
        """To answers for at least one example, and what the error was measured on.

        Args:
            scored: answers, labels by the rows of the network.
            counts: i64 (n_labels,), training examples of each label.

        Returns:
            The calibration; and of the best 5 answers to each example probabilities by curves
            fitted to the other half, f32, and whether they came true, bool.
        """
        parts, n = label_parts(counts), len(scored.labels)
        whole = cls(curves_of(scored, parts), parts, n, 0.0)
        halves = [scored.take(np.arange(n)[begin::2]) for begin in (0, 1)]
        others = [cls(curves_of(half, parts), parts, n, 0.0) for half in reversed(halves)]
        pairs = [one.judged(half.first(AT)) for one, half in zip(others, halves, strict=True)]
        likely, right = map(np.concatenate, zip(*pairs, strict=True))
        return cls(whole.curves, parts, n, calibration_error(likely, right)), likely, right

    def probabilities(self, scores: Array, labels: Array) -> Array:
        """How likely labels are right, f32 (n, k), in [0, 1]; 0 where there is no label.

        Args:
            scores: f32 (n, k), logits.
            labels: i32 (n, k), rows of the network; -1 for none.
        """
        part = np.where(labels >= 0, self.parts[labels], NO_PART)
        probabilities = np.zeros(scores.shape, np.float32)
        for number, curve in enumerate(self.curves):
            probabilities[part == number] = curve.at(scores[part == number])
        return probabilities

    def judged(self, scored: Scored) -> tuple[Array, Array]:
        """Probabilities f32 and whether they came true, bool, of all answers that there are."""
        there = scored.are_there
        return self.probabilities(scored.scores, scored.labels)[there], scored.hits[there]

    def write(self, folder: Path) -> None:
        """Write calibration.json."""
        curves = {
            name: {"scores": curve.scores.tolist(), "probabilities": curve.probabilities.tolist()}
            for name, curve in zip(PARTS, self.curves, strict=True)
        }
        said = {"n_examples": self.n_examples, "error": self.error, "curves": curves}
        (folder / CALIBRATION).write_text(json.dumps(said) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path, counts: Array) -> Calibration:
        """Read calibration.json.

        Args:
            folder: of the model.
            counts: i64 (n_labels,), training examples of each label.

        Raises:
            ModelError: it is missing or damaged.
        """
        path = folder / CALIBRATION
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            curves = tuple(curve_from(said["curves"][name]) for name in PARTS)
            demand_counts(said, "n_examples", least=1)
            demand_finite(said, "error")
            return cls(curves, label_parts(counts), said["n_examples"], float(said["error"]))
        except OSError as error:
            raise ModelError(f"cannot read {path}: {error.strerror}") from None
        except FAULTS as error:
            reason = reason_of(error)
            raise ModelError(f"{path} is damaged ({reason}): train the model again") from None


def label_parts(counts: Array) -> Array:
    """Part of each label, i64 (n_labels,): see `Calibration`."""
    parts: Array = np.where(counts > 0, parts_of(counts), NO_PART)
    return parts


def curves_of(scored: Scored, parts: Array) -> tuple[Curve, ...]:
    """Of each part of the labels its own, or that of all where it has few right answers."""
    whole = curve_of(scored, parts >= 0)
    own = [parts == number for number in range(len(PARTS))]
    return tuple(
        curve_of(scored, labels) if n_hits(scored, labels) >= FEWEST_HITS else whole
        for labels in own
    )


def n_hits(scored: Scored, labels: Array) -> int:
    """Right answers that are of some labels, bool (n_labels,)."""
    return int(labels[scored.labels[scored.hits]].sum())


def curve_of(scored: Scored, labels: Array) -> Curve:
    """Of some labels, bool (n_labels,)."""
    chosen = scored.are_there & labels[scored.labels]
    right = scored.hits[chosen]
    n_pairs = len(scored.labels) * int(labels.sum())
    true = scored.y.indices[scored.y.indices < len(labels)]  # beyond are those that nobody knows
    n_missed = int(labels[true].sum()) - int(right.sum())
    scores = scored.scores[chosen].astype(np.float64)
    return Curve.fitted(scores, right, n_pairs - len(right), n_missed)


def curve_from(said: Any) -> Curve:
    """A curve of calibration.json, or an error of whatever kind."""
    return Curve(np.array(said["scores"], float), np.array(said["probabilities"], float))
