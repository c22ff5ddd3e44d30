"""The best labels of a trained network: maximum inner product search over an inverted index."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.backend import Backend
from slide.core.contract.sparse import InvertedIndex
from slide.core.direct.active import found_set
from slide.core.direct.network import Direct


@dataclass(frozen=True, slots=True)
class IndexSearcher:
    """Finds the best labels of a trained network.

    Args:
        network: the weights.
        index: of all of them, or of the largest of each input.
        n_candidates: labels that an example meets whose logits are computed; 0 for exact answers.
    """

    network: Direct
    index: InvertedIndex
    n_candidates: int

    @classmethod
    def exact(cls, network: Direct, backend: Backend) -> IndexSearcher:
        """Every label is a candidate."""
        return cls(network, network.index(backend), 0)

    def top_k(self, backend: Backend, x: CSR | Block, k: int) -> tuple[Array, Array]:
        """The k best labels, those that are not met by their bias alone.

        Returns:
            ids i32 (B, k) and logits f32 (B, k), best first.
        """
        network, n = self.network, self.network.n_labels
        inputs = network.of_features(x, backend)
        none = CSR.empty(inputs.n_rows, n).map(backend.put)
        found, _ = backend.search(self.index, inputs, none, min(max(k, self.n_candidates), n))
        by_bias = np.argsort(-network.bias, kind="stable").astype(np.int32)
        bias = network.bias[by_bias]
        ids, scores = unfilled(inputs, k)
        rows, m = np.arange(len(found), like=found), k
        while len(rows):
            likely = np.broadcast_to(by_bias[:m], (len(rows), min(m, n)))
            candidates = np.concatenate([found[rows], likely], axis=1)
            part = inputs.take(rows)
            ids[rows], scores[rows] = self._ranked(backend, part, candidates, k)
            if self.n_candidates or m >= n:
                break
            rows = rows[scores[rows, k - 1] <= bias[m]]  # the next one might be better
            m *= 4
        return backend.get(ids), backend.get(scores)

    def _ranked(
        self, backend: Backend, inputs: CSR, candidates: Array, k: int
    ) -> tuple[Array, Array]:
        """The k best candidates of each example, i32 (B, any number), by their logits."""
        wanted = found_set(candidates, self.network.n_labels)
        z = backend.masked_spgemm(inputs, self.network.param.weight, wanted)
        return best_of(z, k)


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
