"""The kernels `invert` and `search`: lists of neurons by input, and the sums over some of them."""

from __future__ import annotations

import numpy as np

from slide.backends.threads.compiling import called, compiled
from slide.backends.threads.pool import Pool
from slide.backends.threads.scratch import Scratch
from slide.backends.threads.sparse import MET, value_of
from slide.core.contract.arrays import CSR, Array
from slide.core.contract.sparse import InvertedIndex

MOST_INSERTED = 128  # best neurons among which one is found a place by moving the others


def invert(pool: Pool, w: CSR, base: Array, limit: int) -> InvertedIndex:
    """Entries by input; only long lists are cut."""
    offsets, ids, values = called(transposed, w.indptr, w.indices, w.values, w.n_cols)
    lengths = np.diff(offsets)
    if len(lengths) and lengths.max() > limit:
        kept, n_kept = np.ones(len(ids), bool), lengths.copy()
        pool.spread(cut, w.n_cols, offsets, ids, values, base, limit, kept, n_kept, grain=64)
        ids, values = ids[kept], values[kept]
        offsets = np.append(0, np.cumsum(n_kept))
    return InvertedIndex(offsets, ids, values, base.copy())


def search(
    pool: Pool, scratch: Scratch, index: InvertedIndex, x: CSR, excluded: CSR, k: int
) -> tuple[Array, Array]:
    """The k best neurons that each example meets."""
    ids = np.full((x.n_rows, k), -1, np.int32)
    scores = np.full((x.n_rows, k), -np.inf, np.float32)
    n = len(index.base)
    scratch.spread(
        pool, best_met, x.n_rows, n, index.offsets, index.ids, index.values, index.base, x.indptr,
        x.indices, x.values, excluded.indptr, excluded.indices, ids, scores,
    )  # fmt: skip
    return ids, scores


@compiled
def transposed(
    indptr: Array, indices: Array, values: Array, n_cols: int
) -> tuple[Array, Array, Array]:
    """The same entries by column: a counting sort."""
    offsets = np.zeros(n_cols + 1, np.int64)
    for e in range(len(indices)):
        offsets[indices[e] + 1] += 1
    for c in range(n_cols):
        offsets[c + 1] += offsets[c]
    ends = offsets[:-1].copy()
    rows, moved = np.empty(len(indices), np.int32), np.empty(len(indices), np.float32)
    for i in range(len(indptr) - 1):
        for e in range(indptr[i], indptr[i + 1]):
            place = ends[indices[e]]
            ends[indices[e]] += 1
            rows[place], moved[place] = i, values[e]
    return offsets, rows, moved


@compiled
def cut(
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
def sort_met(met: Array, totals: Array, base: Array, best_ids: Array, best: Array) -> None:
    """All neurons that were met, sorted: for a k of which each insertion would be long."""
    ids, scores = np.sort(met), np.empty(len(met), np.float32)
    n = 0
    for t in range(len(ids)):
        j = ids[t]
        if totals[j] != 0:
            ids[n], scores[n] = j, value_of(totals[j]) + base[j]
            totals[j] = 0
            n += 1
    order = np.argsort(-scores[:n], kind="mergesort")  # stable: ties stay in the order of ids
    for place in range(min(n, len(best))):
        best_ids[place], best[place] = ids[order[place]], scores[order[place]]


@compiled
def best_met(
    start: int, stop: int, totals: Array, offsets: Array, lists: Array, weights: Array,
    base: Array, xp: Array, xi: Array, xv: Array, ep: Array, ei: Array, ids: Array, scores: Array,
) -> None:  # fmt: skip
    """Add up the lists of an example's inputs, and insert each sum among the best so far."""
    k = ids.shape[1]
    met = np.empty(len(base) + 1, np.int32)
    for i in range(start, stop):
        n = 0
        for e in range(xp[i], xp[i + 1]):
            v, span = xv[e], slice(offsets[xi[e]], offsets[xi[e] + 1])
            listed, weight = lists[span], weights[span]
            for p in range(len(listed)):
                j = np.uint32(listed[p])  # a signed index might be negative, which would be asked
                before = totals[j]
                total = before + v * weight[p]
                totals[j] = total if total != 0 else MET
                met[n] = j
                n += before == 0
        for e in range(ep[i], ep[i + 1]):
            totals[ei[e]] = 0
        best, best_ids = scores[i], ids[i]
        if k > MOST_INSERTED:
            sort_met(met[:n], totals, base, best_ids, best)
            continue
        filled, worst = 0, np.float32(-np.inf)
        for t in range(n):
            j = met[t]
            if totals[j] == 0:
                continue
            score = value_of(totals[j]) + base[j]
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
