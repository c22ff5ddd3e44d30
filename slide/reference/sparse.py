"""Kernels on sparse weights: every product of two sparse matrices as a list of its terms.

A term is a number of a cell and a value; cells that come several times are summed. The lists are
long, but nothing is hidden in them.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.sparse import InvertedIndex, SolvedRows, SparseParam, visits


def spans(indptr: Array, rows: Array) -> tuple[Array, Array]:
    """For each of some rows the places of its entries, and which of the rows each is for."""
    lengths = indptr[1:][rows] - indptr[rows]
    ends = np.cumsum(lengths)
    which = np.repeat(np.arange(len(rows)), lengths)
    places = np.arange(len(which)) - (ends - lengths)[which] + indptr[rows][which]
    return places, which


def terms_t(z: CSR, x: CSR) -> tuple[Array, Array]:
    """The terms z[i, j] x[i, f] of z^T x, by the number j * n_inputs + f of their cell."""
    places, which = spans(x.indptr, z.row_numbers())
    cells = z.indices.astype(np.int64)[which] * x.n_cols + x.indices[places]
    return cells, z.values[which].astype(np.float64) * x.values[places]


def cells_of(matrix: CSR) -> Array:
    """The stored entries of a matrix by the number of their cell, ascending."""
    numbers: Array = matrix.row_numbers() * matrix.n_cols + matrix.indices
    return numbers


def summed(cells: Array, terms: Array) -> tuple[Array, Array]:
    """The distinct cells, ascending, and the sum of the terms of each."""
    distinct, which = np.unique(cells, return_inverse=True)
    return distinct, np.bincount(which, terms, len(distinct))


def first_of_rows(rows: Array, *keys: Array) -> Array:
    """The place of each entry among those of its row, sorted by keys, the first being decisive."""
    order = np.lexsort((*reversed(keys), rows))
    ordered = rows[order]
    places = np.empty(len(rows), np.int64)
    places[order] = np.arange(len(rows)) - np.searchsorted(ordered, ordered)
    return places


def spgemm_t(z: CSR, x: CSR, limits: Array, excluded: CSR) -> CSR:
    """The sums, without those that are excluded, the largest of each row."""
    cells, values = summed(*terms_t(z, x))
    wanted = ~np.isin(cells, cells_of(excluded))
    cells, values = cells[wanted], values[wanted].astype(np.float32)
    rows, inputs = np.divmod(cells, x.n_cols)
    kept = first_of_rows(rows, -abs(values), inputs) < limits[rows]
    rows, inputs = rows[kept], inputs[kept]
    indptr = np.searchsorted(rows, np.arange(z.n_cols + 1))
    return CSR(indptr, inputs.astype(np.int32), values[kept], x.n_cols)


def invert(w: CSR, base: Array, limit: int) -> InvertedIndex:
    """All entries by input, the best of each, and these by neuron."""
    neurons, inputs = w.row_numbers(), w.indices
    kept = first_of_rows(inputs, -(w.values + base[neurons]), neurons) < limit
    neurons, inputs, values = neurons[kept], inputs[kept], w.values[kept]
    order = np.lexsort((neurons, inputs))
    offsets = np.searchsorted(inputs[order], np.arange(w.n_cols + 1))
    return InvertedIndex(offsets, neurons[order].astype(np.int32), values[order], base.copy())


def scored(index: InvertedIndex, x: CSR, excluded: CSR) -> tuple[Array, Array, Array]:
    """The neurons that examples meet: example, neuron and score of each."""
    n = len(index.base)
    places, which = spans(index.offsets, x.indices)
    cells = x.row_numbers()[which] * n + index.ids[places]
    cells, sums = summed(cells, x.values[which].astype(np.float64) * index.values[places])
    wanted = ~np.isin(cells, cells_of(excluded))
    rows, neurons = np.divmod(cells[wanted], max(n, 1))
    return rows, neurons, (sums[wanted] + index.base[neurons]).astype(np.float32)


def masked_spgemm(x: CSR, w: CSR, active: CSR) -> CSR:
    """The row of each active neuron, looked up in the example, whose cells are in order."""
    places, which = spans(w.indptr, active.indices)
    cells = active.row_numbers()[which] * x.n_cols + w.indices[places]
    found = np.searchsorted(cells_of(x), cells)
    found[found == x.nnz] = 0
    same = cells_of(x)[found] == cells if x.nnz else np.zeros(len(cells), bool)
    terms = w.values[places[same]].astype(np.float64) * x.values[found[same]]
    return active.with_values(np.bincount(which[same], terms, active.nnz).astype(np.float32))


def update_entries(param: SparseParam, dz: CSR, x: CSR, lr: float) -> None:
    """The terms of the gradient that meet an entry, summed by entry."""
    stored = cells_of(param.weight)
    if not len(stored):
        return
    cells, terms = terms_t(dz, x)
    found = np.minimum(np.searchsorted(stored, cells), len(stored) - 1)
    same = stored[found] == cells
    g = np.bincount(found[same], terms[same], len(stored)).astype(np.float32)
    param.square[:] += g * g
    param.weight.values[:] -= np.float32(lr) * g / np.sqrt(param.square)


def solve_rows(
    x: CSR, wanted: CSR, duals: Array, start: CSR, base: Array, constant: float, limits: Array,
    passes: int, salt: int,
) -> SolvedRows:  # fmt: skip
    """One row after the other, if it wants any examples; then the largest entries of all."""
    lengths = wanted.row_lengths()
    orders = [visits(lengths, number, salt) for number in range(passes)]
    duals, bias, c = duals.copy(), base.copy(), np.float32(constant)
    others = start.where(np.repeat(lengths == 0, start.row_lengths()))
    cells, weights = [cells_of(others)], [others.values]
    for j in np.flatnonzero(lengths).tolist():
        span, m = slice(wanted.indptr[j], wanted.indptr[j + 1]), lengths[j]
        order = [(first[j] + np.arange(m) * stride[j]) % m for first, stride in orders]
        examples = x.take(wanted.indices[span])
        inputs, w, bias[j], duals[span] = descended(
            examples, wanted.values[span], duals[span], start.row(j), bias[j], c, order
        )
        cells.append(inputs.astype(np.int64) + j * x.n_cols)
        weights.append(w)
    return SolvedRows(largest(cells, weights, start.shape, limits), bias, duals)


def largest(cells: list[Array], values: list[Array], shape: tuple[int, int], limits: Array) -> CSR:
    """The matrix of some cells, of each row those of largest magnitude."""
    joined, order = np.concatenate(cells), np.argsort(np.concatenate(cells))
    matrix = CSR.of_cells(joined[order], np.concatenate(values)[order], shape)
    rows = matrix.row_numbers()
    return matrix.where(first_of_rows(rows, -abs(matrix.values), matrix.indices) < limits[rows])


def descended(
    examples: CSR, costs: Array, duals: Array, prior: tuple[Array, Array], bias: Any, constant: Any,
    orders: list[Array],
) -> tuple[Array, Array, Any, Array]:  # fmt: skip
    """One row after its passes: inputs, weights, bias, duals (see `SparseKernels.solve_rows`).

    Args:
        examples: m of them.
        costs: f32 (m,), signed.
        duals: f32 (m,).
        prior: inputs and weights that it is drawn to.
        bias: f32, what its bias is drawn to.
        constant: f32, of the input whose weight is the bias.
        orders: in which the examples are visited, for each pass.
    """
    inputs = np.union1d(examples.indices, prior[0])
    places = np.searchsorted(inputs, examples.indices)
    rows = [(places[span], examples.values[span]) for span in spans_of(examples)]
    sides, slack, duals = np.sign(costs), 1 / (2 * abs(costs)), duals.copy()
    w = np.zeros(len(inputs), np.float32)
    w[np.searchsorted(inputs, prior[0])] = prior[1]
    np.add.at(w, places, np.repeat(duals * sides, examples.row_lengths()) * examples.values)
    bias = bias + constant**2 * (duals * sides).sum()
    curvature = np.array([x @ x for _, x in rows], np.float32) + constant**2 + slack
    for i in (i for order in orders for i in order):
        own, x = rows[i]
        gradient = sides[i] * (w[own] @ x + bias) - 1 + slack[i] * duals[i]
        dual = max(duals[i] - gradient / curvature[i], np.float32(0))
        step, duals[i] = (dual - duals[i]) * sides[i], dual
        w[own] += step * x
        bias = bias + constant**2 * step
    return inputs, w, bias, duals


def spans_of(matrix: CSR) -> list[slice]:
    """Where the entries of each row are."""
    return [slice(begin, end) for begin, end in pairwise(matrix.indptr.tolist())]
