"""The kernel `hash`: the digits of each family, their buckets, and the buckets that are near.

Vectors v are (n, d), their digits (n, L * K). A `place` is a position in the bin of a digit.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.families import DOPH, DWTA, WTA, Binned, Buckets, Family, SimHash
from slide.core.extending import entry

CELLS = 1 << 20  # numbers in a temporary array: some megabytes, as caches like it


class Digits(NamedTuple):
    """What a family says of n vectors, each (n, L * K).

    Args:
        first: the digits.
        second: what each would be if it were another one.
        margins: how far it was from that, f64; infinite where there is no other one.
    """

    first: Array
    second: Array
    margins: Array

    @classmethod
    def alone(cls, first: Array) -> Digits:
        """Digits of which nobody wants to know more."""
        return cls(first, first, np.full(first.shape, np.inf))


def hash_rows(x: Array | CSR, center: Array | None, family: Family, probes: int) -> Array:
    """The kernel `hash` (`slide.core.contract.backend`), `CELLS` numbers at a time."""
    n, width = x.shape
    codes = np.empty((n, family.L, probes), np.uint32)
    at_a_time = max(1, CELLS // max(width, cells_of_a_row(family, probes)))
    for start in range(0, n, at_a_time):
        rows = slice(start, start + at_a_time)
        v = dense_rows(x, rows)[:, : family.d]
        if center is not None:
            v = v - center[: family.d]
        codes[rows] = nearest_buckets(v, family, probes)
    return codes.reshape(n, family.L * probes)


def cells_of_a_row(family: Family, probes: int) -> int:
    """Numbers in the largest temporary array that one vector needs, but for itself."""
    seen = family.positions.shape[1] if isinstance(family, Binned) else 1
    return family.L * max(family.K * seen, len(masks_to_try(family.K, probes)))


def dense_rows(x: Array | CSR, rows: slice) -> Array:
    """Some rows of an array or of a CSR, as an array."""
    return np.asarray(x.to_scipy()[rows].toarray()) if isinstance(x, CSR) else x[rows]


def nearest_buckets(v: Array, family: Family, probes: int) -> Array:
    """The P nearest buckets of each vector in each table, u64 (n, L, P)."""
    digits = digits_of(v, family, probes > 1)
    shape = len(v), family.L, family.K
    first, second, margins = (part.reshape(shape) for part in digits)
    numbers = numbers_of(first, family.buckets)[:, :, None]
    if probes > 1:
        numbers = numbers + changes(first, second, margins, family.buckets, probes)
    return numbers >> np.uint64(family.buckets.dropped_bits)


def digits_of(v: Array, family: Family, probing: bool) -> Digits:
    """The digits, and where `probing` also what else they might have been."""
    return entry(DIGITS, type(family), "hash family", __name__)(v, family, probing)


def dwta(v: Array, family: DWTA, probing: bool) -> Digits:
    """Winners of what is not zero; empty bins borrow."""
    scores = np.where(v == 0, -np.inf, v)
    digits = winners(scores, family.positions, probing)
    borrow(digits, is_filled(scores, family.positions), family)
    return digits


def doph(v: Array, family: DOPH, probing: bool) -> Digits:
    """First places of the set of the largest coordinates; empty bins borrow."""
    chosen = largest(v, family.top)
    scores = np.where(chosen, np.float32(0), np.float32(-np.inf))
    digits = winners(scores, family.positions, probing)
    if probing:
        digits = digits._replace(margins=heights(v, chosen, digits, family.positions))
    borrow(digits, is_filled(scores, family.positions), family)
    return digits


DIGITS: dict[type[Family], Callable[[Array, Any, bool], Digits]] = {
    SimHash: lambda v, family, probing: signs(v @ family.projection, probing),
    WTA: lambda v, family, probing: winners(v, family.positions, probing),
    DWTA: dwta,
    DOPH: doph,
}


def is_filled(scores: Array, positions: Array) -> Array:
    """Whether anything competes in a bin, bool (n, L * K)."""
    return np.asarray((scores > -np.inf)[:, positions].any(axis=2))


def signs(projections: Array, probing: bool) -> Digits:
    """1 for a projection above 0, else 0; the margin is how far from 0 it is."""
    bits = projections > 0
    return (
        Digits(bits, ~bits, np.abs(projections, dtype=np.float64))
        if probing
        else Digits.alone(bits)
    )


def winners(scores: Array, positions: Array, probing: bool) -> Digits:
    """Place of the largest score of each bin, ties to the first; the margin is its lead.

    Places with a score of -inf do not compete for the second place.
    """
    seen = scores[:, positions]  # (n, L * K, m)
    first = seen.argmax(axis=2)
    if not probing:
        return Digits.alone(first)
    best = seen.max(axis=2)
    np.put_along_axis(seen, first[:, :, None], -np.inf, axis=2)
    runner_up = seen.max(axis=2)
    margins = np.full(first.shape, np.inf)
    np.subtract(best, runner_up, dtype=np.float64, out=margins, where=runner_up > -np.inf)
    return Digits(first, seen.argmax(axis=2), margins)


def largest(v: Array, top: int) -> Array:
    """Which coordinates are among the `top` largest above 0, ties to the smaller one, bool."""
    order = np.argsort(-v, axis=1, kind="stable")
    chosen: Array = v > 0
    np.put_along_axis(chosen, order[:, top:], False, axis=1)
    return chosen


def heights(v: Array, chosen: Array, digits: Digits, positions: Array) -> Array:
    """Margins of DOPH: by how much each digit's coordinate exceeds the smallest chosen one."""
    smallest = np.where(chosen, v, np.inf).min(axis=1, keepdims=True)
    coordinates = positions[np.arange(len(positions)), digits.first]
    height = np.take_along_axis(v, coordinates, axis=1).astype(np.float64) - smallest
    return np.where(digits.margins < np.inf, height, np.inf)


