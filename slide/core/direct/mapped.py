"""Examples as direct connections take them: on disk, inputs are made of few at a time.

Every result has the bits that examples in memory give: a row of inputs depends on its example
alone, and a centroid on the examples of its label, in their order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.backend import Backend
from slide.core.contract.lists import indptr_of
from slide.core.direct.inputs import Inputs
from slide.core.examples import scratch
from slide.core.examples.dataset import Dataset
from slide.core.examples.fetching import taken
from slide.core.examples.mapped import Mapped
from slide.core.examples.scratch import MEMORY, Scratch, few_at_a_time

ENTRIES_AT_A_TIME = 1 << 20  # features of the examples of some labels


@dataclass(frozen=True, slots=True)
class AsInputs(Mapped):
    """Examples on disk whose features become inputs when they are taken.

    Args:
        order: those that are trained on in their canonical order, i64.
        inputs: what features become.
        has_constant: whether the constant input is one of them.
    """

    order: Array = field(default_factory=lambda: np.zeros(0, np.int64))
    inputs: Inputs = field(default_factory=lambda: Inputs(np.zeros(0), np.zeros(0, np.int64)))
    has_constant: bool = False

    @classmethod
    def of(cls, data: Mapped, order: Array, inputs: Inputs) -> AsInputs:
        """Without the constant input."""
        return cls(data.x, data.y, keys=data.keys, folder=data.folder, order=order, inputs=inputs)

    def take(self, rows: Array) -> Dataset:
        """The given examples in the given order, in memory."""
        return Dataset(self._stacked(rows, MEMORY), self.y.take(rows))

    def take_many(self, rows: Array) -> Dataset:
        """The same, of which inputs that are many are in files without a name.

        Raises:
            DataError: there is no room for them on the disk.
        """
        is_much = self._bounds(rows)[-1] > ENTRIES_AT_A_TIME
        x = self._stacked(rows, Scratch.of(self) if is_much else MEMORY)
        return Dataset(x, self.y.take(rows))

    def _stacked(self, rows: Array, where: Scratch) -> CSR:
        """Inputs of examples, made of few at a time."""
        runs = few_at_a_time(self._bounds(rows), scratch.ENTRIES_AT_A_TIME)
        n_cols = self.inputs.n_inputs + self.has_constant
        return where.stacked((self.inputs_of(rows[some]) for some in runs), n_cols)

    def _bounds(self, rows: Array) -> Array:
        """Features before each of some examples, and of all of them: i64."""
        return indptr_of(self.features.indptr[1:][rows] - self.features.indptr[:-1][rows])

    def inputs_of(self, rows: Array) -> CSR:
        """Those of few examples; making them takes several times their memory."""
        x = self.inputs.of(taken(self.features, rows))
        return x.with_constant() if self.has_constant else x

    def centroids(self, backend: Backend, y: CSR, limits: Array) -> CSR:
        """`centroids`, of the labels of few examples at a time.

        Args:
            backend: computes.
            y: labels of the examples in their order, CSR (len(order), n_labels).
            limits: i64 (n_labels,), entries that a centroid keeps.
        """
        by_label = self._by_label(y)
        parts = []
        for labels in self._groups(by_label):
            begin, end = by_label.indptr[labels.start], by_label.indptr[labels.stop]
            places, rows = np.unique(by_label.indices[begin:end], return_inverse=True)
            columns = by_label.row_numbers()[begin:end] - labels.start
            n = labels.stop - labels.start
            cells = np.sort(rows * n + columns)
            ones = CSR.of_cells(cells, np.ones(len(cells), np.float32), (len(places), n))
            x = self.take_many(self.order[places]).features
            parts.append(centroids(backend, x, ones, limits[labels]))
        return CSR.stack(parts, self.inputs.n_inputs)

    def _by_label(self, y: CSR) -> CSR:
        """The places in the canonical order of the examples of each label, ascending."""
        places = np.argsort(y.indices, kind="stable")
        rows = y.row_numbers()[places].astype(np.int32)
        indptr = indptr_of(y.column_counts())
        return CSR(indptr, rows, np.zeros(0, np.float32), self.n_samples)

    def _groups(self, by_label: CSR) -> Iterator[slice]:
        """Runs of labels whose examples have few features, or that are one."""
        lengths = self.x.row_lengths()[self.order][by_label.indices]
        entries = indptr_of(lengths)[by_label.indptr]  # before each label
        yield from few_at_a_time(entries, ENTRIES_AT_A_TIME)


def as_inputs(train: Dataset, order: Array, inputs: Inputs) -> Dataset:
    """Examples whose features are inputs: in memory, or when they are taken from a disk."""
    if isinstance(train, Mapped) and train.weights is None:
        return AsInputs.of(train, order, inputs)
    return Dataset(inputs.of(train.features), train.y, weights=train.weights)


def with_constant(data: Dataset) -> Dataset:
    """The same with the constant input."""
    if isinstance(data, AsInputs):
        return replace(data, has_constant=True)
    return replace(data, x=data.features.with_constant())


def centroids(backend: Backend, x: CSR, y: CSR, limits: Array) -> CSR:
    """Sums of the inputs of the examples of each label, the largest of them: CSR (n_labels, d).

    Args:
        backend: computes.
        x: inputs, CSR (n, d).
        y: labels, CSR (n, n_labels), each as much as its example weighs.
        limits: i64 (n_labels,), entries that are kept.
    """
    none = CSR.empty(y.n_cols, x.n_cols).map(backend.put)
    found = backend.spgemm_t(y.map(backend.put), x.map(backend.put), backend.put(limits), none)
    return found.map(backend.get)
