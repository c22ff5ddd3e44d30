"""Scores and probabilities of labels, of all of them, of some, or of those that score highest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.special import log_expit, logsumexp

from slide.core.contract.arrays import CSR, Array, Block
from slide.core.errors import InputError, said
from slide.core.examples.dataset import batches
from slide.core.learner import LAST
from slide.core.models.model import Model
from slide.core.settings.demands import demand_depth, demand_float

MOST_ANSWERS = 50_000_000  # numbers in an array that is given for all labels: 400 MB
AT_A_TIME = 1 << 22  # numbers that are held beside it
TIE = 1e-9  # by which logarithms of probabilities differ where curves are flat
EVEN = 0.5  # probability from which a label is more likely than not
SHALLOW = 16  # labels that are looked at first where a threshold is all that is asked for


@dataclass(frozen=True, slots=True)
class Answers:
    """What a model says of some examples.

    Args:
        model: that is asked.
        x: features, checked.
        n: labels that there are, n_labels.
        excludes: whether an example has one label, so that its probabilities sum to 1.
    """

    model: Model
    x: CSR | Block
    n: int
    excludes: bool

    def top(self, k: int) -> tuple[Array, Array]:
        """The k best labels, or all: ids i32 and scores f64, (n_samples, up to k)."""
        ids, scores = self.model.predict(self.x, k)
        return ids, scores.astype(np.float64)

    def best_of(self, wanted: CSR, k: int) -> tuple[Array, Array]:
        """The k best of those that are wanted, CSR (n_samples, n); id -1 and -inf for no more."""
        z = self.model.scores(self.x, wanted)
        ids = np.full((z.n_rows, k), -1, np.int32)
        scores = np.full((z.n_rows, k), -np.inf)
        order = np.lexsort((z.indices, -z.values, z.row_numbers()))
        places = np.arange(z.nnz) - z.indptr[z.row_numbers()]
        kept = places < k
        rows = z.row_numbers()[kept]
        ids[rows, places[kept]] = z.indices[order][kept]
        scores[rows, places[kept]] = z.values[order][kept]
        return ids, scores

    def scores(self, labels: Array | None = None) -> Array:
        """Scores of labels, or of all: f64 (n_samples, n)."""
        return self._filled(self._scores, labels)

    def log_odds(self) -> Array:
        """Of the second of two classes: f64 (n_samples,)."""
        shares = self.log_shares(self.scores(), np.arange(self.x.n_rows))
        odds: Array = shares[:, 1] - shares[:, 0]
        return odds

    def probabilities(self, labels: Array | None = None) -> Array:
        """Probabilities of labels, or of all: f64 (n_samples, n)."""
        return self._filled(self._probabilities, labels)

    def _filled(self, answer: Any, labels: Array | None) -> Array:
        """An array of what a method says of a few examples at a time."""
        n = self.n if labels is None else len(labels)
        if self.x.n_rows * n > MOST_ANSWERS:
            raise InputError(
                f"{self.x.n_rows} examples and {n} labels are more than {MOST_ANSWERS} numbers: "
                "ask for fewer examples, for labels=, or for k="
            )
        result = np.empty((self.x.n_rows, n))
        for rows in self._batches(n):
            result[rows] = answer(rows, labels)
        return result

    def _batches(self, n: int) -> Iterator[Array]:
        """Rows, so few at a time that n numbers for each are no matter."""
        return batches(self.x.n_rows, max(AT_A_TIME // max(n, 1), 1))

    def _scores(self, rows: Array, labels: Array | None) -> Array:
        """Scores of these examples."""
        ids = np.arange(self.n, dtype=np.int32) if labels is None else labels
        order = np.argsort(ids, kind="stable")
        indptr = np.arange(len(rows) + 1) * len(ids)
        wanted = CSR(
            indptr, np.tile(ids[order], len(rows)), np.ones(indptr[-1], np.float32), self.n
        )
        values = self.model.scores(self.x.take(rows), wanted).values.reshape(len(rows), len(ids))
        scores = np.empty(values.shape)
        scores[:, order] = np.maximum(values, LAST)
        return scores

    def _probabilities(self, rows: Array, labels: Array | None) -> Array:
        """Probabilities of these examples; of those that exclude each other, of all at once."""
        if not self.excludes:
            return np.exp(self.log_of(self._scores(rows, labels), rows, labels))
        log_shares = self.log_shares(self._scores(rows, None), rows)
        return np.exp(log_shares if labels is None else log_shares[:, labels])

    def log_shares(self, scores: Array, rows: Array) -> Array:
        """Logarithms of probabilities that sum to 1, of the scores of all labels.

        The label that scores higher is the likelier one, whatever curves say of frequent and rare
        ones: what `predict` answers is what is most probable.
        """
        order = np.argsort(-scores, axis=1, kind="stable")
        logs = np.take_along_axis(self.log_of(scores, rows, None), order, axis=1)
        logs = np.minimum.accumulate(logs, axis=1) - TIE * np.arange(self.n)
        shares = np.empty_like(logs)
        np.put_along_axis(shares, order, logs, axis=1)
        return np.asarray(shares - logsumexp(shares, axis=1, keepdims=True))

    def log_of(self, scores: Array, rows: Array, labels: Array | None) -> Array:
        """Logarithms of probabilities, of the scores of labels, or of all, each by itself."""
        ids = np.arange(self.n, dtype=np.int32) if labels is None else labels
        ids = np.broadcast_to(ids, scores.shape)
        return log_probabilities(self.model, self.x.take(rows), scores, ids)

    def chosen(self, k: int | None, threshold: float | None) -> csr_array:
        """The k best labels, those that are at least so probable, or both: their probabilities.

        Labels without training example are never chosen.

        Returns:
            csr_array (n_samples, n), f64.
        """
        ids, scores = self.top(k or SHALLOW)
        while k is None and ids.shape[1] < self.model.network.n_labels:
            if not self._passes(ids[:, -1:], scores[:, -1:], threshold).any():
                break
            ids, scores = self.top(2 * ids.shape[1])
        values = self._probable(ids, scores)
        kept = (scores > LAST) & (ids >= 0)
        if threshold is not None:
            kept &= values >= threshold
        return matrix(ids, values, kept, self.n)

    def best_scores(self, k: int) -> csr_array:
        """Scores of the k best labels, csr_array (n_samples, n), f64."""
        ids, scores = self.top(k)
        return matrix(ids, scores, ids >= 0, self.n)

    def _passes(self, ids: Array, scores: Array, threshold: float | None) -> Array:
        """Whether labels are so probable."""
        passes: Array = self._probable(ids, scores) >= threshold
        return passes

    def _probable(self, ids: Array, scores: Array) -> Array:
        """Probabilities of labels (n_samples, k)."""
        if not self.excludes:
            return np.exp(log_probabilities(self.model, self.x, scores, ids))
        found = np.empty(ids.shape)
        for rows in self._batches(self.n):
            found[rows] = np.take_along_axis(self._probabilities(rows, None), ids[rows], axis=1)
        return found


def log_probabilities(model: Model, x: CSR | Block, scores: Array, ids: Array) -> Array:
    """Logarithms of the probabilities of labels, as the model was calibrated, or by the sigmoid.

    Args:
        model: whose scores they are.
        x: features (n, n_features).
        scores: f64 (n, k).
        ids: of the labels (n, k).
    """
    if model.calibration is None:
        logs: Array = log_expit(scores)  # finer than float32, in which scores would have ties
        return logs
    likely = model.likely(x, ids, scores.astype(np.float32)).astype(np.float64)
    return np.log(np.maximum(likely, np.finfo(np.float32).tiny))


def matrix(ids: Array, values: Array, kept: Array, n: int) -> csr_array:
    """Some of the labels of each example, as csr_array (n_samples, n) of these values."""
    rows, places = np.nonzero(kept)
    columns = ids[rows, places]
    order = np.lexsort((columns, rows))
    indptr = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    return csr_array((values[rows, places][order], columns[order], indptr), shape=(len(ids), n))


def bounds(k: int | None, threshold: float | None) -> tuple[int | None, float | None]:
    """How many labels are chosen, and how probable ones; ConfigError if there cannot be such."""
    if k is None:
        threshold = EVEN if threshold is None else threshold
    else:
        demand_depth(k)
    if threshold is not None:
        demand_float(said("threshold"), threshold, 0, 1)
    return k, threshold
