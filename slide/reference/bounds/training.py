"""Bounds of losses and updates, in ulp of their largest terms."""

from __future__ import annotations

import numpy as np

from slide.core.arrays import CSR, Array, Block, Param, RowGrad
from slide.core.optim import Adam
from slide.reference import plain
from slide.reference.bounds.comparing import EPS, TINY


def loss_bound(z: CSR | Block, log_weights: CSR | Block, y: CSR) -> tuple[Array, CSR | Block]:
    """16 ulp of the largest term; those of an exponent scale the terms of its exponential."""
    B = z.n_rows
    losses, gradient = np.zeros(B), []
    for i, scores in enumerate(plain.weighted(z, log_weights)):
        labels = [j for j in y.row(i)[0].tolist() if j in scores]
        if not labels:
            gradient.append([0.0] * len(scores))
            continue
        largest = max(1.0, np.log(len(scores)), *map(abs, scores.values()))
        losses[i] = 16 * EPS * largest
        shares = {j: np.exp(v) for j, v in plain.log_softmax(scores).items()}
        terms = [max(p * largest, (j in labels) / len(labels)) for j, p in shares.items()]
        gradient.append([16 * EPS * term / B + TINY for term in terms])
    flat = np.array([v for row in gradient for v in row], np.float64)
    return losses, z.with_values(flat.reshape(z.values.shape))


def update_rows_bound(param: Param, grad: RowGrad, optimizer: Adam, lr: float, step: int) -> Param:
    """8 ulp of the largest term, on touched rows; terms of the moments are terms of the weight."""
    rows, g = grad.rows, grad.values.astype(np.float64)
    mean = np.maximum(abs(param.mean[rows]), (1 - optimizer.beta1) * abs(g))
    old, new = param.square[rows], (1 - optimizer.beta2) * g * g
    scale = np.sqrt(optimizer.beta2 * old + new) + optimizer.epsilon
    move = optimizer.step_size(lr, step) * mean / scale
    terms = (np.maximum(abs(param.weight[rows]), move), mean, np.maximum(old, new))
    bound = Param(*(np.zeros(param.shape) for _ in terms))
    for array, term in zip((bound.weight, bound.mean, bound.square), terms, strict=True):
        array[rows] = 8 * EPS * term + TINY
    return bound
