"""A network without hidden layer: sparse weights from features straight to labels.

A label is connected to the inputs that its examples have most of, and to those that weigh most
against it among the examples that look like its own but are not. Training starts from the labels'
centroids, and its negatives are the labels that score highest without being right, which an
inverted index of the weights finds exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block, merged
from slide.core.contract.backend import Backend
from slide.core.contract.sparse import InvertedIndex, SparseParam
from slide.core.direct.inputs import Inputs
from slide.core.direct.settings import DirectSettings
from slide.core.examples.dataset import Dataset, features_of
from slide.core.sampled.sampling import nobody
from slide.core.settings.settings import Settings

SCALE = 8.0  # length of a label's row at the start: the cosine to its centroid decides then
LABELS_AT_A_TIME = 1 << 17  # found for some examples
EXAMPLES_FOR_GROWTH = 1 << 14  # at most: what weighs against a label shows in few (docs/direct.md)


@dataclass(frozen=True, slots=True)
class Direct:
    """The whole network.

    Args:
        inputs: how features become inputs.
        param: (n_labels, n_inputs + 1), one row per label, its bias in the last column, which
            every row stores.
    """

    inputs: Inputs
    param: SparseParam

    @property
    def n_features(self) -> int:
        return self.inputs.n_features

    @property
    def n_labels(self) -> int:
        return self.param.weight.n_rows

    @property
    def bias(self) -> Array:
        """f32 (n_labels,)."""
        weight = self.param.weight
        last: Array = weight.values[weight.indptr[1:] - 1]
        return last

    @classmethod
    def connect(
        cls, settings: Settings[DirectSettings], inputs: Inputs, backend: Backend, data: Dataset
    ) -> Direct:
        """Choose the connections of every label, and start them from its centroid.

        Args:
            settings: how many connections.
            inputs: as fitted to the training set.
            backend: computes.
            data: the training set in an order of its own, its features replaced by inputs.
        """
        x, y = data.x, data.y.positive()
        assert isinstance(x, CSR)
        n, counts, wanted = y.n_cols, y.column_counts(), settings.learner
        none = nobody(n, x.n_cols, backend)
        ones = placed(y.with_values(np.ones_like(y.values)), backend)
        limits = wanted.connections + (wanted.connections_per_example * counts).astype(np.int64)
        centroids = backend.spgemm_t(ones, placed(x, backend), backend.put(limits), none)
        weight = placed(centroids, backend, back=True).with_unit_rows()
        weight = weight.with_values(np.float32(SCALE) * weight.values)
        bias = np.log(np.maximum(counts, 1) / max(y.n_rows, 1))
        bias = np.maximum(bias, wanted.bias_floor).astype(np.float32)
        if wanted.grown:
            weight = weight.union(against(settings, backend, data, weight, bias))
        return cls.of(weight, bias, inputs, backend)

    @classmethod
    def of(cls, weight: CSR, bias: Array, inputs: Inputs, backend: Backend) -> Direct:
        """From weights on the host, without those of the constant input, and biases."""
        whole = weight.with_constant()
        whole.values[whole.indptr[1:] - 1] = bias
        square = backend.put(np.ones_like(whole.values))
        return cls(inputs, SparseParam(placed(whole, backend), square))

    def without_bias(self, backend: Backend) -> CSR:
        """The weights on the host, as `of` takes them."""
        return placed(self.param.weight, backend, back=True).without_constant()

    def index(self, backend: Backend, limit: int | None = None) -> InvertedIndex:
        """Of all weights, or of the largest `limit` of each input; biases are its base."""
        whole = backend.invert(self.param.weight, self.bias, limit or self.n_labels)
        return whole.without_last()  # the constant input would add them once more

    def of_features(self, x: CSR | Block, backend: Backend) -> CSR:
        """Inputs of examples, the constant one last: CSR (B, n_inputs + 1)."""
        return placed(self.inputs.of(features_of(x)).with_constant(), backend)


@dataclass(frozen=True, slots=True)
class Lookup:
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
    def exact(cls, network: Direct, backend: Backend) -> Lookup:
        """Every label is a candidate."""
        return cls(network, network.index(backend), 0)

    def top_k(self, backend: Backend, x: CSR | Block, k: int) -> tuple[Array, Array]:
        """The k best labels, those that are not met by their bias alone.

        Returns:
            ids i32 (B, k) and logits f32 (B, k), best first.
        """
        network, n = self.network, self.network.n_labels
        inputs = network.of_features(x, backend)
        none = nobody(inputs.n_rows, n, backend)
        found, _ = backend.search(self.index, inputs, none, min(max(k, self.n_candidates), n))
        usual = np.argsort(-network.bias, kind="stable").astype(np.int32)
        bias = network.bias[usual]
        ids, scores = nothing(inputs, k)
        rows, m = np.arange(len(found), like=found), k
        while len(rows):
            everyone = np.broadcast_to(usual[:m], (len(rows), min(m, n)))
            candidates = np.concatenate([found[rows], everyone], axis=1)
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
        some = active_set(candidates, nobody(len(candidates), self.network.n_labels, backend))
        z = backend.masked_spgemm(inputs, self.network.param.weight, some)
        return best_of(z, k)


def against(
    settings: Settings[DirectSettings], backend: Backend, data: Dataset, weight: CSR, bias: Array
) -> CSR:
    """Connections to inputs that weigh against a label, with weight 0: CSR (n_labels, n_inputs).

    They are those along which the loss falls fastest at the start, among the absent ones: most of
    them inputs that no example of the label has.

    Source: growing by gradient magnitude, Evci et al. (ICML 2020).
    """
    weight, bias = placed(weight, backend), backend.put(bias)
    index = backend.invert(weight, bias, settings.learner.list_limit)
    few = data.take(np.arange(min(data.n_samples, EXAMPLES_FOR_GROWTH)))
    k = min(settings.training.active, data.n_labels)
    at_a_time = max(LABELS_AT_A_TIME // max(k, 1), 1)
    parts = []
    for start in range(0, few.n_samples, at_a_time):
        part = few.take(np.arange(start, min(start + at_a_time, few.n_samples)))
        assert isinstance(part.x, CSR)
        x, y = placed(part.x, backend), placed(part.y, backend)
        found, _ = backend.search(index, x, y, k)
        negatives = active_set(found, nobody(y.n_rows, y.n_cols, backend))
        z = backend.masked_spgemm(x, weight, negatives)
        scores = z.values + bias[negatives.indices]
        parts.append(negatives.with_values(1 / (1 + np.exp(-scores))))
    wrong = CSR.stack(parts, data.n_labels)
    limits = backend.put(np.full(y.n_cols, settings.learner.grown, np.int64))
    assert isinstance(few.x, CSR)
    grown = backend.spgemm_t(wrong, placed(few.x, backend), limits, weight)
    grown = placed(grown, backend, back=True)
    return grown.with_values(np.zeros_like(grown.values))


def active_set(found: Array, y: CSR) -> CSR:
    """Labels and what was found beside them: CSR (B, n).

    Args:
        found: i32 (B, k), -1 where there is nothing.
        y: CSR (B, n), labels.

    Returns:
        The set, its values saying where a label came from, as those of `Backend.query`.
    """
    rows, places = np.nonzero(found >= 0)
    cells, origins = merged(y.cells(), rows * y.n_cols + found[rows, places])
    return CSR.of_cells(cells, origins, y.shape)


def best_of(z: CSR, k: int) -> tuple[Array, Array]:
    """The k largest entries of each row, ties to the smaller id: ids and values (B, k)."""
    ids, scores = nothing(z, k)
    rows = z.row_numbers()
    order = np.argsort(-z.values, kind="stable")  # ties stay in the order of ids
    order = order[np.argsort(rows[order], kind="stable")]
    places = np.arange(z.nnz, like=rows) - z.indptr[rows]  # rows are in order before and after
    kept = places < k
    ids[rows[kept], places[kept]] = z.indices[order][kept]
    scores[rows[kept], places[kept]] = z.values[order][kept]
    return ids, scores


def nothing(z: CSR, k: int) -> tuple[Array, Array]:
    """Ids -1 and scores -inf (B, k), where the best of each of the B rows of z may go."""
    shape = z.n_rows, k
    return np.full_like(z.indices, -1, shape=shape), np.full_like(z.values, -np.inf, shape=shape)


def logits(x: CSR, weight: CSR) -> Array:
    """Of all labels, f32 (B, n_labels), on the host: x as `Direct.of_features` gives it."""
    return np.asarray((x.to_scipy() @ weight.to_scipy().T).toarray(), np.float32)


def placed(matrix: CSR, backend: Backend, back: bool = False) -> CSR:
    """The same matrix in the backend's arrays, or back on the host."""
    return matrix.map(backend.get if back else backend.put)
