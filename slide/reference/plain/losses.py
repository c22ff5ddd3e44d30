"""Losses by their definition, one example at a time."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.losses import LossName
from slide.core.extending import entry
from slide.reference.plain.rows import Row, dense, rows_of


def loss(
    z: CSR | Block, log_weights: CSR | Block, y: CSR, name: LossName
) -> tuple[Array, CSR | Block]:
    """The definition, and the derivative of each of its terms."""
    of_example = entry(FORMULAS, name, "loss", __name__)
    B = z.n_rows
    losses, gradient = np.zeros(B), []
    examples = zip(rows_of(z), weights_of(z, log_weights), rows_of(y), strict=True)
    for i, (scores, weights, labels) in enumerate(examples):
        losses[i], slopes = of_example(scores, weights, labels)
        gradient.append([slopes[j] / B for j in scores])
    if isinstance(z, Block):
        return losses, z.with_values(dense(gradient, len(z.ids)))
    return losses, z.with_values(np.array([v for row in gradient for v in row], np.float64))


def softmax(z: Row, log_m: Row, y: Row) -> tuple[float, Row]:
    """Loss of one example, and its derivative by each logit."""
    labels, _ = sides(z, y)
    if not labels:
        return 0, dict.fromkeys(z, 0.0)
    log_p = log_softmax({j: v + log_m[j] for j, v in z.items()})
    slopes = {j: math.exp(v) - (j in labels) / len(labels) for j, v in log_p.items()}
    return -math.fsum(log_p[j] for j in labels) / len(labels), slopes


def bce(z: Row, log_m: Row, y: Row) -> tuple[float, Row]:
    """Loss of one example, and its derivative by each logit."""
    labels, _ = sides(z, y)
    terms = [
        softplus(-v) if j in labels else math.exp(log_m[j]) * softplus(v) for j, v in z.items()
    ]
    slopes = {
        j: -sigmoid(-v) if j in labels else math.exp(log_m[j]) * sigmoid(v) for j, v in z.items()
    }
    return math.fsum(terms), slopes


def saros(z: Row, log_m: Row, y: Row) -> tuple[float, Row]:
    """Loss of one example, and its derivative by each logit."""
    labels, others = sides(z, y)
    m = {k: math.exp(log_m[k]) for k in others}
    n_pairs = len(labels) * math.fsum(m.values())
    slopes = dict.fromkeys(z, 0.0)
    terms = []
    for j in labels:
        for k in others:
            terms.append(m[k] * softplus(z[k] - z[j]) / n_pairs)
            slopes[k] += m[k] * sigmoid(z[k] - z[j]) / n_pairs
            slopes[j] -= m[k] * sigmoid(z[k] - z[j]) / n_pairs
    return math.fsum(terms), slopes


FORMULAS: dict[LossName, Callable[[Row, Row, Row], tuple[float, Row]]] = {
    "softmax": softmax,
    "bce": bce,
    "saros": saros,
}


def sides(z: Row, y: Row) -> tuple[list[int], list[int]]:
    """The positive labels among the active neurons, and whom saros compares them with."""
    labels = [j for j in z if y.get(j, 0) > 0]
    known = [j for j in z if j in y and y[j] <= 0]
    return labels, known or [j for j in z if j not in labels]


def weights_of(z: CSR | Block, log_weights: CSR | Block) -> list[Row]:
    """The log weights of each row of z; a Block of them has one row for all."""
    rows = rows_of(log_weights)
    return rows * z.n_rows if isinstance(log_weights, Block) else rows


def log_softmax(scores: Row) -> Row:
    """The logarithm of each score's share, written so that no exponential overflows."""
    largest = max(scores.values())
    log_total = math.log(math.fsum(math.exp(s - largest) for s in scores.values()))
    return {j: s - largest - log_total for j, s in scores.items()}


def softplus(v: float) -> float:
    """log(1 + exp(v)), written so that no exponential overflows."""
    return max(v, 0.0) + math.log1p(math.exp(-abs(v)))


def sigmoid(v: float) -> float:
    """1 / (1 + exp(-v)), written so that no exponential overflows."""
    return math.exp(-softplus(-v))
