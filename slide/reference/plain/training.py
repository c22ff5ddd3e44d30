"""Losses by their definition, updates element by element."""

from __future__ import annotations

import math

import numpy as np

from slide.core.arrays import CSR, Array, Block, Param, RowGrad
from slide.core.optim import Adam
from slide.reference.plain.rows import Row, dense, rows_of


def loss(z: CSR | Block, log_weights: CSR | Block, y: CSR) -> tuple[Array, CSR | Block]:
    """The definition, one example at a time."""
    B = z.n_rows
    losses = np.zeros(B)
    gradient = []
    for i, scores in enumerate(weighted(z, log_weights)):
        labels = [j for j in y.row(i)[0].tolist() if j in scores]
        if not labels:
            gradient.append([0.0] * len(scores))
            continue
        log_p = log_softmax(scores)
        losses[i] = -math.fsum(log_p[j] for j in labels) / len(labels)
        gradient.append([(math.exp(v) - (j in labels) / len(labels)) / B for j, v in log_p.items()])
    if isinstance(z, Block):
        return losses, z.with_values(dense(gradient, len(z.ids)))
    return losses, z.with_values(np.array([v for row in gradient for v in row], np.float64))


def update_rows(param: Param, grad: RowGrad, optimizer: Adam, lr: float, step: int) -> None:
    """Element by element, in the precision of `param`."""
    beta1, beta2 = optimizer.beta1, optimizer.beta2
    size = lr * math.sqrt(1 - beta2**step) / (1 - beta1**step)
    for j, gradients in zip(grad.rows.tolist(), grad.values.tolist(), strict=True):
        for c, g in enumerate(gradients):
            mean = beta1 * float(param.mean[j, c]) + (1 - beta1) * g
            square = beta2 * float(param.square[j, c]) + (1 - beta2) * g * g
            param.mean[j, c] = mean
            param.square[j, c] = square
            param.weight[j, c] -= size * mean / (math.sqrt(square) + optimizer.epsilon)


def log_softmax(scores: Row) -> Row:
    """The logarithm of each score's share, written so that no exponential overflows."""
    largest = max(scores.values())
    log_total = math.log(math.fsum(math.exp(s - largest) for s in scores.values()))
    return {j: s - largest - log_total for j, s in scores.items()}


def weighted(z: CSR | Block, log_weights: CSR | Block) -> list[Row]:
    """The rows of z + log_weights; the one row of a Block of weights goes with every row of z."""
    weights = rows_of(log_weights)
    if isinstance(log_weights, Block):
        weights *= z.n_rows
    pairs = zip(rows_of(z), weights, strict=True)
    return [{j: v + weight[j] for j, v in row.items()} for row, weight in pairs]