def borrow(digits: Digits, filled: Array, family: DWTA | DOPH) -> None:
    """Give each empty bin what its donor has, in place; vectors of empty bins keep their zeros.

    Args:
        digits: of the bins, zeros in empty ones.
        filled: bool (n, L * K), whether anything competed in the bin.
        family: whose bin b asks the bins first[b], first[b] + stride[b], ... one by one.
    """
    rows, bins = np.nonzero(~filled & filled.any(axis=1, keepdims=True))
    donors = family.first[bins]
    while len(asking := np.flatnonzero(~filled[rows, donors])):
        donors[asking] = (donors[asking] + family.stride[bins[asking]]) % len(family.first)
    for part in digits:
        part[rows, bins] = part[rows, donors]


def numbers_of(digits: Array, buckets: Buckets) -> Array:
    """Digits (n, L, K) as one number for each table, u64 (n, L), nothing dropped yet."""
    digits = digits.astype(np.uint64)
    numbers: Array = np.einsum("nlk,lk->nl", digits, buckets.multipliers) + buckets.shifts
    return numbers


def changes(first: Array, second: Array, margins: Array, buckets: Buckets, probes: int) -> Array:
    """What leads from the numbers of the nearest buckets to those of the P nearest.

    Args:
        first: digits (n, L, K).
        second: what each would be otherwise.
        margins: f64, what it takes.
        buckets: whose numbers they are.
        probes: P.

    Returns:
        u64 (n, L, P), to be added modulo 2**64.
    """
    steps = (second.astype(np.uint64) - first.astype(np.uint64)) * buckets.multipliers
    order = margins.argsort(axis=2, kind="stable")
    steps, margins = (np.take_along_axis(part, order, axis=2) for part in (steps, margins))
    masks = masks_to_try(buckets.K, probes)
    distances = np.zeros((*order.shape[:2], len(masks)))
    numbers = np.zeros(distances.shape, np.uint64)
    for rank in range(min(buckets.K, probes - 1)):  # smallest margins first, as is the contract
        changed = (masks >> rank & 1).astype(bool)
        distances[:, :, changed] += margins[:, :, rank, None]
        numbers[:, :, changed] += steps[:, :, rank, None]
    numbers[np.isinf(distances)] = 0  # the nearest bucket again
    nearest = distances.argsort(axis=2, kind="stable")[:, :, :probes]
    found = np.zeros((*order.shape[:2], probes), np.uint64)
    found[:, :, : nearest.shape[2]] = np.take_along_axis(numbers, nearest, axis=2)
    return found


@cache
def masks_to_try(n_digits: int, probes: int) -> Array:
    """Masks that can be among the P nearest, whatever the margins are, ascending.

    Changing fewer digits, or ones with smaller margins, is never further and a smaller mask. So a
    mask comes after all others that have, for every r, at most as many of the bits r and above,
    and is out of the question if these are P or more: of the 2**15 masks of 15 bits 36 remain for
    P = 16. Pruning after each bit loses none, for what comes before a mask that stays, stays.
    """
    masks = np.zeros(1, np.int64)
    for rank in range(min(n_digits, probes - 1)):
        masks = np.append(masks, masks | 1 << rank)
        bits = masks[:, None] >> np.arange(rank, -1, -1) & 1
        above = bits.cumsum(axis=1)  # of the bits r and above, how many
        n_before = (above[:, None] >= above).all(axis=2).sum(axis=1)  # with itself
        masks = masks[n_before <= probes]
    return masks
