"""The kernel `solve_rows`: dual coordinate descent, each row of weights by one thread.

A row gathers its examples first, their inputs numbered anew: what the passes read again and again
lies together then, and the weights of a row are as many as the inputs that it meets.
"""

from __future__ import annotations

import numpy as np

from slide.backends.threads.compiling import Number, call_compiled, compiled, summing
from slide.backends.threads.layouts import Rows, rows_of
from slide.backends.threads.pool import Pool
from slide.backends.threads.sparse import largest_ids
from slide.core.contract.arrays import CSR, Array, indptr_of
from slide.core.contract.sparse import SolvedRows, visits


def solve_rows(
    pool: Pool, x: CSR, wanted: CSR, duals: Array, start: CSR, base: Array, constant: float,
    limits: Array, passes: int, salt: int,
) -> SolvedRows:  # fmt: skip
    """The rows, in runs that are as long to compute as others."""
    n, lengths = wanted.n_rows, wanted.row_lengths()
    examples, priors = rows_of(wanted), rows_of(start)
    terms = call_compiled(terms_of_rows, examples, x.indptr)
    begins = indptr_of(np.minimum(np.minimum(limits, terms + start.row_lengths()), x.n_cols))
    orders = [visits(lengths, number, salt) for number in range(passes)]
    firsts = np.array([first for first, _ in orders], np.int64).reshape(passes, n)
    strides = np.array([stride for _, stride in orders], np.int64).reshape(passes, n)
    norms = call_compiled(squared_norms, x.indptr, x.values, np.float32(constant))
    kept, values = np.empty(begins[-1], np.int32), np.empty(begins[-1], np.float32)
    n_kept, bias, duals = np.zeros(n, np.int64), base.copy(), duals.copy()
    pool.spread(
        solve_span, n, rows_of(x), x.n_cols, examples, norms, priors, np.float32(constant) ** 2,
        terms, limits, firsts, strides, begins, kept, values, n_kept, bias, duals, by=terms,
    )  # fmt: skip
    filled = np.arange(len(kept)) < np.repeat(begins[:-1] + n_kept, np.diff(begins))
    weight = CSR(indptr_of(n_kept), kept[filled], values[filled], x.n_cols)
    return SolvedRows(weight, bias, duals)


@compiled
def terms_of_rows(wanted: Rows, x_indptr: Array) -> Array:
    """Entries of x that the examples of each row have together, i64."""
    out = np.zeros(len(wanted.indptr) - 1, np.int64)
    for j in range(len(out)):
        for t in range(wanted.indptr[j], wanted.indptr[j + 1]):
            i = wanted.indices[t]
            out[j] += x_indptr[i + 1] - x_indptr[i]
    return out


@summing
def squared_norms(indptr: Array, values: Array, constant: Number) -> Array:
    """Of the rows of x, each with the constant input, f32."""
    out = np.empty(len(indptr) - 1, np.float32)
    for i in range(len(out)):
        total = constant * constant
        for p in range(indptr[i], indptr[i + 1]):
            total += values[p] * values[p]
        out[i] = total
    return out


@compiled
def solve_span(
    first_row: int, stop: int, x: Rows, n_inputs: int, wanted: Rows, norms: Array, prior: Rows,
    constant: Number, terms: Array, limits: Array, firsts: Array, strides: Array, begins: Array,
    kept: Array, values: Array, n_kept: Array, bias: Array, duals: Array,
) -> None:  # fmt: skip
    """Solve some rows, and keep the largest entries of each.

    Args:
        first_row, stop: which rows.
        x: the examples.
        n_inputs: columns of x.
        wanted: by row its examples, with their signed costs.
        norms: f32 (B,), squared, of the examples.
        prior: what the rows are drawn to.
        constant: squared, of the input whose weight is the bias.
        terms: entries of x that a row gathers.
        limits: how many entries of a row to keep.
        firsts, strides: i64 (passes, n), the orders of the visits.
        begins: where a row's entries are written.
        kept, values, n_kept, bias, duals: written.
    """
    most = terms[first_row:stop].max() if stop > first_row else 0
    gathered, factors = np.empty(most, np.int32), np.empty(most, np.float32)
    place_of_input, inputs = np.full(n_inputs, -1, np.int32), np.empty(n_inputs, np.int32)
    w, sizes = np.empty(n_inputs, np.float32), np.empty(n_inputs, np.float32)
    for j in range(first_row, stop):
        first, last = wanted.indptr[j], wanted.indptr[j + 1]
        m, n = last - first, 0
        for p in range(prior.indptr[j], prior.indptr[j + 1]):
            place_of_input[prior.indices[p]] = n
            inputs[n], w[n] = prior.indices[p], prior.values[p]
            n += 1
        ends = np.empty(m + 1, np.int64)
        z = 0
        for t in range(m):
            ends[t] = z
            i, c = wanted.indices[first + t], wanted.values[first + t]
            a = duals[first + t] if c > 0 else -duals[first + t]
            bias[j] += constant * a
            for p in range(x.indptr[i], x.indptr[i + 1]):
                place = place_of_input[x.indices[p]]
                if place < 0:
                    place = n
                    place_of_input[x.indices[p]] = n
                    inputs[n], w[n] = x.indices[p], 0
                    n += 1
                w[place] += a * x.values[p]
                gathered[z], factors[z] = place, x.values[p]
                z += 1
        ends[m] = z
        for number in range(len(firsts)):
            bias[j] = descend(
                ends, gathered, factors, wanted.indices[first:last], wanted.values[first:last],
                norms, duals[first:last], w, bias[j], constant, firsts[number, j],
                strides[number, j],
            )  # fmt: skip
        for t in range(n):
            sizes[t] = abs(w[t])
        chosen = largest_ids(inputs[:n], sizes[:n], limits[j])
        for t in range(len(chosen)):
            kept[begins[j] + t] = chosen[t]
            values[begins[j] + t] = w[place_of_input[chosen[t]]]
        n_kept[j] = len(chosen)
        for t in range(n):
            place_of_input[inputs[t]] = -1


@summing
def descend(
    ends: Array, gathered: Array, factors: Array, examples: Array, costs: Array, norms: Array,
    duals: Array, w: Array, bias: Number, constant: Number, at: int, stride: int,
) -> Number:  # fmt: skip
    """One pass over the examples of a row; weights and duals are written, the bias returned."""
    m = len(examples)
    stride %= max(m, 1)  # so that one subtraction brings a place back
    for _ in range(m):
        begin, end, score = ends[at], ends[at + 1], bias
        for p in range(begin, end):
            score += w[np.uint32(gathered[p])] * factors[p]
        side = np.float32(1) if costs[at] > 0 else np.float32(-1)
        slack, before = np.float32(0.5) / abs(costs[at]), duals[at]
        gradient = side * score - np.float32(1) + slack * before
        dual = max(before - gradient / (norms[examples[at]] + slack), np.float32(0))
        step = (dual - before) * side
        if step != 0:
            duals[at] = dual
            for p in range(begin, end):
                w[np.uint32(gathered[p])] += step * factors[p]
            bias += constant * step
        at += stride
        at -= m if at >= m else 0
    return bias
