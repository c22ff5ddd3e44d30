"""The kernels on sparse weights: scatter a row into zeros, gather what another one asks for.

A sum of products that happens to be 0 is held as `MET`, half the smallest normal number, so that 0
means that nothing has been added, and the places that have been touched need no marks of their own.
"""

from __future__ import annotations

import numpy as np

from slide.backends.threads.compiling import Number, called, compiled, summing
from slide.backends.threads.pool import Pool
from slide.backends.threads.products import by_column
from slide.backends.threads.scratch import Scratch
from slide.core.contract.arrays import CSR, Array
from slide.core.contract.sparse import SparseParam

MET = np.finfo(np.float32).tiny / np.float32(2)  # within what a sum may be off by
LOOK_UP = 12  # entries gathered in the time that one is looked up in an ordered row
COLUMNS_PER_ENTRY = 8  # up to which it is faster to count than to sort


def spgemm_t(pool: Pool, scratch: Scratch, z: CSR, x: CSR, limits: Array, excluded: CSR) -> CSR:
    """The largest entries of each row of z^T x."""
    columns, starts, rows, values = columns_of(z)
    room = np.minimum(limits[columns], called(terms_of, starts, rows, x.indptr))
    ends = np.cumsum(room)
    kept, sums = np.empty(room.sum(), np.int32), np.empty(room.sum(), np.float32)
    n_kept = np.zeros(len(columns), np.int64)
    scratch.spread(
        pool, largest_products, len(columns), x.n_cols, columns, starts, rows, values, x.indptr,
        x.indices, x.values, limits, excluded.indptr, excluded.indices, ends - room, kept, sums,
        n_kept,
    )  # fmt: skip
    lengths = np.zeros(z.n_cols, np.int64)
    lengths[columns] = n_kept
    filled = np.arange(len(kept)) < np.repeat(ends - room + n_kept, room)
    return CSR(np.append(0, np.cumsum(lengths)), kept[filled], sums[filled], x.n_cols)


def masked_spgemm(pool: Pool, scratch: Scratch, x: CSR, w: CSR, active: CSR) -> CSR:
    """Logits of the active neurons."""
    out = np.empty(active.nnz, np.float32)
    columns, starts, rows, entries = columns_of(active.with_values(np.arange(active.nnz)))
    scratch.spread(
        pool, masked_dots, len(columns), x.n_cols, columns, starts, rows, entries, x.indptr,
        x.indices, x.values, w.indptr, w.indices, w.values, out,
    )  # fmt: skip
    return active.with_values(out)


def update_entries(
    pool: Pool, scratch: Scratch, param: SparseParam, dz: CSR, x: CSR, lr: float
) -> None:
    """One Adagrad step, each row by one thread."""
    columns, starts, rows, values = columns_of(dz)
    w = param.weight
    scratch.spread(
        pool, adagrad_rows, len(columns), x.n_cols, columns, starts, rows, values, x.indptr,
        x.indices, x.values, w.indptr, w.indices, w.values, param.square, np.float32(lr),
    )  # fmt: skip


