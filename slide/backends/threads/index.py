"""The kernels `invert` and `search`: an inverted index, and exact top k over it.

`search` is maximum inner product search on sparse vectors, scored term at a time: the lists of an
example's inputs are added up, one after the other, into a total for each neuron, and of the neurons
so met the k best are kept. Nothing is approximate but what `invert` has cut.
"""

from __future__ import annotations

import numpy as np

from slide.backends.threads.compiling import Number, compiled
from slide.backends.threads.layouts import Rows, rows_of, transposed_by_all
from slide.backends.threads.pool import Pool
from slide.backends.threads.prefetching import prefetch_row
from slide.backends.threads.scratch import Scratch
from slide.backends.threads.sparse import ZERO_SUM, sum_of
from slide.core.contract.arrays import CSR, Array
from slide.core.contract.lists import indptr_of
from slide.core.contract.sparse import InvertedIndex

MOST_INSERTED = 128  # best neurons among which one is found a place by moving the others
TERMS_OF_ALL = 3  # terms a neuron, from which all are looked at, not those that were met
BLOCK = 32  # neurons that are passed over at a time


def invert(pool: Pool, w: CSR, base: Array, limit: int) -> InvertedIndex:
    """Entries by input; long lists are cut."""
    offsets, ids, values = transposed_by_all(pool, w)
    lengths = np.diff(offsets)
    if lengths.max(initial=0) > limit:
        cut = indptr_of(np.minimum(lengths, limit))
        kept_ids, kept = np.empty(cut[-1], np.int32), np.empty(cut[-1], np.float32)
        lists = Rows(offsets, ids, values)
        pool.spread(copy_best, w.n_cols, lists, base, limit, cut, kept_ids, kept, grain=64)
        offsets, ids, values = cut, kept_ids, kept
    return InvertedIndex(offsets, ids, values, base.copy())


def search(
    scratch: Scratch, index: InvertedIndex, x: CSR, excluded: CSR, k: int
) -> tuple[Array, Array]:
    """The k best neurons that each example meets, exactly; ties go to the smaller neuron."""
    ids = np.full((x.n_rows, k), -1, np.int32)
    scores = np.full((x.n_rows, k), -np.inf, np.float32)
    lists = Rows(index.offsets, index.ids, index.values)
    highest = index.base.max(initial=np.float32(-np.inf))
    scratch.spread(
        best_of_lists, x.n_rows, len(index.base), lists, index.base, highest, rows_of(x),
        rows_of(excluded), ids, scores,
    )  # fmt: skip
    return ids, scores


@compiled
def copy_best(
    start: int, stop: int, lists: Rows, base: Array, limit: int, cut: Array, ids: Array,
    values: Array,
) -> None:  # fmt: skip
    """Copy the best `limit` entries of each list, in their order.

    Args:
        start, stop: which lists.
        lists: of all entries.
        base: f32 (n,), what the score of a neuron starts with.
        limit: of a list.
        cut: i64 (n_lists + 1,), where the copy of each list begins.
        ids: i32, of the copies.
        values: f32.
    """
    for f in range(start, stop):
        span = slice(lists.indptr[f], lists.indptr[f + 1])
        listed, weight = lists.indices[span], lists.values[span]
        bound, ties = np.float32(-np.inf), np.int64(len(listed))
        scores = weight + base[listed]
        if len(listed) > limit:
            bound = np.partition(scores, len(listed) - limit)[len(listed) - limit]
            ties = limit - np.count_nonzero(scores > bound)
        place = cut[f]
        for t in range(len(listed)):
            is_tie = scores[t] == bound
            if scores[t] > bound or (is_tie and ties > 0):
                ids[place], values[place] = listed[t], weight[t]
                place += 1
                ties -= is_tie


@compiled
def best_of_lists(
    start: int, stop: int, totals: Array, lists: Rows, base: Array, highest: Number, x: Rows,
    excluded: Rows, ids: Array, scores: Array,
) -> None:  # fmt: skip
    """Write the k best neurons of each example, best first.

    Args:
        start, stop: which examples.
        totals: f32 zeros, at least one a neuron.
        lists: by input the neurons that have a weight for it.
        base: f32 (n,), what the score of a neuron starts with.
        highest: the largest of them.
        x: the examples.
        excluded: neurons that an example does not want.
        ids: i32 (B, k), -1 at first.
        scores: f32 (B, k), -inf at first.
    """
    touched = np.empty(most_met(lists, x, start, stop, len(base)) + 1, np.int32)
    for i in range(start, stop):
        few = ids.shape[1] <= MOST_INSERTED
        of_all = few and n_terms(lists, x, i) >= TERMS_OF_ALL * len(base)
        if of_all:
            add_up_all(totals, lists, x, i)
        else:
            n = add_up_lists(totals, touched, lists, x, i)
        for e in range(excluded.indptr[i], excluded.indptr[i + 1]):
            totals[excluded.indices[e]] = 0
        if of_all:
            insert_best_of_all(totals, base, ids[i], scores[i])
        elif few:
            insert_best(touched[:n], totals, base, highest, ids[i], scores[i])
        else:
            cut_best(touched[:n], totals, base, highest, ids[i], scores[i])


@compiled
def most_met(lists: Rows, x: Rows, start: int, stop: int, n: int) -> int:
    """How many of n neurons an example may meet at most: room for all costs a page fault each."""
    most = 0
    for i in range(start, stop):
        most = max(most, n_terms(lists, x, i))
    return min(most, n)


