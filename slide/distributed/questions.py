"""What shards ask each other in the middle of a kernel, and what they are answered.

Each shard sends what it has of something, and gets what it must know of all. Ranges of labels are
in the order of ids, so that of equal scores those of an earlier shard are those of smaller ids:
ids need not be sent to break ties as one process does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.backend import Backend
from slide.core.contract.losses import LossName

Parts = tuple[Any, ...]


class Question(NamedTuple):
    """What a shard asks: one of ANSWERS, and what it has."""

    name: str
    parts: Parts


def answers_to(questions: Sequence[Question], backend: Backend) -> list[Parts]:
    """What each shard is answered, of what all of them ask at the same time.

    Args:
        questions: of all shards, in their order.
        backend: computes losses.
    """
    (name,) = {question.name for question in questions}
    return ANSWERS[name](backend, *zip(*(question.parts for question in questions), strict=True))


def best(backend: Backend, scores: Sequence[Array]) -> list[Parts]:
    """How many of the best labels of each example are a shard's, which are its first ones.

    Args:
        scores: of each shard f32 (B, k), best first; -inf where there is none.

    Returns:
        For each shard i32 (B,).
    """
    k = scores[0].shape[1]
    together = np.concatenate(scores, axis=1)
    bound = np.partition(together, -k, axis=1)[:, -k, None]  # (B, 1), the k-th largest
    left = k - (together > bound).sum(axis=1)
    counts = []
    for own in scores:
        above = (own > bound).sum(axis=1)
        ties = np.minimum(((own == bound) & (own > -np.inf)).sum(axis=1), left)
        left = left - ties
        counts.append(((above + ties).astype(np.int32),))
    return counts


def long_lists(backend: Backend, lengths: Sequence[Array], limits: Sequence[int]) -> list[Parts]:
    """Which lists of an index are too long, all shards together: i64, ascending."""
    total = np.sum(lengths, axis=0, dtype=np.int64)
    answer = (np.flatnonzero(total > limits[0]),)
    return [answer] * len(lengths)


def cuts(
    backend: Backend, offsets: Sequence[Array], scores: Sequence[Array], limits: Sequence[int]
) -> list[Parts]:
    """Where lists that are too long are cut.

    Args:
        offsets: of each shard i64 (m + 1,), where each list begins.
        scores: of each shard f32, of the entries.
        limits: of a list; each shard says the same.

    Returns:
        For each shard f32 (m,), the score of the last entry that is kept of any shard, and i64
        (m,), how many of its own entries of that score are kept, those of smaller ids.
    """
    n_shards, m = len(offsets), len(offsets[0]) - 1
    bounds, ties = np.zeros(m, np.float32), np.zeros((n_shards, m), np.int64)
    for place in range(m):
        lists = [own[o[place] : o[place + 1]] for o, own in zip(offsets, scores, strict=True)]
        together = np.concatenate(lists)
        bound = np.partition(together, -limits[0])[-limits[0]]
        left = limits[0] - np.count_nonzero(together > bound)
        for shard, own in enumerate(lists):
            ties[shard, place] = min(np.count_nonzero(own == bound), left)
            left -= ties[shard, place]
        bounds[place] = bound
    return [(bounds, own) for own in ties]


def losses(
    backend: Backend, z: Sequence[CSR], weights: Sequence[CSR], y: Sequence[CSR],
    names: Sequence[LossName],
) -> list[Parts]:  # fmt: skip
    """Loss and slopes of active sets that all shards have a part of, as one process computes them.

    Args:
        backend: computes.
        z: of each shard its logits, CSR (B, n).
        weights: likewise log weights.
        y: likewise labels.
        names: of the loss; each shard says the same.

    Returns:
        For each shard the loss of each example, f32 (B,), and the slopes of its own entries, f32.
    """
    first, second, third = (beside(parts).map(backend.put) for parts in (z, weights, y))
    loss, dz = backend.loss(first, second, third, names[0])
    assert isinstance(dz, CSR)
    edges = np.cumsum([each.n_cols for each in z])
    indices, slopes = backend.get(first.indices), backend.get(dz.values)
    owner = np.searchsorted(edges, indices, side="right")
    return [(backend.get(loss), slopes[owner == shard]) for shard in range(len(z))]


def beside(parts: Sequence[CSR]) -> CSR:
    """Matrices of as many rows, one right of the other."""
    first = np.cumsum([0, *(part.n_cols for part in parts)])
    n = int(first[-1])
    cells = [p.row_numbers() * n + p.indices + f for p, f in zip(parts, first, strict=False)]
    order = np.argsort(np.concatenate(cells), kind="stable")
    values = np.concatenate([part.values for part in parts])[order]
    return CSR.of_cells(np.concatenate(cells)[order], values, (parts[0].n_rows, n))


def sums(
    backend: Backend, highest: Sequence[Array], totals: Sequence[Array], n_labels: Sequence[Array]
) -> list[Parts]:
    """The normaliser of a softmax over all shards.

    Args:
        highest: of each shard f32 (B,), its largest logit; -inf where it has none.
        totals: f32 (B,), sum of exp(logit - largest).
        n_labels: i64 (B,), its positive labels.

    Returns:
        For each shard the same: the largest logit of all, the sum, and all positive labels.
    """
    most = np.max(highest, axis=0)
    most = np.where(np.isfinite(most), most, np.float32(0))
    total = np.zeros(len(most), np.float32)
    for own, part in zip(highest, totals, strict=True):
        total += part * np.exp(own - most)
    answer = (most, total, np.sum(n_labels, axis=0))
    return [answer] * len(highest)


ANSWERS: dict[str, Callable[..., list[Parts]]] = {
    "best": best,
    "long_lists": long_lists,
    "cuts": cuts,
    "losses": losses,
    "sums": sums,
}
