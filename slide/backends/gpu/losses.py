"""The kernel `loss`: logits laid out as (B, R), rows of a CSR filled up with -inf.

The formulas are those of `slide.core.contract.losses`. Sums are taken in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from slide.backends.gpu.device import Device
from slide.backends.gpu.segments import find_in, places_within
from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.losses import LossName
from slide.core.extending import entry

LOWEST = np.finfo(np.float32).min


class Labels(NamedTuple):
    """Where the active labels are in `padded(z)`.

    Args:
        rows: of each.
        columns: of each.
        is_positive: whether it is one, or else a known negative.
    """

    rows: Array
    columns: Array
    is_positive: Array

    def positive(self) -> tuple[Array, Array]:
        """Rows and columns of the positive ones."""
        return self.rows[self.is_positive], self.columns[self.is_positive]

    def negative(self) -> tuple[Array, Array]:
        """Rows and columns of the known negatives."""
        return self.rows[~self.is_positive], self.columns[~self.is_positive]


def loss(
    device: Device, z: CSR | Block, log_weights: CSR | Block, y: CSR, name: LossName
) -> tuple[Array, CSR | Block]:
    """Loss of each example, and the gradient of their mean over all examples by z."""
    xp = device.xp
    scores, log_m = padded(xp, z), padded(xp, log_weights)
    formula = entry(FORMULAS, name, "loss", __name__)
    if scores.shape[1] == 0:  # nobody is active
        return xp.zeros(z.n_rows, np.float32), z
    losses, dz = formula(xp, scores, log_m, active_labels(xp, z, y))
    return losses, unpadded(xp, z, dz / np.float32(max(z.n_rows, 1)))


def softmax(xp: Any, z: Array, log_m: Array, labels: Labels) -> tuple[Array, Array]:
    """Cross entropy of softmax(z + log_m) and equal shares for the labels."""
    s, chosen = z + log_m, marked(xp, z.shape, *labels.positive())
    s = s - xp.maximum(s.max(axis=1), LOWEST)[:, None]
    p = xp.exp(s)
    total = sums(p)[:, None]  # 0 where a row has no active neuron at all
    n_labels = chosen.sum(axis=1)[:, None]
    target = xp.where(chosen, np.float32(1) / xp.maximum(n_labels, 1).astype(np.float32), 0)
    minus_log_p = xp.where(chosen, xp.log(total) - s, np.float32(0))
    p = p / xp.where(n_labels > 0, total, np.float32(np.inf))
    return sums(target * minus_log_p), p - target


def bce(xp: Any, z: Array, log_m: Array, labels: Labels) -> tuple[Array, Array]:
    """One logistic loss a neuron, those of negatives times m."""
    m, chosen = xp.exp(log_m), marked(xp, z.shape, *labels.positive())
    terms = xp.where(chosen, softplus(xp, -z), m * softplus(xp, z))
    return sums(terms), xp.where(chosen, -expit(xp, -z), m * expit(xp, z))


def saros(xp: Any, z: Array, log_m: Array, labels: Labels) -> tuple[Array, Array]:
    """Logistic loss of each label against all whom it is compared with, these by their share of m.

    In turn the first label of each row, the second, and so on: then no two are of one row, and
    what is added to a row comes in an order.
    """
    rows, columns = labels.positive()
    m = xp.where(opponents(xp, z.shape, labels), xp.exp(log_m), np.float32(0))
    total = sums(m)[:, None]
    share = m / xp.where(total > 0, total, np.float32(1))
    turn = places_within(xp, rows)
    n_labels = xp.zeros(len(z), np.float32)
    losses, dz = xp.zeros(len(z), np.float32), xp.zeros_like(z)
    n_labels[rows] = xp.searchsorted(rows, rows, side="right") - (xp.arange(len(rows)) - turn)
    for t in range(int(turn.max()) + 1 if len(turn) else 0):
        i, j = rows[turn == t], columns[turn == t]
        lead = z[i] - z[i, j][:, None]  # (labels, R), of each entry over the label
        weight = share[i] / n_labels[i][:, None]
        push = weight * expit(xp, lead)
        losses[i] += sums(weight * softplus(xp, lead))
        dz[i] += push
        dz[i, j] -= sums(push)
    return losses, dz


FORMULAS: dict[LossName, Callable[[Any, Array, Array, Labels], tuple[Array, Array]]] = {
    "softmax": softmax,
    "bce": bce,
    "saros": saros,
}


def opponents(xp: Any, shape: tuple[int, ...], labels: Labels) -> Array:
    """Whom an example's labels are compared with: its known negatives, or all others; bool."""
    known = marked(xp, shape, *labels.negative())
    others: Array = ~marked(xp, shape, *labels.positive())
    compared: Array = xp.where(known.any(axis=1).reshape(-1, 1), known, others)
    return compared


def sums(array: Array) -> Array:
    """Of each row, f32."""
    total: Array = array.sum(axis=1, dtype=np.float64).astype(np.float32)
    return total


def softplus(xp: Any, v: Array) -> Array:
    """log(1 + exp(v))."""
    terms: Array = xp.maximum(v, np.float32(0)) + xp.log1p(xp.exp(-abs(v)))
    return terms


def expit(xp: Any, v: Array) -> Array:
    """1 / (1 + exp(-v)), without an overflow on the way."""
    shares: Array = xp.exp(xp.minimum(v, np.float32(0))) / (np.float32(1) + xp.exp(-abs(v)))
    return shares


def padded(xp: Any, z: CSR | Block) -> Array:
    """Logits as (B, R), rows of a CSR filled up with -inf to the longest."""
    if isinstance(z, Block):
        return z.values
    widest = int(z.row_lengths().max()) if z.n_rows else 0
    dense: Array = xp.full((z.n_rows, widest), -np.inf, np.float32)
    dense[places_of(xp, z)] = z.values
    return dense


def unpadded(xp: Any, z: CSR | Block, dense: Array) -> CSR | Block:
    """The values of a (B, R) array in the layout of z: the way back from `padded`."""
    return z.with_values(dense if isinstance(z, Block) else dense[places_of(xp, z)])


def places_of(xp: Any, z: CSR) -> tuple[Array, Array]:
    """Row and column, in `padded(z)`, of each entry."""
    rows = z.row_numbers()
    return rows, xp.arange(z.nnz) - z.indptr[rows]


def active_labels(xp: Any, z: CSR | Block, y: CSR) -> Labels:
    """The labels that are active."""
    rows = y.row_numbers()
    if isinstance(z, Block):
        found, columns = find_in(xp, z.ids, y.indices)
    else:
        found, places = find_in(xp, z.cells(), y.cells())
        columns = places - z.indptr[rows]
    return Labels(rows[found], columns[found], y.values[found] > 0)


def marked(xp: Any, shape: tuple[int, ...], rows: Array, columns: Array) -> Array:
    """True at these cells, bool."""
    marks: Array = xp.zeros(shape, bool)
    marks[rows, columns] = True
    return marks
