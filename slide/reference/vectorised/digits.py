"""The digits of every family, a place of all bins at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.families import DOPH, DWTA, WTA, Family
from slide.core.extending import entry
from slide.reference.vectorised.segments import some_rows


class Digits(NamedTuple):
    """What a family says of some vectors, each (n, L * K).

    Args:
        first: the digits.
        second: what each is otherwise.
        margins: how far it is from that, f64; infinite where there is nothing else.
    """

    first: Array
    second: Array
    margins: Array


def cells_of(digits: Digits, family: Family, sample: Array) -> Digits:
    """The digits of some cells (row * L + table), each (cells, K)."""
    shape = len(digits.first) * family.L, family.K
    return Digits(*(part.reshape(shape)[sample] for part in digits))


def dense_rows(x: Array | CSR, rows: slice) -> Array:
    """Some rows, as an array."""
    if not isinstance(x, CSR):
        return x[rows]
    part = some_rows(x, rows)
    dense = np.zeros(part.shape, x.values.dtype)
    dense[part.row_numbers(), part.indices] = part.values
    return dense


def digits_of(v: Array, family: Family) -> Digits:
    """Of all families but SimHash, whose digits may be rounded.

    Args:
        v: f32 (n, d).
        family: whose digits.
    """
    return entry(DIGITS, type(family), "hash family", __name__)(v, family)


def dwta(v: Array, family: DWTA) -> Digits:
    """Zeros do not compete; empty bins borrow."""
    scores = np.where(v == 0, np.float32(-np.inf), v)
    return borrowed(best_two(scores, family.positions), family)


def doph(v: Array, family: DOPH) -> Digits:
    """First places of the set of the largest coordinates; empty bins borrow."""
    return borrowed(first_two(v, members(v, family.top), family.positions), family)


DIGITS: dict[type[Family], Callable[[Array, Any], Digits]] = {
    WTA: lambda v, family: best_two(v, family.positions),
    DWTA: dwta,
    DOPH: doph,
}


def best_two(scores: Array, positions: Array) -> Digits:
    """Places of the largest and the second largest of each bin; margin -1 where there is none."""
    shape = len(scores), len(positions)
    first, second = np.zeros((2, *shape), np.int32)
    best, runner_up = np.full((2, *shape), -np.inf, np.float32)
    for place, coordinates in enumerate(positions.T):
        s = scores[:, coordinates]
        leads = s > best
        follows = ~leads & (s > runner_up)
        second = np.where(leads, first, np.where(follows, place, second))
        runner_up = np.where(leads, best, np.where(follows, s, runner_up))
        first, best = np.where(leads, place, first), np.where(leads, s, best)
    alone = runner_up == -np.inf
    with np.errstate(invalid="ignore"):  # inf - inf in an empty bin
        margins = np.where(alone, np.inf, best.astype(np.float64) - runner_up)
    margins[best == -np.inf] = -1.0
    return Digits(first, np.where(alone, first, second), margins)


def members(v: Array, top: int) -> Array:
    """The `top` largest coordinates above 0, ties to the smaller coordinate, bool (n, d)."""
    d = v.shape[1]
    positive = np.maximum(v, 0)
    if top >= d:
        return positive > 0
    bar = np.partition(positive, d - top, axis=1)[:, d - top, None]
    above = positive > bar
    tied = (positive == bar) & (bar > 0)
    room = top - above.sum(axis=1, keepdims=True)
    chosen: Array = above | tied & (np.cumsum(tied, axis=1) <= room)
    return chosen


def first_two(v: Array, chosen: Array, positions: Array) -> Digits:
    """The first and the second place of each bin that belong to a set; margin -1 without any."""
    shape = len(v), len(positions)
    first, second = np.full((2, *shape), -1, np.int32)
    height = np.zeros(shape, np.float32)
    for place, coordinates in enumerate(positions.T):
        belongs = chosen[:, coordinates]
        starts, follows = belongs & (first < 0), belongs & (first >= 0) & (second < 0)
        second[follows] = place
        first[starts] = place
        height[starts] = v[:, coordinates][starts]
    smallest = np.min(v, axis=1, where=chosen, initial=np.inf, keepdims=True).astype(np.float64)
    with np.errstate(invalid="ignore"):
        margins = np.where(second < 0, np.inf, height - smallest)
    margins[first < 0] = -1.0
    return Digits(np.maximum(first, 0), np.where(second < 0, np.maximum(first, 0), second), margins)


def borrowed(digits: Digits, family: DWTA | DOPH) -> Digits:
    """Each empty bin with what the first bin that is not empty has, of those that it asks."""
    filled = digits.margins >= 0
    rows, bins = np.nonzero(~filled & filled.any(axis=1, keepdims=True))
    digits.margins[~filled] = np.inf
    n_bins, donors = len(family.first), family.first[bins].astype(np.int64)
    asking = np.arange(len(rows))
    while len(asking := asking[~filled[rows[asking], donors[asking]]]):
        donors[asking] = (donors[asking] + family.stride[bins[asking]]) % n_bins
    for part in digits:
        part[rows, bins] = part[rows, donors]
    return digits
