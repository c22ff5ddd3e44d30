"""The training set as rounds look at it: in an order of its own, on disk if it comes from there.

Random reads are of an example, and slow: so examples are brought into order once, in a file beside
theirs, and those of a few labels into memory before kernels visit them one at a time; where that
are too many, a thread asks for them in the order of the visits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.backend import Backend
from slide.core.contract.lists import indptr_of
from slide.core.contract.sparse import visits
from slide.core.direct.inputs import Inputs
from slide.core.direct.mapped import centroids
from slide.core.examples.dataset import Dataset
from slide.core.examples.fetching import asked_ahead, mapping_of, read_at_random, taken
from slide.core.examples.mapped import Mapped
from slide.core.examples.scratch import (
    ENTRIES_AT_A_TIME,
    Scratch,
    few_at_a_time,
    row_runs,
    rows_of,
)

NEARBY = 1 << 22  # inputs of the examples of some labels, with which they are in memory


@dataclass(frozen=True, slots=True)
class InOrder(Mapped):
    """Examples on disk in the order of their contents, labels in memory."""

    def take(self, rows: Array) -> Dataset:
        """The given examples in the given order, in memory; all, which a round does not look at."""
        return self if len(rows) == self.n_samples else super(InOrder, self).take(rows)


def in_order(train: Dataset) -> Dataset:
    """Different examples in the order of their contents."""
    data = train.distinct()
    order, scratch = data.canonical_order(), Scratch.of(data)
    if not isinstance(data, Mapped) or scratch.folder is None:
        return data.take(order)
    x = data.features
    lengths = x.row_lengths()[order]
    ordered = replace(x, indptr=np.append(0, np.cumsum(lengths)))
    parts = (taken(x, order[rows]) for rows in row_runs(ordered))
    return InOrder(
        scratch.stacked(parts, x.n_cols), data.y.take(order), keys=data.keys[order],
        is_binary=data.is_binary, folder=data.folder,
    )  # fmt: skip


def as_inputs(data: Dataset, inputs: Inputs) -> Dataset:
    """The same examples with inputs in the place of features."""
    made = Scratch.of(data).made_of(data.features, inputs.of, inputs.n_inputs)
    read_at_random(made.indices, made.values)
    return replace(data, x=made)


def wanted_rows(x: CSR, costs: CSR) -> tuple[CSR, CSR]:
    """Of examples on disk those that some labels want, in memory if they have few inputs together.

    A pass visits them in random order, one at a time: so they are brought nearby first, which takes
    reads in the order of the disk, many at once.

    Args:
        x: CSR (n_samples, n_inputs).
        costs: CSR (n_labels, n_samples).

    Returns:
        CSR (n, n_inputs) and CSR (n_labels, n); both as they were where x is in memory, or what is
        wanted has many inputs.
    """
    if mapping_of(x.values) is None:
        return x, costs
    is_wanted = np.zeros(x.n_rows, bool)
    is_wanted[costs.indices] = True
    rows, places = np.flatnonzero(is_wanted), np.cumsum(is_wanted, dtype=np.int32) - 1
    indptr = indptr_of(x.row_lengths()[rows])
    if indptr[-1] > NEARBY:
        return x, costs
    indices, values = np.empty(indptr[-1], np.int32), np.empty(indptr[-1], np.float32)
    for some in few_at_a_time(indptr, ENTRIES_AT_A_TIME):
        part, span = taken(x, rows[some]), slice(indptr[some.start], indptr[some.stop])
        indices[span], values[span] = part.indices, part.values
    near = CSR(indptr, indices, values, x.n_cols)
    return near, replace(costs, indices=places[costs.indices], n_cols=len(rows))


def visited_rows(costs: CSR, duals: Array, passes: int, salt: int) -> Iterator[Array]:
    """The examples that `solve_rows` reads, in its order, which is random in each of its passes."""
    yield costs.indices
    yield costs.indices[duals > 0]
    lengths, begins = costs.row_lengths(), costs.indptr[:-1]
    for number in range(passes):
        firsts, strides = visits(lengths, number, salt)
        for begin, length, first, stride in zip(begins, lengths, firsts, strides, strict=True):
            yield costs.indices[begin + (first + np.arange(length) * stride) % max(length, 1)]


def centroids_of(backend: Backend, x: CSR, y: CSR, limits: Array) -> CSR:
    """`centroids`, of few labels at a time where examples are on disk.

    Args:
        backend: computes.
        x: inputs, CSR (n_samples, n_inputs), an array of the backend.
        y: labels, CSR (n_samples, n_labels), each as much as its example weighs.
        limits: i64 (n_labels,), entries that are kept.
    """
    if mapping_of(x.values) is None:
        return centroids(backend, x, y, limits)
    by_label = transposed(y)
    bounds = indptr_of(x.row_lengths()[by_label.indices])[by_label.indptr]
    parts = []
    for labels in few_at_a_time(bounds, NEARBY):
        near, few = wanted_rows(x, rows_of(by_label, labels))
        with asked_ahead(near, iter([few.indices])):
            parts.append(centroids(backend, near, transposed(few), limits[labels]))
    return CSR.stack(parts, x.n_cols)


def transposed(matrix: CSR) -> CSR:
    """Columns as rows."""
    order = np.argsort(matrix.indices, kind="stable")
    rows = matrix.row_numbers()[order].astype(np.int32)
    return CSR(indptr_of(matrix.column_counts()), rows, matrix.values[order], matrix.n_rows)