def columns_of(z: CSR) -> tuple[Array, Array, Array, Array]:
    """See `by_column`, which counts in all columns: too many for a few entries."""
    if z.n_cols <= COLUMNS_PER_ENTRY * z.nnz:
        columns, starts, rows, values = called(by_column, z.indptr, z.indices, z.values, z.n_cols)
        return columns, starts, rows, values
    order = np.argsort(z.indices, kind="stable")
    ordered = z.indices[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    rows = z.row_numbers()[order].astype(np.int32)
    return ordered[starts], np.append(starts, z.nnz), rows, z.values[order]


@compiled
def terms_of(starts: Array, rows: Array, indptr: Array) -> Array:
    """Entries of x that the examples of each column have together, i64."""
    out = np.zeros(len(starts) - 1, np.int64)
    for c in range(len(out)):
        for e in range(starts[c], starts[c + 1]):
            out[c] += indptr[rows[e] + 1] - indptr[rows[e]]
    return out


@compiled
def added(totals: Array, place: Number, term: Number) -> Number:
    """Add a term to one of the totals; whether it is the first."""
    before = totals[place]
    total = before + term
    totals[place] = total if total != 0 else MET
    return before == 0


@compiled
def value_of(total: Number) -> Number:
    """The sum that a total stands for."""
    return total if total != MET else np.float32(0)


@compiled
def weighted_sum(
    totals: Array,
    touched: Array,
    first: Number,
    last: Number,
    rows: Array,
    values: Array,
    xp: Array,
    xi: Array,
    xv: Array,
) -> Number:
    """Add rows of x, weighted; how many places were touched."""
    n = 0
    for e in range(first, last):
        v, i = values[e], rows[e]
        for p in range(xp[i], xp[i + 1]):
            if added(totals, xi[p], v * xv[p]):
                touched[n] = xi[p]
                n += 1
    return n


@compiled
def largest_products(
    start: int, stop: int, totals: Array, columns: Array, starts: Array, rows: Array,
    values: Array, xp: Array, xi: Array, xv: Array, limits: Array, ep: Array, ei: Array,
    room: Array, kept: Array, sums: Array, n_kept: Array,
) -> None:  # fmt: skip
    """For each column of z a sum of rows of x, of which the largest entries are kept."""
    touched = np.empty(len(totals), np.int32)
    magnitudes = np.empty(len(totals), np.float32)
    for c in range(start, stop):
        j = columns[c]
        n = weighted_sum(totals, touched, starts[c], starts[c + 1], rows, values, xp, xi, xv)
        for e in range(ep[j], ep[j + 1]):
            totals[ei[e]] = 0
        m = 0
        for t in range(n):
            if totals[touched[t]] != 0:
                touched[m] = touched[t]
                magnitudes[m] = abs(value_of(totals[touched[t]]))
                m += 1
        chosen = largest(touched[:m], magnitudes[:m], limits[j])
        for t in range(len(chosen)):
            kept[room[c] + t] = chosen[t]
            sums[room[c] + t] = value_of(totals[chosen[t]])
        n_kept[c] = len(chosen)
        for e in range(starts[c], starts[c + 1]):
            i = rows[e]
            for p in range(xp[i], xp[i + 1]):
                totals[xi[p]] = 0


@compiled
def largest(ids: Array, sizes: Array, limit: int) -> Array:
    """The ids of the `limit` largest sizes, ties to the smaller id; ascending."""
    n = len(ids)
    if limit <= 0:
        return ids[:0].copy()
    if n <= limit:
        return np.sort(ids)
    bound = np.partition(sizes, n - limit)[n - limit]
    chosen, ties = ids[sizes > bound], np.sort(ids[sizes == bound])
    return np.sort(np.concatenate((chosen, ties[: limit - len(chosen)])))


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
    start: int, stop: int, dense: Array, columns: Array, starts: Array, rows: Array,
    entries: Array, xp: Array, xi: Array, xv: Array, wp: Array, wi: Array, wv: Array, out: Array,
) -> None:  # fmt: skip
    """A row of w times those of all examples that want it: spread out, unless it is too long."""
    for c in range(start, stop):
        first, last = wp[columns[c]], wp[columns[c] + 1]
        n_wanted = 0
        for t in range(starts[c], starts[c + 1]):
            n_wanted += xp[rows[t] + 1] - xp[rows[t]]
        spread_out = last - first <= LOOK_UP * n_wanted
        if spread_out:
            for p in range(first, last):
                dense[wi[p]] = wv[p]
        for t in range(starts[c], starts[c + 1]):
            total = np.float32(0)
            for e in range(xp[rows[t]], xp[rows[t] + 1]):
                if spread_out:
                    total += dense[xi[e]] * xv[e]
                else:
                    p = place_of(wi, first, last, xi[e])
                    if p >= 0:
                        total += wv[p] * xv[e]
            out[entries[t]] = total
        if spread_out:
            for p in range(first, last):
                dense[wi[p]] = 0


@compiled
def adagrad_entry(weights: Array, square: Array, p: Number, g: Number, lr: Number) -> None:
    """One step on one entry."""
    square[p] += g * g
    weights[p] -= lr * g / np.sqrt(square[p])


@compiled
def adagrad_rows(
    start: int, stop: int, totals: Array, columns: Array, starts: Array, rows: Array,
    values: Array, xp: Array, xi: Array, xv: Array, wp: Array, wi: Array, wv: Array,
    square: Array, lr: Number,
) -> None:  # fmt: skip
    """The gradient of a row, and the step on its entries, found in whichever way is shorter."""
    touched = np.empty(len(totals), np.int32)
    for c in range(start, stop):
        first, last = wp[columns[c]], wp[columns[c] + 1]
        n = weighted_sum(totals, touched, starts[c], starts[c + 1], rows, values, xp, xi, xv)
        if last - first <= LOOK_UP * n:
            for p in range(first, last):
                if totals[wi[p]] != 0:
                    adagrad_entry(wv, square, p, value_of(totals[wi[p]]), lr)
        else:
            for t in range(n):
                p = place_of(wi, first, last, touched[t])
                if p >= 0:
                    adagrad_entry(wv, square, p, value_of(totals[touched[t]]), lr)
        for t in range(n):
            totals[touched[t]] = 0
