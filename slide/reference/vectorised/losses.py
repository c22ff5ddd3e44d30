"""The losses by their definition, examples as segments of flat arrays; bounds as in `bounds`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.losses import LossName
from slide.core.extending import entry
from slide.reference.bounds.comparing import EPS, TINY
from slide.reference.vectorised.segments import (
    cells,
    places_in,
    places_of_segments,
    row_slices,
    segment_maxima,
    segment_sums,
    some_rows,
)
from slide.reference.vectorised.verdicts import (
    Verdicts,
    has_pattern,
    is_array,
    is_near,
    is_of_type,
    verdict_unless,
)


class Logits(NamedTuple):
    """Some examples: their active neurons one after the other, flat.

    Args:
        indptr: i64, where each example begins.
        z: f64, logits.
        log_m: f64, log weights.
        positive: bool, the active labels above 0.
        negative: bool, the other active labels.
    """

    indptr: Array
    z: Array
    log_m: Array
    positive: Array
    negative: Array

    @property
    def lengths(self) -> Array:
        return np.diff(self.indptr)

    def spread(self, of_examples: Array) -> Array:
        """A number of each example for each of its entries."""
        return np.repeat(of_examples, self.lengths)


class Answer(NamedTuple):
    """Losses of examples and slopes of entries, each with its allowance."""

    losses: Array
    of_losses: Array
    slopes: Array
    of_slopes: Array


def loss(
    got: Any, exact: bool, z: CSR | Block, log_weights: CSR | Block, y: CSR, name: LossName
) -> Verdicts:
    """Losses and gradient of some examples at a time."""
    yield is_of_type(got, tuple)
    yield verdict_unless(
        len(got) == 2, f"result has {len(got)} parts, expected losses and a gradient"
    )
    yield is_array(got[0], np.float32, (z.n_rows,), "result[0]")
    yield from has_pattern(got[1], z, z.values.shape, "result[1]")
    formula = entry(FORMULAS, name, "loss", __name__)
    B, gradient = z.n_rows, got[1].values.reshape(-1)
    indptr = z.indptr if isinstance(z, CSR) else np.arange(B + 1) * len(z.ids)
    for rows in row_slices(np.diff(indptr)):
        entries = slice(int(indptr[rows.start]), int(indptr[rows.stop]))
        of_rows = formula(logits(z, log_weights, y, rows))
        yield is_near(got[0][rows], of_rows.losses, of_rows.of_losses, "result[0]", (rows.start,))
        moves = (of_rows.slopes != 0) | (of_rows.of_slopes > 0)  # where float32 may flush to 0
        allowed = of_rows.of_slopes / B + TINY * moves
        found, start = gradient[entries], (entries.start,)
        yield is_near(found, of_rows.slopes / B, allowed, "flat result[1].values", start)


def logits(z: CSR | Block, log_weights: CSR | Block, y: CSR, rows: slice) -> Logits:
    """Some of the examples."""
    y = some_rows(y, rows)
    if isinstance(z, Block):
        n_rows, R = rows.stop - rows.start, len(z.ids)
        indptr = np.arange(n_rows + 1) * R
        columns, active = places_in(z.ids, y.indices)
        places = y.row_numbers() * R + columns
        values = z.values[rows].reshape(-1)
        of_rows = log_weights.values if len(log_weights.values) == 1 else log_weights.values[rows]
        log_m = np.broadcast_to(of_rows, (n_rows, R)).reshape(-1)
    else:
        part = some_rows(z, rows)
        indptr, values = part.indptr, part.values
        places, active = places_in(cells(part), cells(y))
        log_m = log_weights.values[z.indptr[rows.start] : z.indptr[rows.stop]]
    positive, negative = np.zeros((2, len(values)), bool)
    positive[places[active & (y.values > 0)]] = True
    negative[places[active & ~(y.values > 0)]] = True
    return Logits(indptr, values.astype(np.float64), log_m.astype(np.float64), positive, negative)


def softmax(part: Logits) -> Answer:
    """Minus the mean log share of the labels; 16 ulp of the largest term."""
    s, indptr = part.z + part.log_m, part.indptr
    s_from_top = s - part.spread(segment_maxima(s, indptr, -np.inf))
    p = np.exp(s_from_top)
    total = segment_sums(p, indptr)
    has_entries = part.lengths > 0
    log_total = np.log(total, where=has_entries, out=np.zeros_like(total))
    p /= part.spread(total)
    n_labels = segment_sums(part.positive, indptr)
    log_p = (s_from_top - part.spread(log_total)) * part.positive
    counted, of_label = n_labels > 0, 1 / np.maximum(n_labels, 1)
    is_counted, target = part.spread(counted), part.positive * part.spread(of_label)
    longest = np.log(np.maximum(part.lengths, 1))
    largest = np.maximum(segment_maxima(abs(s), indptr, 1.0), longest)
    terms = np.maximum(p * part.spread(largest), target)
    return Answer(
        -segment_sums(log_p, indptr) * of_label,
        16 * EPS * largest * counted,
        (p - target) * is_counted,
        16 * EPS * terms * is_counted,
    )


def bce(part: Logits) -> Answer:
    """A logistic loss a neuron; 16 ulp of each term and one more for each that is summed."""
    side = np.where(part.positive, -part.z, part.z)
    m = np.where(part.positive, 1.0, np.exp(part.log_m))
    softplus, sigmoid = logistic(side)
    terms = m * softplus
    sizes = np.where(part.positive, softplus_of_both(part.z, softplus), terms)
    slopes = np.where(part.positive, -sigmoid, m * sigmoid)
    n_terms = 16 + part.lengths
    return Answer(
        segment_sums(terms, part.indptr),
        n_terms * EPS * segment_sums(sizes, part.indptr) + TINY * segment_sums(m, part.indptr),
        slopes,
        m * (16 * EPS * np.where(part.positive, 1.0, sigmoid) + TINY),
    )


def softplus_of_both(z: Array, of_minus_z: Array) -> Array:
    """The two terms z and softplus(z) of which softplus(-z) may have been made."""
    both: Array = of_minus_z + z + abs(z)
    return both


def saros(part: Logits) -> Answer:
    """All pairs of a label and one of those that it is compared with; a sum of pairs in each."""
    compared = opponents(part)
    n_labels, n_others = (segment_sums(side, part.indptr) for side in (part.positive, compared))
    m = np.exp(part.log_m) * compared
    n_pairs = n_labels * segment_sums(m, part.indptr)
    share = m / part.spread(np.where(n_pairs > 0, n_pairs, 1))
    ulp = (16 + n_others * (n_labels + 1)) * EPS
    losses, of_losses = np.zeros((2, len(n_labels)))
    slopes, of_slopes = np.zeros((2, len(part.z)))
    for some in pairs(part, compared):
        lead = part.z[some.others] - some.spread(part.z[some.labels])
        softplus, sigmoid = logistic(lead)
        weight = share[some.others]
        factor = weight * np.maximum(1, abs(lead)) * some.spread(ulp[some.rows])
        push, of_push = weight * sigmoid, factor * sigmoid + TINY
        np.add.at(losses, some.rows, some.sums(weight * softplus))
        np.add.at(of_losses, some.rows, some.sums(factor * softplus + TINY))
        slopes += np.bincount(some.others, push, len(slopes))
        of_slopes += np.bincount(some.others, of_push, len(slopes))
        slopes[some.labels] -= some.sums(push)
        of_slopes[some.labels] += some.sums(of_push)
    return Answer(losses, of_losses, slopes, of_slopes)


def opponents(part: Logits) -> Array:
    """With whom the labels of an example are compared: known negatives, or all others; bool."""
    known = part.spread(segment_sums(part.negative, part.indptr) > 0)
    compared: Array = np.where(known, part.negative, ~part.positive)
    return compared


class Pairs(NamedTuple):
    """Some labels, and one after the other those that each is compared with.

    Args:
        rows: the example of each label.
        labels: its entry.
        lengths: how many it is compared with.
        others: entries of these, of all labels.
    """

    rows: Array
    labels: Array
    lengths: Array
    others: Array

    def spread(self, of_labels: Array) -> Array:
        """A number of each label for each of its pairs."""
        return np.repeat(of_labels, self.lengths)

    def sums(self, of_pairs: Array) -> Array:
        """The sum over the pairs of each label."""
        return segment_sums(of_pairs, np.append(0, np.cumsum(self.lengths)))


def pairs(part: Logits, compared: Array) -> Iterator[Pairs]:
    """All pairs, those of a few labels at a time."""
    others, labels = np.flatnonzero(compared), np.flatnonzero(part.positive)
    starts = np.searchsorted(others, part.indptr)
    rows = part.spread(np.arange(len(starts) - 1))[labels]
    lengths = np.diff(starts)[rows]
    for some in row_slices(lengths):
        places = places_of_segments(starts[rows[some]], lengths[some])
        yield Pairs(rows[some], labels[some], lengths[some], others[places])


def logistic(v: Array) -> tuple[Array, Array]:
    """softplus(v) = log(1 + exp(v)) and its slope, sigmoid(v)."""
    e = np.exp(-abs(v))
    return np.maximum(v, 0) + np.log1p(e), np.where(v >= 0, 1, e) / (1 + e)


FORMULAS: dict[LossName, Callable[[Logits], Answer]] = {
    "softmax": softmax,
    "bce": bce,
    "saros": saros,
}
