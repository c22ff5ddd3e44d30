"""Bounds of the losses, from the terms of their definitions.

What any sensible order of operations does to one term stays within 16 ulp of it: one ulp each for
the difference or product in it and for the division by B, the rest for exp, log and log1p, which
libraries compute within few ulp, though not all alike. Two things make more of it. An error in an
exponent is absolute, so one of |v| eps in v makes a relative one of |v| eps in exp(v): a term
whose exponent was rounded is multiplied by max(1, |v|). And a sum of n terms may lose n ulp
of the sum of their sizes, in whatever order it is taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.losses import LossName
from slide.core.extending import entry
from slide.reference import plain
from slide.reference.bounds.comparing import EPS, TINY
from slide.reference.plain import Row
from slide.reference.plain.losses import sides, sigmoid, softplus, weights_of


def loss_bound(
    z: CSR | Block, log_weights: CSR | Block, y: CSR, name: LossName
) -> tuple[Array, CSR | Block]:
    """Allowances for the loss of each example and for each entry of the gradient."""
    of_example = entry(BOUNDS, name, "loss", __name__)
    B = z.n_rows
    losses, gradient = np.zeros(B), []
    examples = zip(plain.rows_of(z), weights_of(z, log_weights), plain.rows_of(y), strict=True)
    for i, (scores, weights, labels) in enumerate(examples):
        losses[i], slopes = of_example(scores, weights, labels)
        gradient += [slopes[j] / B + TINY if slopes[j] else 0.0 for j in scores]
    return losses, z.with_values(np.array(gradient, np.float64).reshape(z.values.shape))


def softmax(z: Row, log_m: Row, y: Row) -> tuple[float, Row]:
    """16 ulp of the largest term: sums of shares are at most 1, and exponents are at most 0."""
    labels, _ = sides(z, y)
    if not labels:
        return 0.0, dict.fromkeys(z, 0.0)
    scores = {j: v + log_m[j] for j, v in z.items()}
    largest = max(1.0, math.log(len(scores)), *map(abs, scores.values()))
    shares = {j: math.exp(v) for j, v in plain.log_softmax(scores).items()}
    terms = {j: max(p * largest, (j in labels) / len(labels)) for j, p in shares.items()}
    return 16 * EPS * largest, {j: 16 * EPS * term + TINY for j, term in terms.items()}


def bce(z: Row, log_m: Row, y: Row) -> tuple[float, Row]:
    """Exponents are the logits as they are given; a positive is softplus(z) - z, two terms.

    Below `TINY` a share or a softplus may be flushed to zero before it is multiplied by m.
    """
    labels, _ = sides(z, y)
    m = {j: 1.0 if j in labels else math.exp(log_m[j]) for j in z}
    terms = [m[j] * softplus(v) + abs(v) * (j in labels) for j, v in z.items()]
    slopes = {j: 1.0 if j in labels else sigmoid(v) for j, v in z.items()}
    return (
        (16 + len(z)) * EPS * math.fsum(terms) + TINY * math.fsum(m.values()),
        {j: m[j] * (16 * EPS * slope + TINY) for j, slope in slopes.items()},
    )


def saros(z: Row, log_m: Row, y: Row) -> tuple[float, Row]:
    """Exponents are differences of logits; a normaliser of |S| terms and a sum of pairs."""
    labels, others = sides(z, y)
    m = {k: math.exp(log_m[k]) for k in others}
    n_pairs = len(labels) * math.fsum(m.values())
    ulp = (16 + len(others) * (len(labels) + 1)) * EPS
    bound, slopes = 0.0, dict.fromkeys(z, 0.0)
    for j in labels:
        for k in others:
            lead = z[k] - z[j]
            share, factor = m[k] / n_pairs, ulp * max(1.0, abs(lead))
            bound += share * factor * softplus(lead) + TINY
            slope = share * factor * sigmoid(lead) + TINY
            slopes[j] += slope
            slopes[k] += slope
    return bound, slopes


BOUNDS: dict[LossName, Callable[[Row, Row, Row], tuple[float, Row]]] = {
    "softmax": softmax,
    "bce": bce,
    "saros": saros,
}
