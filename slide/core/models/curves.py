"""How often answers of a logit are right: isotonic regression, and what its error is.

A curve is the isotonic regression of right on logit, joined by straight lines between the centres
of its steps, so that it rises where steps do not.

Source: Zadrozny and Elkan (KDD 2002) for isotonic calibration; Oron and Flournoy, Centered isotonic
regression (Statistics in Biopharmaceutical Research, 2017) for the lines; Guo et al. (ICML 2017)
for the expected calibration error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from slide.core.contract.arrays import Array

BINS = 15  # of the expected calibration error


@dataclass(frozen=True, slots=True)
class Curve:
    """A function that nowhere falls.

    Args:
        scores: f64 (n,), ascending.
        probabilities: f64 (n,), at these, in [0, 1]; beyond them that of the nearest.

    Raises:
        ValueError: they are no such function.
    """

    scores: Array
    probabilities: Array

    def __post_init__(self) -> None:
        scores, probabilities = self.scores, self.probabilities
        if scores.ndim != 1 or scores.shape != probabilities.shape or not len(scores):
            raise ValueError("a curve has no probability for each of its scores")
        if not (np.isfinite(scores).all() and (np.diff(scores) > 0).all()):
            raise ValueError("scores of a curve do not rise")
        if not (np.diff(probabilities) >= 0).all() or not 0 <= probabilities[0] <= 1:
            raise ValueError("probabilities of a curve fall")
        if not probabilities[-1] <= 1:
            raise ValueError("a curve has a probability above 1")

    @classmethod
    def fitted(cls, scores: Array, right: Array, n_others: int, n_missed: int) -> Curve:
        """To answers, and to all pairs of example and label that were no answer.

        One more right answer at the lowest logit, and a wrong one at the highest, keep it from
        saying never, or for certain, of what a few examples did not show.

        Args:
            scores: f64 (n,), logits of answers.
            right: bool (n,), whether they are.
            n_others: pairs that were no answer; their logits are taken to be the lowest.
            n_missed: of them, those whose label is the example's.
        """
        from scipy.optimize import isotonic_regression  # takes time to import

        ends = (scores.min(), scores.max()) if len(scores) else (0.0, 0.0)
        points = np.concatenate([[ends[0], *ends], scores])
        sides = np.concatenate([[n_missed / max(n_others, 1), 1, 0], right])
        weights = np.concatenate([[n_others, 1, 1], np.ones(len(scores))])
        distinct, which = np.unique(points, return_inverse=True)
        sums, weights = np.bincount(which, weights * sides), np.bincount(which, weights)
        steps = isotonic_regression(sums / weights, weights=weights)
        begins = steps.blocks[:-1]
        centres = np.add.reduceat(weights * distinct, begins) / np.add.reduceat(weights, begins)
        return cls(centres, np.clip(steps.x[begins], 0, 1))

    def at(self, scores: Array) -> Array:
        """Probabilities of logits, f64."""
        probabilities: Array = np.interp(scores, self.scores, self.probabilities)
        return probabilities


def calibration_error(probabilities: Array, right: Array) -> float:
    """Expected calibration error: mean over answers of |right - probability| of their bin.

    Bins are of equal width; of each the means of both are compared. In [0, 1]; 0 of no answer.

    Args:
        probabilities: (n,), in [0, 1].
        right: bool (n,), whether the answers were.
    """
    bins = np.minimum((probabilities * BINS).astype(np.int64), BINS - 1)
    gaps = np.bincount(bins, np.asarray(right, np.float64) - probabilities, BINS)
    return float(abs(gaps).sum()) / max(len(probabilities), 1)
