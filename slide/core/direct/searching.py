"""The best labels of a trained network: maximum inner product search over an inverted index.

Labels that an example does not meet have their bias for a score. They are sorted by it once, so
that an answer takes no time in proportion to labels that are not met.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.backend import Backend
from slide.core.direct.active import found_set
from slide.core.direct.listed import ListedLabels
from slide.core.direct.network import Direct
from slide.core.learner import LAST


@dataclass(frozen=True, slots=True)
class IndexSearcher:
    """Finds the best labels of a trained network.

    Args:
        network: the weights.
        index: of all of them, or of the largest of each input.
        n_candidates: labels that an example meets whose logits are computed; 0 for exact answers.
        last: which labels come after all others, bool (n_labels,); None if none does.
        by_bias: all labels, i32, those of largest bias first, ties to the smaller id.
        biases: theirs, f32.
    """

    network: Direct
    index: ListedLabels
    n_candidates: int
    last: Array | None
    by_bias: Array
    biases: Array

    @classmethod
    def of(
        cls, network: Direct, index: ListedLabels, n_candidates: int, last: Array | None = None
    ) -> IndexSearcher:
        """Sort the labels by bias; those that come last have `LAST` for one."""
        bias = network.bias
        if last is not None:
            bias = np.where(last, np.float32(LAST), bias)
        by_bias = np.argsort(-bias, kind="stable").astype(np.int32)
        return cls(network, index, n_candidates, last, by_bias, bias[by_bias])

    @classmethod
    def exact(cls, network: Direct, backend: Backend) -> IndexSearcher:
        """Every label is a candidate."""
        return cls.of(network, listed(network, backend), 0)

    def naming_last(self, labels: Array, backend: Backend) -> IndexSearcher:
        """See `Searcher`; the score of these labels is `LAST`."""
        last = np.zeros(self.network.n_labels, bool)
        last[labels] = True
        return IndexSearcher.of(self.network, self.index, self.n_candidates, backend.put(last))

    def top_k(self, backend: Backend, x: CSR | Block, k: int) -> tuple[Array, Array]:
        """The k best labels, those that are not met by their bias alone.

        Returns:
            ids i32 (B, k) and logits f32 (B, k), best first.
        """
        network, n = self.network, self.network.n_labels
        inputs = network.of_features(x, backend)
        none = CSR.empty(inputs.n_rows, n).map(backend.put)
        found, _ = self.index.search(backend, inputs, none, min(max(k, self.n_candidates), n))
        ids, scores = unfilled(inputs, k)
        rows, m = np.arange(len(found), like=found), k
        while len(rows):
            likely = np.broadcast_to(self.by_bias[:m], (len(rows), min(m, n)))
            candidates = np.concatenate([found[rows], likely], axis=1)
            part = inputs.take(rows)
            ids[rows], scores[rows] = self._ranked(backend, part, candidates, k)
            if self.n_candidates or m >= n:
                break
            rows = rows[self._might_rise(m, ids[rows, k - 1], scores[rows, k - 1])]
            m *= 4
        return backend.get(ids), backend.get(scores)

    def scores(self, backend: Backend, x: CSR | Block, wanted: CSR) -> CSR:
        """See `Searcher`."""
        inputs = self.network.of_features(x, backend)
        return self._logits(backend, inputs, wanted.map(backend.put)).map(backend.get)

    def _might_rise(self, place: int, worst: Array, score: Array) -> Array:
        """Whether any label from this place of `by_bias` on might take that of the worst: bool.

        The first of them can, if any can: those of the same bias are in the order of ids.
        """
        bias, label = self.biases[place], self.by_bias[place]
        might: Array = (bias > score) | ((bias == score) & (label < worst))
        return might

    def _ranked(
        self, backend: Backend, inputs: CSR, candidates: Array, k: int
    ) -> tuple[Array, Array]:
        """The k best candidates of each example, i32 (B, any number), by their logits."""
        wanted = found_set(candidates, self.network.n_labels)
        return best_of(self._logits(backend, inputs, wanted), k)

    def _logits(self, backend: Backend, inputs: CSR, wanted: CSR) -> CSR:
        """Of these labels, those that come last among them."""
        z = backend.masked_spgemm(inputs, self.network.param.weight, wanted)
        if self.last is None:
            return z
        return z.with_values(np.where(self.last[z.indices], np.float32(LAST), z.values))


def listed(network: Direct, backend: Backend, limit: int | None = None) -> ListedLabels:
    """The index of a network, see `Direct.index`, as it is searched."""
    return ListedLabels.of(network.index(backend, limit), network.param.weight, backend)


def best_of(z: CSR, k: int) -> tuple[Array, Array]:
    """The k largest entries of each row, ties to the smaller id: ids and values (B, k)."""
    ids, scores = unfilled(z, k)
    rows = z.row_numbers()
    order = np.argsort(-z.values, kind="stable")  # ties stay in the order of ids
    order = order[np.argsort(rows[order], kind="stable")]
    places = np.arange(z.nnz, like=rows) - z.indptr[rows]  # rows are in order before and after
    kept = places < k
    ids[rows[kept], places[kept]] = z.indices[order][kept]
    scores[rows[kept], places[kept]] = z.values[order][kept]
    return ids, scores


def unfilled(z: CSR, k: int) -> tuple[Array, Array]:
    """Ids -1 and scores -inf (B, k), where the best of each of the B rows of z may go."""
    shape = z.n_rows, k
    return np.full_like(z.indices, -1, shape=shape), np.full_like(z.values, -np.inf, shape=shape)
