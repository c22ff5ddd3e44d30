"""The kernels `invert` and `search`: an inverted index, and exact top k over it.

`search` is maximum inner product search on sparse vectors, scored term at a time: the lists of an
example's inputs are added up, one after the other, into a total for each neuron, and of the neurons
so met the k best are kept. Nothing is approximate but what `invert` has cut.
"""

from __future__ import annotations

import numpy as np

from slide.backends.threads.compiling import call_compiled, compiled
from slide.backends.threads.layouts import Rows, rows_of, transposed
from slide.backends.threads.pool import Pool
from slide.backends.threads.scratch import Scratch
from slide.backends.threads.sparse import ZERO_SUM, sum_of
from slide.core.contract.arrays import CSR, Array
from slide.core.contract.lists import indptr_of
from slide.core.contract.sparse import InvertedIndex

MOST_INSERTED = 128  # best neurons among which one is found a place by moving the others


def invert(pool: Pool, w: CSR, base: Array, limit: int) -> InvertedIndex:
    """Entries by input; only long lists are cut."""
    offsets, ids, values = call_compiled(transposed, *rows_of(w), w.n_cols)
    lengths = np.diff(offsets)
    if len(lengths) and lengths.max() > limit:
        kept, n_kept = np.ones(len(ids), bool), lengths.copy()
        pool.spread(mark_kept, w.n_cols, offsets, ids, values, base, limit, kept, n_kept, grain=64)
        ids, values = ids[kept], values[kept]
        offsets = indptr_of(n_kept)
    return InvertedIndex(offsets, ids, values, base.copy())


def search(
    scratch: Scratch, index: InvertedIndex, x: CSR, excluded: CSR, k: int
) -> tuple[Array, Array]:
    """The k best neurons that each example meets, exactly; ties go to the smaller neuron."""
    ids = np.full((x.n_rows, k), -1, np.int32)
    scores = np.full((x.n_rows, k), -np.inf, np.float32)
    lists = Rows(index.offsets, index.ids, index.values)
    scratch.spread(
        best_of_lists, x.n_rows, len(index.base), lists, index.base, rows_of(x),
        rows_of(excluded), ids, scores,
    )  # fmt: skip
    return ids, scores


@compiled
def mark_kept(
    start: int, stop: int, offsets: Array, ids: Array, values: Array, base: Array, limit: int,
    kept: Array, n_kept: Array,
) -> None:  # fmt: skip
    """Mark the entries of long lists that do not stay, and count those that do."""
    for f in range(start, stop):
        first, last = offsets[f], offsets[f + 1]
        n = last - first
        if n <= limit:
            continue
        scores = np.empty(n, np.float32)
        for t in range(n):
            scores[t] = values[first + t] + base[ids[first + t]]
        bound = np.partition(scores, n - limit)[n - limit]
        ties = limit - np.count_nonzero(scores > bound)
        for t in range(n):
            if scores[t] == bound and ties > 0:
                ties -= 1
            else:
                kept[first + t] = scores[t] > bound
        n_kept[f] = np.count_nonzero(kept[first:last])


@compiled
def best_of_lists(
    start: int, stop: int, totals: Array, lists: Rows, base: Array, x: Rows, excluded: Rows,
    ids: Array, scores: Array,
) -> None:  # fmt: skip
    """Write the k best neurons of each example, best first.

    Args:
        start, stop: which examples.
        totals: f32 zeros, at least one a neuron.
        lists: by input the neurons that have a weight for it.
        base: f32 (n,), what the score of a neuron starts with.
        x: the examples.
        excluded: neurons that an example does not want.
        ids: i32 (B, k), -1 at first.
        scores: f32 (B, k), -inf at first.
    """
    touched = np.empty(most_met(lists, x, start, stop, len(base)) + 1, np.int32)
    for i in range(start, stop):
        n = add_up_lists(totals, touched, lists, x, i)
        for e in range(excluded.indptr[i], excluded.indptr[i + 1]):
            totals[excluded.indices[e]] = 0
        if ids.shape[1] > MOST_INSERTED:
            sort_best(touched[:n], totals, base, ids[i], scores[i])
        else:
            insert_best(touched[:n], totals, base, ids[i], scores[i])


@compiled
def most_met(lists: Rows, x: Rows, start: int, stop: int, n: int) -> int:
    """How many of n neurons an example may meet at most: room for all costs a page fault each."""
    most = 0
    for i in range(start, stop):
        met = 0
        for e in range(x.indptr[i], x.indptr[i + 1]):
            f = x.indices[e]
            met += lists.indptr[f + 1] - lists.indptr[f]
        most = max(most, met)
    return min(most, n)


@compiled
def add_up_lists(totals: Array, touched: Array, lists: Rows, x: Rows, i: int) -> int:
    """Add the lists of an example's inputs, weighted; how many neurons were touched."""
    n = 0
    for e in range(x.indptr[i], x.indptr[i + 1]):
        v, f = x.values[e], x.indices[e]
        span = slice(lists.indptr[f], lists.indptr[f + 1])
        listed, weight = lists.indices[span], lists.values[span]
        for p in range(len(listed)):
            j = np.uint32(listed[p])  # a signed index might be negative, which would be asked
            before = totals[j]
            total = before + v * weight[p]
            totals[j] = total if total != 0 else ZERO_SUM
            touched[n] = j
            n += before == 0
    return n


@compiled
def sort_best(touched: Array, totals: Array, base: Array, best_ids: Array, best: Array) -> None:
    """Sort all that were touched, for a k of which each insertion would be long; clear totals."""
    ids, scores = np.sort(touched), np.empty(len(touched), np.float32)
    n = 0
    for t in range(len(ids)):
        j = ids[t]
        if totals[j] != 0:
            ids[n], scores[n] = j, sum_of(totals[j]) + base[j]
            totals[j] = 0
            n += 1
    order = np.argsort(-scores[:n], kind="mergesort")  # stable: ties stay in the order of ids
    for place in range(min(n, len(best))):
        best_ids[place], best[place] = ids[order[place]], scores[order[place]]


@compiled
def insert_best(touched: Array, totals: Array, base: Array, best_ids: Array, best: Array) -> None:
    """Insert each that was touched among the best so far; clear totals."""
    k, filled, worst = len(best), 0, np.float32(-np.inf)
    for t in range(len(touched)):
        j = touched[t]
        if totals[j] == 0:
            continue
        score = sum_of(totals[j]) + base[j]
        totals[j] = 0
        if filled == k and (score < worst or (score == worst and j > best_ids[k - 1])):
            continue
        place = filled if filled < k else k - 1
        while place > 0 and (
            best[place - 1] < score or (best[place - 1] == score and best_ids[place - 1] > j)
        ):
            best[place], best_ids[place] = best[place - 1], best_ids[place - 1]
            place -= 1
        best[place], best_ids[place] = score, j
        filled = min(filled + 1, k)
        if filled == k:
            worst = best[k - 1]
