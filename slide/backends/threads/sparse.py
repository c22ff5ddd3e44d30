"""The kernels on sparse weights: scatter a row into zeros, gather what another one asks for.

A sum of products that happens to be 0 is held as `ZERO_SUM`, half the smallest normal number, so
that 0 means that nothing has been added, and places that were touched need no marks of their own.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from slide.backends.threads.compiling import Number, call_compiled, compiled, summing
from slide.backends.threads.layouts import Columns, Rows, columns_of, joined_rows, rows_of
from slide.backends.threads.prefetching import prefetch_entries, prefetch_row
from slide.backends.threads.scratch import Scratch
from slide.backends.threads.selecting import largest_ids
from slide.core.contract.arrays import CSR, Array
from slide.core.contract.lists import indptr_of
from slide.core.contract.sparse import SparseParam

ZERO_SUM = np.finfo(np.float32).tiny / np.float32(2)  # within what a sum may be off by
LOOK_UP = 12  # entries gathered in the time that one is looked up in an ordered row


def spgemm_t(scratch: Scratch, z: CSR, x: CSR, limits: Array, excluded: CSR) -> CSR:
    """The largest entries of each row of z^T x."""
    columns = columns_of(z)
    room = np.minimum(limits[columns.ids], call_compiled(terms_of, columns, x.indptr))
    begins = indptr_of(room)
    kept, sums = np.empty(begins[-1], np.int32), np.empty(begins[-1], np.float32)
    n_kept = np.zeros(len(room), np.int64)
    scratch.spread(
        largest_products, len(room), x.n_cols, columns, rows_of(x), limits,
        rows_of(excluded), begins, kept, sums, n_kept,
    )  # fmt: skip
    lengths = np.zeros(z.n_cols, np.int64)
    lengths[columns.ids] = n_kept
    rows = joined_rows(scratch.pool, begins, n_kept, kept, sums, x.n_cols)
    return replace(rows, indptr=indptr_of(lengths))


def masked_spgemm(scratch: Scratch, x: CSR, w: CSR, active: CSR) -> CSR:
    """Logits of the active neurons."""
    out = np.empty(active.nnz, np.float32)
    wanted = columns_of(active.with_values(np.arange(active.nnz)))
    scratch.spread(masked_dots, len(wanted.ids), x.n_cols, wanted, rows_of(x), rows_of(w), out)
    return active.with_values(out)


def update_entries(scratch: Scratch, param: SparseParam, dz: CSR, x: CSR, lr: float) -> None:
    """One Adagrad step, each row by one thread."""
    columns, w = columns_of(dz), rows_of(param.weight)
    scratch.spread(
        adagrad_rows, len(columns.ids), x.n_cols, columns, rows_of(x), w, param.square,
        np.float32(lr),
    )  # fmt: skip


@compiled
def terms_of(columns: Columns, x_indptr: Array) -> Array:
    """Entries of x that the examples of each column have together, i64."""
    out = np.zeros(len(columns.ids), np.int64)
    for c in range(len(out)):
        for e in range(columns.starts[c], columns.starts[c + 1]):
            i = columns.rows[e]
            out[c] += x_indptr[i + 1] - x_indptr[i]
    return out


@compiled
def add_term(totals: Array, place: Number, term: Number) -> Number:
    """Add a term to one of the totals; whether it is the first."""
    before = totals[place]
    total = before + term
    totals[place] = total if total != 0 else ZERO_SUM
    return before == 0


@compiled
def sum_of(total: Number) -> Number:
    """The sum that a total stands for."""
    return total if total != ZERO_SUM else np.float32(0)


@compiled
def weighted_sum(totals: Array, touched: Array, columns: Columns, column: int, x: Rows) -> Number:
    """Add the rows of x that a column has, weighted; how many places were touched."""
    n = 0
    for e in range(columns.starts[column], columns.starts[column + 1]):
        v, i = columns.values[e], columns.rows[e]
        for p in range(x.indptr[i], x.indptr[i + 1]):
            if add_term(totals, x.indices[p], v * x.values[p]):
                touched[n] = x.indices[p]
                n += 1
    return n


@compiled
def largest_products(
    start: int, stop: int, totals: Array, columns: Columns, x: Rows, limits: Array,
    excluded: Rows, begins: Array, kept: Array, sums: Array, n_kept: Array,
) -> None:  # fmt: skip
    """For each column of z a sum of rows of x, of which the largest entries are kept."""
    touched = np.empty(len(totals), np.int32)
    magnitudes = np.empty(len(totals), np.float32)
    for c in range(start, stop):
        j = columns.ids[c]
        n = weighted_sum(totals, touched, columns, c, x)
        for e in range(excluded.indptr[j], excluded.indptr[j + 1]):
            totals[excluded.indices[e]] = 0
        m = 0
        for t in range(n):
            if totals[touched[t]] != 0:
                touched[m] = touched[t]
                magnitudes[m] = abs(sum_of(totals[touched[t]]))
                m += 1
        chosen = largest_ids(touched[:m], magnitudes[:m], limits[j])
        for t in range(len(chosen)):
            kept[begins[c] + t] = chosen[t]
            sums[begins[c] + t] = sum_of(totals[chosen[t]])
        n_kept[c] = len(chosen)
        for e in range(columns.starts[c], columns.starts[c + 1]):
            i = columns.rows[e]
            for p in range(x.indptr[i], x.indptr[i + 1]):
                totals[x.indices[p]] = 0


@compiled
def place_of(indices: Array, first: Number, last: Number, wanted: Number) -> Number:
    """The place of an index in an ordered row, or -1."""
    low, high = first, last
    while low < high:
        middle = (low + high) >> 1
        if indices[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low if low < last and indices[low] == wanted else -1


@summing
def masked_dots(
    start: int, stop: int, dense: Array, wanted: Columns, x: Rows, w: Rows, out: Array
) -> None:
    """A row of w times those of all examples that want it: spread out, unless it is too long.

    Args:
        start, stop: which columns of `wanted`.
        dense: f32 zeros, where a row of w is spread out.
        wanted: by neuron the examples that want it, its values the places in `out`.
        x: the examples.
        w: the neurons.
        out: f32, the products.
    """
    for c in range(start, stop):
        if c + 1 < stop:
            prefetch_row(w, wanted.ids[c + 1])
        j, examples = wanted.ids[c], range(wanted.starts[c], wanted.starts[c + 1])
        first, last = w.indptr[j], w.indptr[j + 1]
        n_terms = 0
        for t in examples:
            n_terms += x.indptr[wanted.rows[t] + 1] - x.indptr[wanted.rows[t]]
        spread_out = last - first <= LOOK_UP * n_terms
        if spread_out:
            for p in range(first, last):
                dense[w.indices[p]] = w.values[p]
        for t in examples:
            i, total = wanted.rows[t], np.float32(0)
            for e in range(x.indptr[i], x.indptr[i + 1]):
                if spread_out:
                    total += dense[x.indices[e]] * x.values[e]
                else:
                    p = place_of(w.indices, first, last, x.indices[e])
                    if p >= 0:
                        total += w.values[p] * x.values[e]
            out[wanted.values[t]] = total
        if spread_out:
            for p in range(first, last):
                dense[w.indices[p]] = 0


@compiled
def step_on_entry(weights: Array, square: Array, place: Number, g: Number, lr: Number) -> None:
    """One Adagrad step on one entry, along its gradient g."""
    square[place] += g * g
    weights[place] -= lr * g / np.sqrt(square[place])


@compiled
def adagrad_rows(
    start: int, stop: int, totals: Array, columns: Columns, x: Rows, w: Rows, square: Array,
    lr: Number,
) -> None:  # fmt: skip
    """The gradient of a row, and the step on its entries, found in whichever way is shorter."""
    touched = np.empty(len(totals), np.int32)
    for c in range(start, stop):
        if c + 1 < stop:
            following = columns.ids[c + 1]
            prefetch_row(w, following)
            prefetch_entries(square, w.indptr[following], w.indptr[following + 1])
        first, last = w.indptr[columns.ids[c]], w.indptr[columns.ids[c] + 1]
        n = weighted_sum(totals, touched, columns, c, x)
        if last - first <= LOOK_UP * n:
            for p in range(first, last):
                if totals[w.indices[p]] != 0:
                    step_on_entry(w.values, square, p, sum_of(totals[w.indices[p]]), lr)
        else:
            for t in range(n):
                p = place_of(w.indices, first, last, touched[t])
                if p >= 0:
                    step_on_entry(w.values, square, p, sum_of(totals[touched[t]]), lr)
        for t in range(n):
            totals[touched[t]] = 0
