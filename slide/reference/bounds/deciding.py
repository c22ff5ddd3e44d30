"""Rankings: integers that rounding may change only where it is a near thing."""

from __future__ import annotations

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.reference import plain
from slide.reference.bounds.comparing import EPS, TINY


class MisstepError(Exception):
    """A decision of a training step that is not the definition's."""


def top_k_difference(
    got: tuple[Array, Array], h: Array, w: Array, candidates: CSR | None, k: int
) -> str:
    """The first example whose k places do not go to its best neurons, as far as rounding tells."""
    ids, scores = got
    if ids.shape != (len(h), k) or scores.shape != (len(h), k):
        return f"ids are {ids.shape} and scores {scores.shape}, expected {(len(h), k)} of each"
    for i in range(len(h)):
        pool = range(len(w)) if candidates is None else candidates.row(i)[0].tolist()
        z = {j: plain.dot(h[i], w[j]) for j in pool}
        slack = {j: h.shape[1] * EPS * plain.dot(abs(h[i]), abs(w[j])) + TINY for j in pool}
        if sentence := ranking_difference(ids[i].tolist(), scores[i].tolist(), z, slack):
            return f"example {i}: {sentence}"
    return ""


def ranking_difference(ids: list[int], scores: list[float], z: plain.Row, slack: plain.Row) -> str:
    """The first place of one example that is not well given, where z has all true scores."""
    left = set(z)
    for place, (j, score) in enumerate(zip(ids, scores, strict=True)):
        if not left:
            if (j, score) != (-1, -np.inf):
                return f"place {place} has id {j} and score {score}, expected -1 and -inf"
            continue
        if j not in left:
            return f"id {j} at place {place} is no candidate, or there for the second time"
        left.remove(j)
        if not abs(score - z[j]) <= slack[j]:
            return f"id {j} has score {score}, expected {z[j]} within {slack[j]:.3g}"
        for other in left:
            if z[other] - z[j] > slack[other] + slack[j]:
                return f"id {j} ({z[j]}) is at place {place} before id {other} ({z[other]})"
    return ""
