"""The losses over an active set, as `slide.core.contract.losses` defines them.

All of them work on logits laid out as (B, R), rows of a CSR filled up with entries that weigh
nothing, and on the places of the active labels in it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import expit

from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.losses import LossName
from slide.core.extending import entry

PAIR_CELLS = 1 << 20  # pairs of a label and an active neuron that saros holds at a time

Cells = tuple[Array, Array]
"""Rows and columns of some cells of (B, R)."""

Formula = Callable[[Array, Array, Cells, Cells], tuple[Array, Array]]
"""Losses (B,) and their slopes (B, R), of logits, log weights, active labels, known negatives."""


def loss(
    z: CSR | Block, log_weights: CSR | Block, y: CSR, name: LossName
) -> tuple[Array, CSR | Block]:
    """Loss of each example, and the gradient of their mean over all examples by z."""
    rows, columns, positive = active_labels(z, y)
    scores = padded(z)  # (B, R)
    log_m = padded(log_weights).astype(scores.dtype)  # as many rows, or one
    chosen, shunned = (rows[positive], columns[positive]), (rows[~positive], columns[~positive])
    formula = entry(FORMULAS, name, "loss", __name__)
    losses, dz = formula(scores, log_m, chosen, shunned)
    return losses, unpadded(z, dz / dz.dtype.type(max(z.n_rows, 1)))


def softmax(s: Array, rows: Array, columns: Array) -> tuple[Array, Array]:
    """Cross entropy of softmax(s) and equal shares for the labels; s holds the log weights."""
    s = s - s.max(axis=1, keepdims=True, initial=np.finfo(s.dtype).min)
    p = np.exp(s)
    total = p.sum(axis=1)  # 0 where a row has no active neuron at all
    n_labels = np.bincount(rows, minlength=len(s))
    target = (1 / np.maximum(n_labels, 1)).astype(s.dtype)[rows]
    minus_log_p = np.log(total[rows]) - s[rows, columns]
    losses = np.bincount(rows, target * minus_log_p, minlength=len(s)).astype(s.dtype)
    p /= np.where(n_labels > 0, total, np.inf)[:, None]
    p[rows, columns] -= target
    return losses, p


def bce(z: Array, m: Array, rows: Array, columns: Array) -> tuple[Array, Array]:
    """One logistic loss a neuron, those of negatives times m."""
    terms, dz = m * np.logaddexp(0, z), m * expit(z)
    terms[rows, columns] = np.logaddexp(0, -z[rows, columns])
    dz[rows, columns] = -expit(-z[rows, columns])
    return terms.sum(axis=1), dz


def saros(z: Array, m: Array, rows: Array, columns: Array) -> tuple[Array, Array]:
    """Logistic loss of each label against all entries, these by their share of m (B, R)."""
    total = m.sum(axis=1, keepdims=True)
    share = m / np.where(total > 0, total, 1)
    n_labels = np.bincount(rows, minlength=len(z)).astype(z.dtype)
    losses, dz = np.zeros(len(z), z.dtype), np.zeros_like(z)
    at_a_time = max(1, PAIR_CELLS // max(z.shape[1], 1))
    for start in range(0, len(rows), at_a_time):
        i, j = rows[start : start + at_a_time], columns[start : start + at_a_time]
        lead = z[i] - z[i, j][:, None]  # (labels, R), of each entry over the label
        weight = share[i] / n_labels[i][:, None]
        push = weight * expit(lead)
        np.add.at(losses, i, (weight * np.logaddexp(0, lead)).sum(axis=1))
        np.add.at(dz, i, push)
        dz[i, j] -= push.sum(axis=1)
    return losses, dz


FORMULAS: dict[LossName, Formula] = {
    "softmax": lambda z, log_m, chosen, shunned: softmax(z + log_m, *chosen),
    "bce": lambda z, log_m, chosen, shunned: bce(z, np.exp(log_m), *chosen),
    "saros": lambda z, log_m, chosen, shunned: saros(
        z, np.where(opponents(z.shape, chosen, shunned), np.exp(log_m), 0), *chosen
    ),
}


def opponents(shape: tuple[int, ...], chosen: Cells, shunned: Cells) -> Array:
    """Whom an example's labels are compared with: its known negatives, or all others; bool."""
    known, others = np.zeros(shape, bool), np.ones(shape, bool)
    known[shunned] = True
    others[chosen] = False
    return np.where(known.any(axis=1, keepdims=True), known, others)


def padded(z: CSR | Block) -> Array:
    """Logits as (B, R), rows of a CSR filled up with -inf to the longest."""
    if isinstance(z, Block):
        return z.values
    dense = np.full((z.n_rows, z.row_lengths().max(initial=0)), -np.inf, z.values.dtype)
    dense[filled(z)] = z.values
    return dense


def unpadded(z: CSR | Block, dense: Array) -> CSR | Block:
    """The values of a (B, R) array in the layout of z: the way back from `padded`."""
    return z.with_values(dense if isinstance(z, Block) else dense[filled(z)])


def filled(z: CSR) -> Array:
    """Which cells of `padded(z)` hold an entry of z, bool (B, R)."""
    lengths = z.row_lengths()
    return np.arange(lengths.max(initial=0)) < lengths[:, None]


def active_labels(z: CSR | Block, y: CSR) -> tuple[Array, Array, Array]:
    """Rows and columns, in `padded(z)`, of the labels that are active, and which are positive."""
    rows = y.row_numbers()
    if isinstance(z, Block):
        active, wanted = z.ids, y.indices
        starts = np.zeros_like(rows)
    else:
        active, wanted = z.row_numbers() * z.n_cols + z.indices, rows * z.n_cols + y.indices
        starts = z.indptr[rows]
    places = np.searchsorted(active, wanted)
    present = np.zeros(len(wanted), bool)
    inside = places < len(active)
    present[inside] = active[places[inside]] == wanted[inside]
    return rows[present], (places - starts)[present], y.values[present] > 0
