"""All labels solved on their shortlists, and how good the result is on held-out examples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.backend import Backend
from slide.core.contract.lists import indptr_of
from slide.core.contract.sparse import InvertedIndex, SolvedRows
from slide.core.direct.hidden import Hidden
from slide.core.direct.inputs import Inputs
from slide.core.direct.network import Direct
from slide.core.examples.dataset import Dataset, batches
from slide.core.examples.fetching import taken
from slide.core.examples.metrics import RANKS, hits
from slide.core.examples.scratch import ENTRIES_AT_A_TIME, MEMORY, Scratch, few_at_a_time
from slide.core.examples.weights import of_rows
from slide.core.svm.cells import found_cells
from slide.core.svm.on_disk import centroids_of, wanted_rows
from slide.core.svm.parts import picked, put, where
from slide.core.svm.settings import SvmSettings
from slide.core.svm.shortlists import Shortlists

BIAS = -1.0  # of a label at the start, and nearly so ever after: what lacks it has the side -1
CONSTANT = 0.3  # input whose weight is the bias: it moves less than if it were one of the features
NEVER = -1e9  # bias of a label that no example has, which must not be above those learned to be low
REFINING = 3  # passes over support vectors, after one over everything
ANSWERS = max(RANKS)
NOTHING_FOUND = np.zeros((0, ANSWERS), bool)  # for no example
MINED_AT_A_TIME = 1 << 14  # examples, so that what is found for them is no large array


@dataclass(frozen=True, slots=True)
class Balance:
    """What is chosen on held-out examples.

    Args:
        cost: of an example, C in the books.
        centroid: length of what weights are drawn to.
    """

    cost: float
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
        weights: f32 (n_samples,), how many examples each one counts for; None for one.
        hidden: what finds the units that are beside the inputs of x; None without a hidden layer.
        scratch: where arrays go that are as large as x.
    """

    settings: SvmSettings
    backend: Backend
    inputs: Inputs
    x: CSR
    y: CSR
    counts: Array
    centroids: CSR
    weights: Array | None = None
    hidden: Hidden | None = None
    scratch: Scratch = MEMORY

    @classmethod
    def of(
        cls, settings: SvmSettings, inputs: Inputs, data: Dataset, usable: Array, backend: Backend,
        hidden: Hidden | None = None,
    ) -> Problem:  # fmt: skip
        """With the centroids of those examples that are usable.

        Args:
            settings: of the learner.
            inputs: as fitted to the training set.
            data: inputs and labels.
            usable: i64, rows of those examples.
            backend: computes.
            hidden: what found the units that are among the inputs of data.
        """
        x, y, scratch = data.features.map(backend.put), data.y.positive(), Scratch.of(data)
        seen = y.where(np.isin(np.arange(y.n_rows), usable)[y.row_numbers()])
        ones = of_rows(seen.with_values(np.ones_like(seen.values)), data.weights)
        limits = limits_of(settings, y.column_counts())
        centroids = centroids_of(backend, x, ones, limits, scratch)
        counts = seen.column_counts()
        unit = centroids.with_unit_rows()
        return cls(settings, backend, inputs, x, y, counts, unit, data.weights, hidden, scratch)

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
        self, lists: Shortlists, balance: Balance, usable: Array, left_out: Array, salt: int
    ) -> tuple[Direct, Shortlists]:
        """A network of all labels solved on their shortlists, and these with the duals after it.

        A pass over everything comes first, and then some over the support vectors that it leaves:
        most of what is drawn is none.

        Args:
            lists: with the duals to start from.
            balance: cost and length of centroids.
            usable: examples that are not held out, i64.
            left_out: examples whose pairs are left as they are, i64.
            salt: of the orders of examples.
        """
        start, total = self.start(balance.centroid), self.total(usable)
        weights, biases = list[CSR](), list[Array]()

        def solved() -> Iterator[Array]:
            for labels in lists.few_labels(self.x):
                few = replace(self, counts=self.counts[labels])
                whole = lists.of_labels(labels)
                part, kept = whole.without(left_out, self.backend)
                costs = part.costs(balance.cost, total, self.weights, self.backend)
                found = few.solved_few(costs, part.duals, start.take(places(labels)), salt)
                weights.append(found.weight)
                biases.append(found.bias)
                yield whole.duals_with(kept, found.duals)

        lists = lists.with_duals(solved())
        return self.network(CSR.stack(weights, start.n_cols), np.concatenate(biases)), lists

    def solved_few(self, costs: CSR, duals: Array, start: CSR, salt: int) -> SolvedRows:
        """The labels whose counts these are; on the host.

        Args:
            costs: CSR (n_labels, n_samples), see `Shortlists.costs`.
            duals: f32, where to start.
            start: CSR (n_labels, n_inputs), what weights are drawn to.
            salt: of the orders of examples.
        """
        limits = limits_of(self.settings, self.counts)
        x, costs = wanted_rows(self.x, costs, self.scratch, salt)
        first = self.passed(x, costs, duals, start, np.zeros_like(limits), 1, salt)
        duals = self.backend.get(first.duals)
        counts = duals > 0
        x, costs = wanted_rows(x, where(costs, counts, self.backend), self.scratch, salt + 1)
        begun = picked(duals, counts, self.backend)
        rows = self.passed(x, costs, begun, start, limits, REFINING, salt + 1)
        put(duals, counts, self.backend.get(rows.duals), self.backend)
        weight = rows.weight.map(self.backend.get)
        weight = where(weight, weight.values != 0, self.backend)
        return SolvedRows(weight, self.backend.get(rows.bias), duals)

    def total(self, rows: Array) -> float:
        """How many examples these count for together."""
        if self.weights is None:
            return len(rows)
        return float(self.weights[rows].sum(dtype=np.float64))

    def passed(
        self, x: CSR, costs: CSR, duals: Array, start: CSR, limits: Array, passes: int, salt: int
    ) -> SolvedRows:
        """See `SparseKernels.solve_rows`: what it gives, in arrays of the backend."""
        put, n = self.backend.put, costs.n_rows
        return self.backend.solve_rows(
            x, costs.map(put), put(duals), start.map(put),
            put(np.full(n, BIAS, np.float32)), CONSTANT, put(limits), passes, salt,
        )  # fmt: skip

    def network(self, weight: CSR, bias: Array) -> Direct:
        """Of these weights, in which labels without examples are never found."""
        bias = np.where(self.counts > 0, bias, np.float32(NEVER))
        return Direct.of(weight, bias, self.inputs, self.backend, self.hidden)

    def best_labels(self, network: Direct, rows: Array, k: int) -> tuple[Array, Array]:
        """The k best labels of some examples, exactly: i32 (B, k), -1 where fewer are met.

        Returns:
            the labels, and their logits f32 (B, k).
        """
        index = network.index(self.backend)
        none = CSR.empty(len(rows), self.y.n_cols)
        return self.search(index, rows, none, k)

    def hard_cells(self, network: Direct, rows: Array, k: int) -> Iterator[Array]:
        """Pairs of some examples and the k best labels that they lack, if they cost anything.

        Yields:
            i64, cells (see `Shortlists`) of a run of examples.
        """
        index = network.index(self.backend, self.settings.list_limit)
        for some in self.few_examples(rows):
            found, scores = self.search(index, some, self.y.take(some), k)
            costly = scores > -1  # the margin of an example that lacks a label
            yield found_cells(found, (found >= 0) & costly, some, self.y.n_rows)

    def few_examples(self, rows: Array) -> Iterator[Array]:
        """Examples in runs, so that neither their inputs nor what is found for them is large."""
        lengths = self.backend.get(self.x.row_lengths())
        for part in batches(len(rows), MINED_AT_A_TIME):
            for few in few_at_a_time(indptr_of(lengths[rows[part]]), ENTRIES_AT_A_TIME):
                yield rows[part][few]

    def search(
        self, index: InvertedIndex, rows: Array, excluded: CSR, k: int
    ) -> tuple[Array, Array]:
        """See `SparseKernels.search`: i32 and f32 (B, k), on the host."""
        backend = self.backend
        x = taken(self.x, backend.put(rows))
        found, scores = backend.search(index, x, excluded.map(backend.put), k)
        return backend.get(found), backend.get(scores)

    def hits(self, network: Direct, rows: Array) -> Array:
        """Whether the best labels of some examples are theirs: bool (len(rows), ANSWERS)."""
        if not len(rows):
            return NOTHING_FOUND
        return hits(self.best_labels(network, rows, ANSWERS)[0], self.y.take(rows))


def places(span: slice) -> Array:
    """The whole numbers of a slice, i64."""
    return np.arange(span.start, span.stop)


def limits_of(settings: SvmSettings, counts: Array) -> Array:
    """Weights that each label keeps, i64."""
    more = (settings.connections_per_example * counts).astype(np.int64)
    return settings.connections + more
