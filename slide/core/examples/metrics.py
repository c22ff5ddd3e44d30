"""How good a ranking is: P@k, nDCG@k, propensity-scored P@k, and recall against the exact top k.

`ids` is always i32 (B, K), predicted labels best first, -1 where a prediction is missing; `y` is a
CSR (B, n) whose row i holds the true labels of example i. Every example counts, also one without
labels (its precision and gain are 0), as in the evaluation of the XMC repository.

Source: Bhatia et al., The extreme classification repository; Jain et al. (KDD 2016) for PSP.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from slide.core.contract.arrays import CSR, Array

PROPENSITY_A = 0.55
PROPENSITY_B = 1.5
RANKS = (1, 3, 5)


def hits(ids: Array, y: CSR) -> Array:
    """hits[i, r] = is ids[i, r] a label of example i; bool (B, K)."""
    true = y.cells()
    predicted = np.arange(len(ids))[:, None] * y.n_cols + ids
    places = np.searchsorted(true, predicted)
    found = np.zeros(ids.shape, bool)
    inside = (places < len(true)) & (ids >= 0)
    found[inside] = true[places[inside]] == predicted[inside]
    return found


def best_of_each(scores: CSR, k: int) -> Array:
    """The k columns of largest value of each row, best first; of equals the smallest.

    Returns:
        i32 (B, k), -1 where a row has no more entries.
    """
    rows = scores.row_numbers()
    order = np.lexsort((scores.indices, -scores.values, rows))
    place = np.arange(scores.nnz) - scores.indptr[rows]
    ids = np.full((scores.n_rows, k), -1, np.int32)
    ids[rows[place < k], place[place < k]] = scores.indices[order][place < k]
    return ids


def without(ids: Array, scores: Array, pairs: CSR, k: int) -> tuple[Array, Array]:
    """The first k of each ranking once some labels are taken out of it.

    Args:
        ids: predictions, (B, K).
        scores: of each, f32 (B, K).
        pairs: CSR (B, n) with an entry for each label to take out.
        k: depth of the result.

    Returns:
        Labels, i32 (B, min(k, K)), -1 where a ranking is too short for it, and their scores, f32.
    """
    out = hits(ids, pairs)
    order = np.argsort(out, axis=1, kind="stable")[:, :k]  # what stays, best first
    taken, kept, of_kept = (np.take_along_axis(each, order, axis=1) for each in (out, ids, scores))
    return np.where(taken, np.int32(-1), kept), of_kept


def precision_at(ids: Array, y: CSR, k: int) -> float:
    """P@k = mean over examples of |top k and labels| / k, in [0, 1]."""
    return float(hits(ids[:, :k], y).sum()) / max(len(ids) * k, 1)


def ndcg_at(ids: Array, y: CSR, k: int) -> float:
    """nDCG@k = mean of sum_r hit_r / log2(r + 1) over its best possible value, in [0, 1].

    The best possible value of an example with m labels is sum_(r <= min(k, m)) 1 / log2(r + 1).
    """
    return float(ndcg_of_each(ids, y, k).sum()) / max(len(ids), 1)


def ndcg_of_each(ids: Array, y: CSR, k: int) -> Array:
    """nDCG@k of each example, f64 (B,)."""
    discount = 1 / np.log2(np.arange(2, k + 2))
    gain = hits(ids[:, :k], y) @ discount[: ids.shape[1]]
    best = np.concatenate([[np.inf], np.cumsum(discount)])[np.minimum(y.row_lengths(), k)]
    of_each: Array = gain / best
    return of_each


def inverse_propensities(
    label_counts: Array, n_samples: int, a: float = PROPENSITY_A, b: float = PROPENSITY_B
) -> Array:
    """1 / p_l = 1 + C exp(-A log(N_l + B)), C = (log N - 1) (B + 1)**A; f64 (n,).

    Args:
        label_counts: N_l, training examples that carry label l, (n,).
        n_samples: N, training examples.
        a: A of the data set; 0.55 unless the XMC repository names another.
        b: B of the data set; 1.5 likewise.
    """
    c = max(math.log(max(n_samples, 1)) - 1, 0) * (b + 1) ** a  # 1 / p is at least 1
    inverse: Array = 1 + c * (np.asarray(label_counts, np.float64) + b) ** -a
    return inverse


def psp_at(ids: Array, y: CSR, k: int, inverse: Array) -> float:
    """PSP@k = sum of 1 / p over the hits in the top k, over the best possible such sum.

    Both sums go over all examples before they are divided, as in the XMC repository; the best
    choice for an example is its k labels of largest 1 / p.

    Args:
        ids: predictions.
        y: true labels.
        k: depth of the ranking.
        inverse: 1 / p_l of each label, see `inverse_propensities`.
    """
    found = hits(ids[:, :k], y)
    won = inverse[ids[:, :k][found]].sum()
    rows = y.row_numbers()
    worth = inverse[y.indices]
    order = np.lexsort((-worth, rows))  # each example's labels, most valuable first
    place = np.arange(y.nnz) - y.indptr[rows]
    best = worth[order][place < k].sum()
    return float(won / best) if best else 0.0


def recall_at(ids: Array, exact_ids: Array, k: int) -> float:
    """Share of all exact top k labels that are in the sampled top k, in [0, 1]."""
    same = ids[:, :k, None] == exact_ids[:, None, :k]
    return float((same.any(axis=1) & (exact_ids[:, :k] >= 0)).sum()) / max(
        int((exact_ids[:, :k] >= 0).sum()), 1
    )


def ranking_metrics(
    ids: Array, y: CSR, inverse: Array, ranks: Sequence[int] = RANKS
) -> dict[str, float]:
    """P, nDCG and PSP at some depths, by the names that the command line prints as JSON."""
    scores = {f"precision_at_{k}": precision_at(ids, y, k) for k in ranks}
    scores |= {f"ndcg_at_{k}": ndcg_at(ids, y, k) for k in ranks}
    return scores | {f"psp_at_{k}": psp_at(ids, y, k, inverse) for k in ranks}
