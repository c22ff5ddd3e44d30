"""One judge for all: P, nDCG and PSP at 1, 3, 5 of the labels that somebody predicted."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import slide
from bench.rivals.peers.workers.worker import DEPTH
from slide.core.contract.arrays import Array
from slide.core.examples.metrics import hits, inverse_propensities, ranking_metrics


class Judge:
    """Knows the true labels of a prepared set.

    Args:
        folder: see `sets.prepare`.
        recommender: rankings are also judged with the items of the input left out.

    Attributes:
        k: labels to predict so that five remain when the items of any input are left out.
        sizes: of the set, by name.
    """

    def __init__(self, folder: Path, recommender: bool) -> None:
        train, self.test = (slide.read(folder / f"X_{name}.npz") for name in ("train", "test"))
        self.inverse = inverse_propensities(train.y.column_counts(), train.n_samples)
        self.recommender = recommender
        most = int(self.test.features.row_lengths().max(initial=0)) if recommender else 0
        self.k = min(DEPTH + most, train.n_labels)
        self.sizes = {
            "n_train": train.n_samples,
            "n_test": self.test.n_samples,
            "n_features": train.n_features,
            "n_labels": train.n_labels,
        }

    def scores(self, ids: Array) -> dict[str, float]:
        """Of i32 (n, DEPTH), best first, -1 where there is none."""
        return ranking_metrics(ids, self.test.y, self.inverse)

    def masked_scores(self, ids: Array) -> dict[str, float] | None:
        """Of i32 (n, k), after leaving out the items of the input; None for other sets."""
        return self.scores(masked(ids, hits(ids, self.test.features))) if self.recommender else None


def masked(ids: Array, left_out: Array) -> Array:
    """The first DEPTH of each row that are not left out, in their order, then -1."""
    order = np.argsort(left_out, axis=1, kind="stable")[:, :DEPTH]
    kept = np.take_along_axis(ids, order, axis=1)
    kept[np.take_along_axis(left_out, order, axis=1)] = -1
    return kept
