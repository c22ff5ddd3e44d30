"""Kernels on sparse weights: every product of two sparse matrices as a list of its terms.

A term is a number of a cell and a value; cells that come several times are summed. The lists are
long, but nothing is hidden in them.
"""

from __future__ import annotations

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.sparse import InvertedIndex, SolvedRows, SparseParam, visits


def spans(indptr: Array, rows: Array) -> tuple[Array, Array]:
    """For each of some rows the places of its entries, and which of the rows each is for."""
    lengths = (indptr[1:] - indptr[:-1])[rows]
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
    """One row after the other, its examples as a matrix of the inputs that they have together."""
    orders = [visits(wanted.row_lengths(), number, salt) for number in range(passes)]
    duals, bias, rows = duals.copy(), base.copy(), []
    for j in range(wanted.n_rows):
        span = slice(wanted.indptr[j], wanted.indptr[j + 1])
        examples, costs = x.take(wanted.indices[span]), wanted.values[span]
        inputs = np.union1d(examples.indices, start.row(j)[0])
        matrix = np.zeros((examples.n_rows, len(inputs)), np.float32)
        matrix[examples.row_numbers(), np.searchsorted(inputs, examples.indices)] = examples.values
        w = np.zeros(len(inputs), np.float32)
        w[np.searchsorted(inputs, start.row(j)[0])] = start.row(j)[1]
        order = [(first[j] + np.arange(len(costs)) * stride[j]) % max(len(costs), 1)
                 for first, stride in orders]  # fmt: skip
        w, bias[j], duals[span] = descended(
            matrix, costs, duals[span], w, bias[j], np.float32(constant), order
        )
        places = np.argsort(-abs(w), kind="stable")[: limits[j]]
        rows.append((inputs[np.sort(places)].astype(np.int32), w[np.sort(places)]))
    indptr = np.cumsum([0, *(len(inputs) for inputs, _ in rows)])
    none = CSR.empty(1, x.n_cols)
    indices = np.concatenate([none.indices, *(inputs for inputs, _ in rows)])
    values = np.concatenate([none.values, *(values for _, values in rows)])
    return SolvedRows(CSR(indptr, indices, values, x.n_cols), bias, duals)


def descended(
    matrix: Array, costs: Array, duals: Array, w: Array, bias: Array, constant: Array,
    orders: list[Array],
) -> tuple[Array, Array, Array]:  # fmt: skip
    """One row after its passes: weights, bias and duals (see `SparseKernels.solve_rows`).

    Args:
        matrix: f32 (m, n_inputs), its examples.
        costs: f32 (m,), signed.
        duals: f32 (m,).
        w, bias: what they are drawn to.
        constant: of the input whose weight is the bias.
        orders: in which the examples are visited, for each pass.
    """
    sides, slack, duals = np.sign(costs), 1 / (2 * abs(costs)), duals.copy()
    curvature = np.einsum("mi,mi->m", matrix, matrix) + constant**2 + slack
    w = w + (duals * sides) @ matrix
    bias = bias + constant**2 * (duals * sides).sum()
    for order in orders:
        for i in order:
            gradient = sides[i] * (matrix[i] @ w + bias) - 1 + slack[i] * duals[i]
            dual = max(duals[i] - gradient / curvature[i], np.float32(0))
            step, duals[i] = (dual - duals[i]) * sides[i], dual
            w += step * matrix[i]
            bias += constant**2 * step
    return w, bias, duals
