"""More of how good a ranking is: hit rate, recalls, MRR, R-precision, MAP, coverage.

`ids` and `y` are those of `slide.core.examples.metrics`, and `found` is `hits(ids, y)`, bool
(B, K). Every example counts, also one without labels, whose recall, rank, R-precision and average
precision are 0. `ids` may be narrower than k: what is missing is no hit.

Source: recall, MAP: Manning, Raghavan, Schütze, Introduction to Information Retrieval (2008),
chapter 8; MRR: Voorhees, TREC-8 question answering (1999); R-precision at k: Chalkidis et al.
(ACL 2019); coverage of the catalogue: Ge, Delgado-Battenfeld, Jannach (RecSys 2010).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.examples.metrics import hits

PARTS = ("head", "torso", "tail")


def label_recall_at(found: Array, n_true: Array, k: int) -> float:
    """Recall@k = mean over examples of |top k and labels| / |labels|, in [0, 1].

    Args:
        found: hits.
        n_true: labels of each example, i64 (B,).
        k: depth of the ranking.
    """
    return float((found[:, :k].sum(axis=1) / np.maximum(n_true, 1)).sum()) / max(len(found), 1)


def hit_rate_at(found: Array, k: int) -> float:
    """HR@k = share of the examples that have a label in the top k."""
    return float(found[:, :k].any(axis=1).sum()) / max(len(found), 1)


def mrr_at(found: Array, k: int) -> float:
    """MRR@k = mean over examples of 1 / the place of its first hit, 0 if the top k has none.

    Places count from 1.
    """
    top = found[:, :k]
    first = np.argmax(top, axis=1) + 1 if top.shape[1] else np.ones(len(top))
    return float((top.any(axis=1) / first).sum()) / max(len(found), 1)


def r_precision_at(found: Array, n_true: Array, k: int) -> float:
    """RP@k = mean over examples of |top k and labels| / min(k, |labels|), in [0, 1].

    Unlike P@k it is 1 for a perfect ranking of examples with fewer labels than k.

    Args:
        found: hits.
        n_true: labels of each example, i64 (B,).
        k: depth of the ranking.
    """
    best = np.maximum(np.minimum(n_true, k), 1)
    return float((found[:, :k].sum(axis=1) / best).sum()) / max(len(found), 1)


def map_at(found: Array, n_true: Array, k: int) -> float:
    """MAP@k = mean over examples of sum_(r <= k) hit_r P@r / min(k, |labels|), in [0, 1].

    P@r is the precision of the r best alone; 1 is a ranking that begins with all labels, or with k.

    Args:
        found: hits.
        n_true: labels of each example, i64 (B,).
        k: depth of the ranking.
    """
    top = found[:, :k]
    precisions = np.cumsum(top, axis=1) / np.arange(1, top.shape[1] + 1)
    best = np.maximum(np.minimum(n_true, k), 1)
    return float(((top * precisions).sum(axis=1) / best).sum()) / max(len(found), 1)


def coverage_at(ids: Array, counts: Array, k: int) -> float:
    """Share of the labels with training examples that are in the top k of any example.

    Args:
        ids: predictions.
        counts: training examples of each label, i64 (n,).
        k: depth of the ranking.
    """
    named = np.zeros(len(counts), bool)
    named[ids[:, :k][ids[:, :k] >= 0]] = True
    return float((named & (counts > 0)).sum()) / max(int((counts > 0).sum()), 1)


def parts_of(counts: Array) -> Array:
    """0 for labels of the head, 1 of the torso, 2 of the tail; i64 (n,).

    A label is in the head if labels that are more frequent in training have less than a third of
    all its pairs of example and label, in the torso if they have less than two thirds. So a part
    has about a third of the training set, and labels of one frequency are in one part.
    """
    frequencies, which, n = np.unique(counts, return_inverse=True, return_counts=True)
    pairs = frequencies * n
    more_frequent = pairs[::-1].cumsum()[::-1] - pairs
    parts: Array = np.minimum(3 * more_frequent // max(int(pairs.sum()), 1), 2)[which]
    return parts


def parts_recall_at(ids: Array, found: Array, y: CSR, parts: Array, k: int) -> dict[str, float]:
    """Of each part, the share of all pairs of example and label that are in the top k.

    A part that has no label in `y` is left out.

    Args:
        ids: predictions.
        found: hits.
        y: true labels.
        parts: of each label, see `parts_of`.
        k: depth of the ranking.
    """
    hit = np.bincount(parts[ids[:, :k][found[:, :k]]], minlength=3)
    there = np.bincount(parts[y.indices], minlength=3)
    return {
        f"{name}_recall_at_{k}": float(hit[part] / there[part])
        for part, name in enumerate(PARTS)
        if there[part]
    }


def label_metrics(ids: Array, y: CSR, counts: Array, ranks: Sequence[int]) -> dict[str, float]:
    """All of these at some depths, by the names that the command line prints as JSON."""
    found, n_true, parts = hits(ids, y), y.row_lengths(), parts_of(counts)
    scores: dict[str, float] = {}
    for k in ranks:
        scores |= {
            f"label_recall_at_{k}": label_recall_at(found, n_true, k),
            f"hit_rate_at_{k}": hit_rate_at(found, k),
            f"mrr_at_{k}": mrr_at(found, k),
            f"r_precision_at_{k}": r_precision_at(found, n_true, k),
            f"map_at_{k}": map_at(found, n_true, k),
            f"coverage_at_{k}": coverage_at(ids, counts, k),
        } | parts_recall_at(ids, found, y, parts, k)
    return scores
