"""Codes, a digit at a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.families import DOPH, DWTA, WTA, Buckets, Family, SimHash
from slide.core.extending import entry
from slide.reference.plain.rows import densed, dot

Choice = tuple[int, int, float]
"""A digit, what it would be otherwise, and its margin."""


def hash(x: Array | CSR, center: Array | None, family: Family, probes: int = 1) -> Array:
    """A list of buckets for every row, table after table."""
    rows = densed(x) if center is None else densed(x) - center
    lists = [buckets_of(v[: family.d], family, probes) for v in rows]
    return np.array(lists, np.uint32).reshape(len(lists), family.L * probes)


def buckets_of(v: Array, family: Family, probes: int) -> list[int]:
    """The `probes` nearest buckets of one vector in each table."""
    found = []
    for table in range(family.L):
        choices = [choice(v, family, table * family.K + k) for k in range(family.K)]
        digits = nearest(choices, probes) if probes > 1 else [[first for first, _, _ in choices]]
        found += [bucket(row, family.buckets, table) for row in digits]
    return found


def nearest(choices: list[Choice], probes: int) -> list[list[int]]:
    """Rows of digits, nearest first: every mask is tried."""
    by_margin = sorted(range(len(choices)), key=lambda k: (choices[k][2], k))
    reached = []
    for mask in range(2 ** len(choices)):
        digits, distance = [first for first, _, _ in choices], 0.0
        for r, k in enumerate(by_margin):
            if mask >> r & 1:
                _, digits[k], margin = choices[k]
                distance += margin
        if distance < math.inf:
            reached.append((distance, mask, digits))
    rows = [digits for _, _, digits in sorted(reached)[:probes]]
    return rows + rows[:1] * (probes - len(rows))


def bucket(digits: list[int], buckets: Buckets, table: int) -> int:
    """The bucket of one table's digits."""
    number = int(buckets.shifts[table])
    for digit, multiplier in zip(digits, buckets.multipliers[table].tolist(), strict=True):
        number += digit * multiplier
    return number % 2**64 >> buckets.dropped_bits


def choice(v: Array, family: Family, b: int) -> Choice:
    """Digit b of one vector."""
    return entry(CHOICES, type(family), "hash family", __name__)(v, family, b)


def sign(v: Array, family: SimHash, b: int) -> Choice:
    """Whether a projection is above 0."""
    p = dot(v, family.projection[:, b])
    return int(p > 0), int(p <= 0), abs(p)


def borrowed(v: Array, family: DWTA | DOPH, b: int) -> Choice:
    """The digit of bin b, or of the first bin it asks that is not empty."""
    n_bins = len(family.first)
    asked = [(int(family.first[b]) + t * int(family.stride[b])) % n_bins for t in range(n_bins)]
    for donor in [b, *asked]:
        own = of_bin(v.tolist(), family, family.positions[donor].tolist())
        if own:
            return own
    return 0, 0, math.inf


CHOICES: dict[type[Family], Callable[[Array, Any, int], Choice]] = {
    SimHash: sign,
    WTA: lambda v, family, b: best_two(v[family.positions[b]].tolist()),
    DWTA: borrowed,
    DOPH: borrowed,
}


def of_bin(v: list[float], family: DWTA | DOPH, positions: list[int]) -> Choice | None:
    """The digit of one bin; None where it is empty."""
    if isinstance(family, DWTA):
        scores = [v[j] if v[j] != 0 else -math.inf for j in positions]
        return best_two(scores) if max(scores) > -math.inf else None
    positive = [j for j in range(len(v)) if v[j] > 0]
    members = sorted(positive, key=lambda j: (-v[j], j))[: family.top]
    places = [place for place, j in enumerate(positions) if j in members]
    if not places:
        return None
    if len(places) == 1:
        return places[0], places[0], math.inf
    return places[0], places[1], v[positions[places[0]]] - v[members[-1]]


def best_two(scores: list[float]) -> Choice:
    """Places of the largest and the second largest score, and their difference."""
    first, *others = sorted(range(len(scores)), key=lambda place: (-scores[place], place))
    if not others or scores[others[0]] == -math.inf:
        return first, first, math.inf
    return first, others[0], scores[first] - scores[others[0]]