@compiled
def n_terms(lists: Rows, x: Rows, i: int) -> int:
    """Entries of the lists of an example's inputs."""
    n = 0
    for e in range(x.indptr[i], x.indptr[i + 1]):
        f = x.indices[e]
        n += lists.indptr[f + 1] - lists.indptr[f]
    return n


@compiled
def add_up_lists(totals: Array, touched: Array, lists: Rows, x: Rows, i: int) -> int:
    """Add the lists of an example's inputs, weighted; how many neurons were touched."""
    n, last = 0, x.indptr[i + 1]
    for e in range(x.indptr[i], last):
        if e + 1 < last:
            prefetch_row(lists, x.indices[e + 1])
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
def add_up_all(totals: Array, lists: Rows, x: Rows, i: int) -> None:
    """The same, of neurons of which most will be touched."""
    last = x.indptr[i + 1]
    for e in range(x.indptr[i], last):
        if e + 1 < last:
            prefetch_row(lists, x.indices[e + 1])
        v, f = x.values[e], x.indices[e]
        span = slice(lists.indptr[f], lists.indptr[f + 1])
        listed, weight = lists.indices[span], lists.values[span]
        for p in range(len(listed)):
            j = np.uint32(listed[p])
            total = totals[j] + v * weight[p]
            totals[j] = total if total != 0 else ZERO_SUM


@compiled
def cut_best(
    touched: Array, totals: Array, base: Array, highest: Number, best_ids: Array, best: Array
) -> None:
    """Collect twice as many as are wanted, drop the worse half, and so on; clear totals.

    For a k of which each insertion would be long.
    """
    k, n, worst = len(best), 0, np.float32(-np.inf)
    ids, scores = np.empty(2 * k, np.int32), np.empty(2 * k, np.float32)
    for t in range(len(touched)):
        j = touched[t]
        total = totals[j]
        totals[j] = 0
        if total == 0 or total + highest < worst:
            continue
        score = sum_of(total) + base[j]
        if score >= worst:
            ids[n], scores[n] = j, score
            n += 1
        if n == 2 * k:
            worst, n = keep_best(ids, scores, k), k
    if n > k:
        keep_best(ids[:n], scores[:n], k)
        n = k
    by_id = np.argsort(ids[:n])
    ids, scores = ids[:n][by_id], scores[:n][by_id]
    order = np.argsort(-scores, kind="mergesort")  # stable: ties stay in the order of ids
    for place in range(n):
        best_ids[place], best[place] = ids[order[place]], scores[order[place]]


@compiled
def keep_best(ids: Array, scores: Array, k: int) -> Number:
    """Move the k best of them to the front, in no order; the worst score of these."""
    worst = np.partition(scores, len(scores) - k)[len(scores) - k]
    n_ties = k - np.count_nonzero(scores > worst)
    last_tie = np.sort(ids[scores == worst])[n_ties - 1]
    n = 0
    for t in range(len(scores)):
        if scores[t] > worst or (scores[t] == worst and ids[t] <= last_tie):
            ids[n], scores[n] = ids[t], scores[t]
            n += 1
    return worst


@compiled
def insert_best(
    touched: Array, totals: Array, base: Array, highest: Number, best_ids: Array, best: Array
) -> None:
    """Insert each that was touched among the best so far; clear totals.

    Few of many could be among the best if they started from the highest base: of the others, whose
    own is anywhere in memory, it is not read.
    """
    k, filled, worst = len(best), 0, np.float32(-np.inf)
    for t in range(len(touched)):
        j = touched[t]
        total = totals[j]
        totals[j] = 0
        if total == 0 or total + highest < worst:
            continue
        score = sum_of(total) + base[j]
        if filled == k and (score < worst or (score == worst and j > best_ids[k - 1])):
            continue
        insert(best_ids, best, filled, j, score)
        filled = min(filled + 1, k)
        if filled == k:
            worst = best[k - 1]


@compiled
def insert_best_of_all(totals: Array, base: Array, best_ids: Array, best: Array) -> None:
    """The same of all neurons, in their order: most are passed over, many at a time."""
    k, filled, worst = len(best), 0, np.float32(-np.inf)
    for first in range(0, len(base), BLOCK):
        some = range(np.uint32(first), np.uint32(min(first + BLOCK, len(base))))
        found = False
        for j in some:
            found |= (totals[j] != 0) & (sum_of(totals[j]) + base[j] >= worst)
        if found:
            for j in some:
                score = sum_of(totals[j]) + base[j]
                if totals[j] != 0 and (filled < k or score > worst):
                    insert(best_ids, best, filled, j, score)
                    filled = min(filled + 1, k)
                    if filled == k:
                        worst = best[k - 1]
        for j in some:
            totals[j] = 0


@compiled
def insert(best_ids: Array, best: Array, filled: int, j: int, score: Number) -> None:
    """Give a neuron its place among the best, of which so many are there."""
    place = min(filled, len(best) - 1)
    while place > 0 and (
        best[place - 1] < score or (best[place - 1] == score and best_ids[place - 1] > j)
    ):
        best[place], best_ids[place] = best[place - 1], best_ids[place - 1]
        place -= 1
    best[place], best_ids[place] = score, j
