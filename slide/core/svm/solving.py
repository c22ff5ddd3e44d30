"""All labels solved on their shortlists, and how good the result is on held-out examples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.backend import Backend
from slide.core.contract.sparse import InvertedIndex
from slide.core.direct.inputs import Inputs
from slide.core.direct.network import Direct
from slide.core.examples.dataset import Dataset, batches
from slide.core.examples.metrics import RANKS, precision_at
from slide.core.svm.settings import SvmSettings
from slide.core.svm.shortlists import Shortlists

BIAS = -1.0  # of a label at the start, and nearly so ever after: what lacks it has the side -1
CONSTANT = 0.3  # input whose weight is the bias: it moves less than if it were one of the features
NEVER = -1e9  # bias of a label that no example has, which must not be above those learned to be low
ANSWERS = max(RANKS)


@dataclass(frozen=True, slots=True)
class Balance:
    """What is chosen on held-out examples.

    Args:
        C: cost of an example.
        centroid: length of what weights are drawn to.
    """

    C: float
    centroid: float


@dataclass(frozen=True, slots=True)
class Problem:
    """The training set as it is solved.

    Args:
        settings: of the learner.
        backend: computes.
        inputs: how features become inputs.
        x: inputs of all examples, CSR (n_samples, n_inputs), an array of the backend.
        y: labels, CSR (n_samples, n_labels), on the host.
        counts: i64 (n_labels,), examples of each label.
        centroids: CSR (n_labels, n_inputs) of unit length, on the host.
    """

    settings: SvmSettings
    backend: Backend
    inputs: Inputs
    x: CSR
    y: CSR
    counts: Array
    centroids: CSR

    @classmethod
    def of(
        cls, settings: SvmSettings, inputs: Inputs, data: Dataset, usable: Array, backend: Backend
    ) -> Problem:
        """With the centroids of those examples that are usable.

        Args:
            settings: of the learner.
            inputs: as fitted to the training set.
            data: inputs and labels.
            usable: i64, rows of those examples.
            backend: computes.
        """
        x, y = data.features.map(backend.put), data.y.positive()
        seen = y.where(np.isin(np.arange(y.n_rows), usable)[y.row_numbers()])
        ones = seen.with_values(np.ones_like(seen.values)).map(backend.put)
        limits = limits_of(settings, y.column_counts())
        none = CSR.empty(y.n_cols, x.n_cols).map(backend.put)
        centroids = backend.spgemm_t(ones, x, backend.put(limits), none).map(backend.get)
        counts = seen.column_counts()
        return cls(settings, backend, inputs, x, y, counts, centroids.with_unit_rows())

    def start(self, centroid: float) -> CSR:
        """What weights are drawn to: centroids of this length."""
        if not centroid:
            return CSR.empty(*self.centroids.shape)
        return self.centroids.with_values(np.float32(centroid) * self.centroids.values)

    def unsolved(self, centroid: float) -> Direct:
        """A network of centroids, to find the first hard negatives with."""
        biases = np.full(self.y.n_cols, BIAS, np.float32)
        return self.network(self.start(centroid), biases)

    def solved(
        self, lists: Shortlists, balance: Balance, n_usable: int, passes: int, salt: int
    ) -> tuple[Direct, Array]:
        """A network of all labels solved on their shortlists, and the duals after it.

        Args:
            lists: with the duals to start from.
            balance: C and the length of centroids.
            n_usable: examples that are not held out.
            passes, salt: see `SparseKernels.solve_rows`.
        """
        backend, n = self.backend, self.y.n_cols
        rows = backend.solve_rows(
            self.x,
            lists.costs(balance.C, n_usable).map(backend.put),
            backend.put(lists.duals),
            self.start(balance.centroid).map(backend.put),
            backend.put(np.full(n, BIAS, np.float32)),
            CONSTANT,
            backend.put(limits_of(self.settings, self.counts)),
            passes,
            salt,
        )
        weight = rows.weight.map(backend.get)
        network = self.network(weight.where(weight.values != 0), backend.get(rows.bias))
        return network, backend.get(rows.duals)

    def network(self, weight: CSR, bias: Array) -> Direct:
        """Of these weights, in which labels without examples are never found."""
        bias = np.where(self.counts > 0, bias, np.float32(NEVER))
        return Direct.of(weight, bias, self.inputs, self.backend)

    def search(
        self, network: Direct, rows: Array, k: int, limit: int | None, others: bool
    ) -> Array:
        """The k best labels of some examples: i32 (B, k), on the host, -1 where fewer are met.

        Args:
            network: scores them.
            rows: i64 (B,), the examples.
            k: how many.
            limit: of the index's lists; None for no limit.
            others: leave out labels that the examples have.
        """
        index = network.index(self.backend, limit)
        found = [self.search_in(index, part, k, others) for part in parts_of(rows)]
        return np.concatenate([np.zeros((0, k), np.int32), *found])

    def search_in(self, index: InvertedIndex, rows: Array, k: int, others: bool) -> Array:
        """The same of an index."""
        backend = self.backend
        x, y = self.x.take(backend.put(rows)), self.y.take(rows)
        excluded = y if others else CSR.empty(*y.shape)
        found, _ = backend.search(index, x, excluded.map(backend.put), k)
        return backend.get(found)

    def goodness(self, network: Direct, rows: Array) -> dict[str, float]:
        """P@1, P@3 and P@5 on some examples, by their names in metrics.jsonl."""
        found = self.search(network, rows, ANSWERS, None, others=False)
        y = self.y.take(rows)
        return {f"precision_at_{k}": precision_at(found, y, k) for k in RANKS}


def parts_of(rows: Array) -> list[Array]:
    """Some examples, so many at a time that what is found for them is no large array."""
    return [rows[part] for part in batches(len(rows), 1 << 14)]


def limits_of(settings: SvmSettings, counts: Array) -> Array:
    """Weights that each label keeps, i64."""
    more = (settings.connections_per_example * counts).astype(np.int64)
    return settings.connections + more
