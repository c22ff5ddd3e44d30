"""The kernel `loss`: one compiled loop over examples for each loss.

Logits come flat: example i has the cells `starts[i]:starts[i + 1]`, its neurons and log weights
the same cells, or the same ones as all examples where a Block shares them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from slide.backends.threads.compiling import Number, compiled, elementwise, summing
from slide.backends.threads.elementary import exp_in_place, log1p_of
from slide.backends.threads.layouts import Rows, rows_of
from slide.backends.threads.pool import Pool
from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.losses import LossName
from slide.core.extending import entry

CHUNK = 256  # float32 terms that are summed before their sum joins a float64 total
GRAIN = 1 << 12  # cells
ZERO, ONE = np.float32(0), np.float32(1)


class Cells(NamedTuple):
    """Where an example's logits, neurons and log weights are.

    Args:
        starts: i64 (B + 1,).
        ids: i32, of all cells or of one row.
        log_weights: f32, of as many.
        shared: whether of one row.
    """

    starts: Array
    ids: Array
    log_weights: Array
    shared: bool


def loss(
    pool: Pool, z: CSR | Block, log_weights: CSR | Block, y: CSR, name: LossName
) -> tuple[Array, CSR | Block]:
    """Losses of the examples and the gradient of their mean."""
    cells = cells_of(z, log_weights)
    losses, dz = np.empty(z.n_rows, np.float32), np.empty(z.values.shape, np.float32)
    kernel = entry(KERNELS, name, "loss", __name__)
    grain = max(1, GRAIN * z.n_rows // max(z.nnz, 1))
    scale = np.float32(1 / max(z.n_rows, 1))
    logits, slopes = z.values.reshape(-1), dz.reshape(-1)
    pool.spread(kernel, z.n_rows, logits, cells, rows_of(y), scale, losses, slopes, grain=grain)
    return losses, z.with_values(dz)


def cells_of(z: CSR | Block, log_weights: CSR | Block) -> Cells:
    """The cells of either layout."""
    if isinstance(z, CSR):
        return Cells(z.indptr, z.indices, log_weights.values, False)
    starts = np.arange(z.n_rows + 1) * len(z.ids)
    return Cells(starts, z.ids, log_weights.values.reshape(-1), True)


@compiled
def example(
    i: int, z: Array, cells: Cells, y: Rows, dz: Array, places: Array
) -> tuple[Array, Array, Array, Array, Array]:
    """What a loss is computed from, as views; `places` is room for one a label of any example.

    Returns:
        logits, log weights and room for their slopes; then the places among them, i64, of the
        labels, ascending, and of the known negatives.
    """
    low, high = cells.starts[i], cells.starts[i + 1]
    begin = 0 if cells.shared else low
    end = begin + high - low
    n_labels, n_known = places_of_labels(cells.ids[begin:end], y, i, places)
    labels, known = places[:n_labels], places[len(places) - n_known :]
    return z[low:high], cells.log_weights[begin:end], dz[low:high], labels, known


@compiled
def places_of_labels(ids: Array, y: Rows, i: int, places: Array) -> tuple[int, int]:
    """Write where the labels of example i are in `ids`, ascending.

    Returns:
        how many labels are active and positive, which come first in `places`, and how many are
        active and known negatives, which fill it from its end.
    """
    n_positive, n_negative, size = 0, 0, len(places)
    for e in range(y.indptr[i], y.indptr[i + 1]):
        place = np.searchsorted(ids, y.indices[e])
        if place < len(ids) and ids[place] == y.indices[e]:
            if y.values[e] > 0:
                places[n_positive] = place
                n_positive += 1
            else:
                n_negative += 1
                places[size - n_negative] = place
    return n_positive, n_negative


@elementwise
def shift_scores(z: Array, log_m: Array, out: Array) -> Number:
    """out = z + log_m less its largest one, which is returned."""
    largest = np.float32(-np.inf)
    for c in range(len(z)):
        out[c] = z[c] + log_m[c]
        largest = max(largest, out[c])
    for c in range(len(z)):
        out[c] -= largest
    return largest


@summing
def total_of(x: Array) -> Number:
    """Sum of x: chunks in float32, their sums in float64."""
    total: Number = 0.0
    for begin in range(0, len(x), CHUNK):
        part = ZERO
        for c in range(begin, min(begin + CHUNK, len(x))):
            part += x[c]
        total += part
    return total


@compiled
def softmax(
    start: int, stop: int, z: Array, cells: Cells, y: Rows, scale: Number, losses: Array, dz: Array
) -> None:
    """Cross entropy over the active set."""
    scratch = np.empty(longest_row(cells.starts, start, stop), np.float32)
    places = np.empty(longest_row(y.indptr, start, stop), np.int64)
    for i in range(start, stop):
        logits, log_m, p, labels, _ = example(i, z, cells, y, dz, places)
        losses[i] = 0
        if len(labels) == 0:
            p[:] = 0
            continue
        largest = shift_scores(logits, log_m, p)
        scores = 0.0
        for place in labels:
            scores += np.float64(logits[place]) + log_m[place] - largest
        exp_in_place(p, scratch)
        total = total_of(p)
        losses[i] = math.log(total) - scores / len(labels)
        share = np.float32(scale / total)
        for c in range(len(p)):
            p[c] *= share
        for place in labels:
            p[place] -= scale / np.float32(len(labels))


@compiled
def longest_row(starts: Array, start: int, stop: int) -> int:
    """Entries of the longest of some rows."""
    most = 0
    for i in range(start, stop):
        most = max(most, starts[i + 1] - starts[i])
    return most


@elementwise
def sigmoids(z: Array, e: Array, slopes: Array) -> None:
    """slopes = sigmoid(z), given e = exp(-|z|)."""
    for c in range(len(z)):
        slopes[c] = (ONE if z[c] >= ZERO else e[c]) / (ONE + e[c])


@elementwise
def softplus_terms(z: Array, logs: Array, m: Array, terms: Array) -> None:
    """terms = m softplus(z), given logs = log(1 + exp(-|z|))."""
    for c in range(len(z)):
        terms[c] = (max(z[c], ZERO) + logs[c]) * m[c]


@elementwise
def powers_of_minus_abs(z: Array, e: Array, scratch: Array) -> None:
    """e = exp(-|z|)."""
    for c in range(len(z)):
        e[c] = -abs(z[c])
    exp_in_place(e, scratch)


@compiled
def bce(
    start: int, stop: int, z: Array, cells: Cells, y: Rows, scale: Number, losses: Array, dz: Array
) -> None:
    """A logistic loss a neuron, those of negatives weighted."""
    places = np.empty(longest_row(y.indptr, start, stop), np.int64)
    size = longest_row(cells.starts, start, stop)
    e, m = np.empty(size, np.float32), np.empty(size, np.float32)
    logs, scratch = np.empty(size, np.float32), np.empty(size, np.float32)
    for i in range(start, stop):
        logits, log_m, slopes, labels, _ = example(i, z, cells, y, dz, places)
        n = len(logits)
        if not cells.shared or i == start:
            m[:n] = log_m
            exp_in_place(m[:n], scratch)
        powers_of_minus_abs(logits, e[:n], scratch)
        log1p_of(e[:n], logs[:n])
        sigmoids(logits, e[:n], slopes)
        for c in range(n):
            slopes[c] *= m[c] * scale
        for place in labels:
            v = logits[place]
            slopes[place] = -(ONE if v < ZERO else e[place]) / (ONE + e[place]) * scale
        terms = e  # not needed any more
        softplus_terms(logits, logs[:n], m[:n], terms[:n])
        for place in labels:
            terms[place] = max(-logits[place], ZERO) + logs[place]
        losses[i] = total_of(terms[:n])


@compiled
def saros(
    start: int, stop: int, z: Array, cells: Cells, y: Rows, scale: Number, losses: Array, dz: Array
) -> None:
    """Logistic loss of each pair of a label and one whom it is compared with."""
    places = np.empty(longest_row(y.indptr, start, stop), np.int64)
    size = longest_row(cells.starts, start, stop)
    e, m = np.empty(size, np.float32), np.empty(size, np.float32)
    logs, scratch = np.empty(size, np.float32), np.empty(size, np.float32)
    lead, pushes = np.empty(size, np.float32), np.empty(size, np.float32)
    for i in range(start, stop):
        logits, log_m, slopes, labels, known = example(i, z, cells, y, dz, places)
        n = len(logits)
        slopes[:] = 0
        losses[i] = 0
        m[:n] = log_m
        exp_in_place(m[:n], scratch)
        keep_opponents(m[:n], labels, known)
        total = total_of(m[:n])
        if len(labels) == 0 or total == 0:
            continue
        loss = 0.0
        share = np.float32(scale / (total * len(labels)))
        for place in labels:
            for c in range(n):
                lead[c] = logits[c] - logits[place]
            powers_of_minus_abs(lead[:n], e[:n], scratch)
            log1p_of(e[:n], logs[:n])
            sigmoids(lead[:n], e[:n], pushes[:n])
            terms = e  # not needed any more
            softplus_terms(lead[:n], logs[:n], m[:n], terms[:n])
            for c in range(n):
                pushes[c] *= m[c] * share
                slopes[c] += pushes[c]
            slopes[place] -= np.float32(total_of(pushes[:n]))
            loss += total_of(terms[:n])
        losses[i] = loss / (total * len(labels))


@compiled
def keep_opponents(m: Array, labels: Array, known: Array) -> None:
    """Set to 0 all weights but of the known negatives, or if there are none those of labels."""
    if len(known) == 0:
        for place in labels:
            m[place] = 0
        return
    weights = m[known]
    m[:] = 0
    for k in range(len(known)):
        m[known[k]] = weights[k]


KERNELS: dict[LossName, Callable[..., None]] = {"softmax": softmax, "bce": bce, "saros": saros}
