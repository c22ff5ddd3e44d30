"""The training set as rounds look at it: in an order of its own, on disk if it comes from there.

Random reads are of an example, and slow: so examples are brought into order once, in a file beside
theirs, and those of a few labels into memory before kernels visit them one at a time; or, where
they are too many, into another file, in the order of the visits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.backend import Backend
from slide.core.contract.lists import indptr_of
from slide.core.contract.sparse import visits
from slide.core.direct.inputs import Inputs
from slide.core.direct.mapped import centroids
from slide.core.examples.dataset import Dataset
from slide.core.examples.fetching import mapping_of, read_at_random, taken
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


def wanted_rows(x: CSR, costs: CSR, scratch: Scratch, salt: int | None) -> tuple[CSR, CSR]:
    """Of examples on disk those that some labels want, where kernels find them quickly.

    A pass visits them in random order, one at a time. So they are brought into memory if they have
    few inputs together, and else into a file, in the order of the first pass. They are read from
    the disk many at once.

    Args:
        x: CSR (n_samples, n_inputs).
        costs: CSR (n_labels, n_samples).
        scratch: where the file is.
        salt: of that order (see `visits`); None for that of the examples.

    Returns:
        CSR (n, n_inputs) and CSR (n_labels, n), whose columns need not ascend within a row; both as
        they were if x is in memory.
    """
    if mapping_of(x.values) is None:
        return x, costs
    is_wanted = np.zeros(x.n_rows, bool)
    is_wanted[costs.indices] = True
    rows, places = np.flatnonzero(is_wanted), np.cumsum(is_wanted, dtype=np.int32) - 1
    if x.row_lengths()[rows].sum() <= NEARBY:
        return in_memory(x, rows), replace(costs, indices=places[costs.indices], n_cols=len(rows))
    order = np.arange(costs.nnz) if salt is None else visited(costs, salt)
    rows, places = costs.indices[order], np.empty(costs.nnz, np.int32)
    places[order] = np.arange(costs.nnz)
    runs = few_at_a_time(indptr_of(x.row_lengths()[rows]), ENTRIES_AT_A_TIME)
    near = scratch.stacked((taken(x, rows[some]) for some in runs), x.n_cols)
    read_at_random(near.indices, near.values)
    return near, replace(costs, indices=places, n_cols=costs.nnz)


def in_memory(x: CSR, rows: Array) -> CSR:
    """`CSR.take`, in no more memory than the result takes."""
    indptr = indptr_of(x.row_lengths()[rows])
    indices, values = np.empty(indptr[-1], np.int32), np.empty(indptr[-1], np.float32)
    for some in few_at_a_time(indptr, ENTRIES_AT_A_TIME):
        part, span = taken(x, rows[some]), slice(indptr[some.start], indptr[some.stop])
        indices[span], values[span] = part.indices, part.values
    return CSR(indptr, indices, values, x.n_cols)


def visited(wanted: CSR, salt: int) -> Array:
    """The entries of a matrix in the order in which a first pass visits them, i64."""
    lengths = wanted.row_lengths()
    firsts, strides = (np.repeat(each, lengths) for each in visits(lengths, 0, salt))
    begins = np.repeat(wanted.indptr[:-1], lengths)
    places = firsts + (np.arange(wanted.nnz) - begins) * strides
    order: Array = begins + places % np.repeat(lengths, lengths)
    return order


def centroids_of(backend: Backend, x: CSR, y: CSR, limits: Array, scratch: Scratch) -> CSR:
    """`centroids`, of few labels at a time where examples are on disk.

    Args:
        backend: computes.
        x: inputs, CSR (n_samples, n_inputs), an array of the backend.
        y: labels, CSR (n_samples, n_labels), each as much as its example weighs.
        limits: i64 (n_labels,), entries that are kept.
        scratch: where examples go that have many inputs.
    """
    if mapping_of(x.values) is None:
        return centroids(backend, x, y, limits)
    by_label = transposed(y)
    bounds = indptr_of(x.row_lengths()[by_label.indices])[by_label.indptr]
    parts = []
    for labels in few_at_a_time(bounds, NEARBY):
        near, few = wanted_rows(x, rows_of(by_label, labels), scratch, None)
        parts.append(centroids(backend, near, transposed(few), limits[labels]))
    return CSR.stack(parts, x.n_cols)


def transposed(matrix: CSR) -> CSR:
    """Columns as rows."""
    order = np.argsort(matrix.indices, kind="stable")
    rows = matrix.row_numbers()[order].astype(np.int32)
    return CSR(indptr_of(matrix.column_counts()), rows, matrix.values[order], matrix.n_rows)
