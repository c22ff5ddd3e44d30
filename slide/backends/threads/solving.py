"""The kernel `solve_rows`: dual coordinate descent, each row of weights by one thread.

The weights of a row are spread out over all inputs, and examples are read where they lie. Only
inputs of examples that have, or had, a dual above 0 can have a weight: those are met. The others of
a shortlist, which are many, cost a product in each pass and no more.
"""

from __future__ import annotations

import numpy as np

from slide.backends.threads.compiling import Number, call_compiled, compiled, summing
from slide.backends.threads.layouts import Rows, joined_rows, rows_of
from slide.backends.threads.pool import Pool
from slide.backends.threads.prefetching import prefetch_row
from slide.backends.threads.selecting import largest_ids
from slide.core.contract.arrays import CSR, Array
from slide.core.contract.lists import indptr_of
from slide.core.contract.sparse import SolvedRows, visits

SPANS_PER_THREAD = 16  # rows take other times than their terms tell


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
    norms = call_compiled(squared_norms, x.indptr, x.values, wanted.indices, np.float32(constant))
    kept, values = np.empty(begins[-1], np.int32), np.empty(begins[-1], np.float32)
    n_kept, bias, duals = np.zeros(n, np.int64), base.copy(), duals.copy()
    pool.spread(
        solve_span, n, rows_of(x), x.n_cols, examples, norms, priors, np.float32(constant) ** 2,
        limits, firsts, strides, begins, kept, values, n_kept, bias, duals, by=terms,
        spans_per_thread=SPANS_PER_THREAD,
    )  # fmt: skip
    return SolvedRows(joined_rows(pool, begins, n_kept, kept, values, x.n_cols), bias, duals)


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
def squared_norms(indptr: Array, values: Array, wanted: Array, constant: Number) -> Array:
    """Of the rows of x that are wanted, each with the constant input, f32; 0 of the others."""
    out = np.zeros(len(indptr) - 1, np.float32)
    for i in wanted:
        if out[i] == 0:
            total = constant * constant
            for p in range(indptr[i], indptr[i + 1]):
                total += values[p] * values[p]
            out[i] = total
    return out


@compiled
def solve_span(
    first_row: int, stop: int, x: Rows, n_inputs: int, wanted: Rows, norms: Array, prior: Rows,
    constant: Number, limits: Array, firsts: Array, strides: Array, begins: Array, kept: Array,
    values: Array, n_kept: Array, bias: Array, duals: Array,
) -> None:  # fmt: skip
    """Solve some rows, and keep the largest entries of each.

    Args:
        first_row, stop: which rows.
        x: the examples.
        n_inputs: columns of x.
        wanted: by row its examples, with their signed costs.
        norms: f32 (B,), squared, of the examples that some row wants.
        prior: what the rows are drawn to.
        constant: squared, of the input whose weight is the bias.
        limits: how many entries of a row to keep.
        firsts, strides: i64 (passes, n), the orders of the visits.
        begins: where a row's entries are written.
        kept, values, n_kept, bias, duals: written.
    """
    w, sizes = np.zeros(n_inputs, np.float32), np.empty(n_inputs, np.float32)
    is_met, met = np.zeros(n_inputs, np.uint8), np.empty(n_inputs + 1, np.int32)
    for j in range(first_row, stop):
        first, last = wanted.indptr[j], wanted.indptr[j + 1]
        examples, costs, own = (
            wanted.indices[first:last], wanted.values[first:last], duals[first:last],
        )  # fmt: skip
        for p in range(prior.indptr[j], prior.indptr[j + 1]):
            w[prior.indices[p]] = prior.values[p]
        is_in = np.zeros(last - first, np.uint8)
        for t in range(last - first):
            if own[t] != 0:
                is_in[t] = 1
                step = own[t] if costs[t] > 0 else -own[t]
                add_row(x, examples[t], step, w)
                bias[j] += constant * step
        for number in range(len(firsts)):
            bias[j] = descend(
                x, examples, costs, norms, own, is_in, w, bias[j], constant,
                firsts[number, j], strides[number, j],
            )  # fmt: skip
        if limits[j] > 0:
            n = add_met(prior.indices[prior.indptr[j] : prior.indptr[j + 1]], is_met, met, 0)
            for t in range(last - first):
                if is_in[t]:
                    n = add_met(inputs_of(x, examples[t]), is_met, met, n)
            if n < limits[j]:  # zeros are kept, too, where there is room for them
                for t in range(last - first):
                    n = add_met(inputs_of(x, examples[t]), is_met, met, n)
            for t in range(n):
                sizes[t], is_met[met[t]] = abs(w[met[t]]), 0
            chosen = largest_ids(met[:n], sizes[:n], limits[j])
            n_kept[j] = len(chosen)
            for t in range(len(chosen)):
                kept[begins[j] + t], values[begins[j] + t] = chosen[t], w[chosen[t]]
        for p in range(prior.indptr[j], prior.indptr[j + 1]):
            w[prior.indices[p]] = 0
        for t in range(last - first):
            if is_in[t]:
                clear_row(x, examples[t], w)


@compiled
def inputs_of(x: Rows, i: int) -> Array:
    """Those that an example stores."""
    return x.indices[x.indptr[i] : x.indptr[i + 1]]


@compiled
def add_met(inputs: Array, is_met: Array, met: Array, n: int) -> int:
    """Put those inputs that were not met yet on the list of n that were; the new n is returned."""
    for f in inputs:
        met[n] = f
        n += 1 - is_met[f]
        is_met[f] = 1
    return n


@summing
def add_row(x: Rows, i: int, step: Number, w: Array) -> None:
    """Add a multiple of an example to the weights."""
    for p in range(np.uint64(x.indptr[i]), np.uint64(x.indptr[i + 1])):
        w[np.uint32(x.indices[p])] += step * x.values[p]


@compiled
def clear_row(x: Rows, i: int, w: Array) -> None:
    """Zeros where an example was added."""
    for p in range(np.uint64(x.indptr[i]), np.uint64(x.indptr[i + 1])):
        w[np.uint32(x.indices[p])] = 0


@summing
def score_of(x: Rows, i: int, w: Array, bias: Number) -> Number:
    """What the weights make of an example."""
    score = bias
    for p in range(np.uint64(x.indptr[i]), np.uint64(x.indptr[i + 1])):
        score += w[np.uint32(x.indices[p])] * x.values[p]
    return score


@summing
def descend(
    x: Rows, examples: Array, costs: Array, norms: Array, duals: Array, is_in: Array, w: Array,
    bias: Number, constant: Number, at: int, stride: int,
) -> Number:  # fmt: skip
    """One pass over the examples of a row: the bias.

    Duals and weights are written; `is_in` says which examples the weights were made of.
    """
    m = len(examples)
    stride %= max(m, 1)  # so that one subtraction brings a place back
    for _ in range(m):
        following = at + stride
        following -= m if following >= m else 0
        prefetch_row(x, examples[following])
        i, before, slack = examples[at], duals[at], np.float32(0.5) / abs(costs[at])
        side = np.float32(1) if costs[at] > 0 else np.float32(-1)
        gradient = side * score_of(x, i, w, bias) - np.float32(1) + slack * before
        dual = max(before - gradient / (norms[i] + slack), np.float32(0))
        step = (dual - before) * side
        if step != 0:
            is_in[at] = 1
            add_row(x, i, step, w)
            bias += constant * step
            duals[at] = dual
        at = following
    return bias
