"""The kernel `hash`: digits of some vectors at a time, their buckets, and the buckets near them.

Vectors v are (n, d), digits (n, L * K); `m` places are in the bin of a digit.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from slide.backends.gpu.device import Device
from slide.core.contract.arrays import CSR, Array
from slide.core.contract.families import DOPH, DWTA, WTA, Binned, Buckets, Family, SimHash
from slide.core.extending import entry

CELLS = 1 << 23  # numbers in a temporary array, of which there are some


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


def hash_rows(
    device: Device, x: Array | CSR, center: Array | None, family: Family, probes: int = 1
) -> Array:
    """The kernel, so many rows at a time as `CELLS` allows."""
    xp = device.xp
    n, width = x.shape
    codes = xp.zeros((n, family.L, probes), np.uint32)
    m = family.positions.shape[1] if isinstance(family, Binned) else 1
    widest = max(width, family.L * max(family.K * m, len(likely_masks(family.K, probes))))
    at_a_time = max(1, CELLS // max(widest, 1))
    for start in range(0, n, at_a_time):
        stop = min(start + at_a_time, n)
        v = dense_rows(xp, x, start, stop)[:, : family.d]
        if center is not None:
            v = v - center[: family.d]
        codes[start:stop] = buckets_of(xp, v, family, probes)
    flat: Array = codes.reshape(n, family.L * probes)
    return flat


def dense_rows(xp: Any, x: Array | CSR, start: int, stop: int) -> Array:
    """Some rows as an array."""
    if not isinstance(x, CSR):
        return x[start:stop]
    part = slice(int(x.indptr[start]), int(x.indptr[stop]))
    dense: Array = xp.zeros((stop - start, x.n_cols), np.float32)
    dense[x.row_numbers()[part] - start, x.indices[part]] = x.values[part]
    return dense


def buckets_of(xp: Any, v: Array, family: Family, probes: int) -> Array:
    """The P nearest buckets of each vector in each table: u64 (n, L, P)."""
    shape = len(v), family.L, family.K
    first, second, margins = (part.reshape(shape) for part in digits_of(xp, v, family))
    buckets = family.buckets
    numbers = xp.zeros(shape[:2], np.uint64) + buckets.shifts
    for k in range(family.K):
        numbers += first[:, :, k].astype(np.uint64) * buckets.multipliers[:, k]
    numbers = numbers[:, :, None] + changes(xp, first, second, margins, buckets, probes)
    near: Array = numbers >> np.uint64(buckets.dropped_bits)
    return near


def digits_of(xp: Any, v: Array, family: Family) -> Digits:
    """The digits of a family, and what else they might have been."""
    return entry(DIGITS, type(family), "hash family", __name__)(xp, v, family)


def signs(xp: Any, v: Array, family: SimHash) -> Digits:
    """1 for a projection above 0, else 0; the margin is how far from 0 it is."""
    projections = v @ family.projection
    bits = projections > 0
    return Digits(bits, ~bits, abs(projections.astype(np.float64)))


def dwta(xp: Any, v: Array, family: DWTA) -> Digits:
    """Winners of what is not zero; empty bins borrow."""
    scores = xp.where(v == 0, np.float32(-np.inf), v)
    digits = winners(xp, scores, family.positions)
    borrow(xp, digits, is_filled(scores, family.positions), family)
    return digits


def doph(xp: Any, v: Array, family: DOPH) -> Digits:
    """First places of the set of the largest coordinates; empty bins borrow."""
    chosen = largest(xp, v, family.top)
    scores = xp.where(chosen, np.float32(0), np.float32(-np.inf))
    digits = winners(xp, scores, family.positions)
    digits = digits._replace(margins=heights(xp, v, chosen, digits, family.positions))
    borrow(xp, digits, is_filled(scores, family.positions), family)
    return digits


DIGITS: dict[type[Family], Callable[[Any, Array, Any], Digits]] = {
    SimHash: signs,
    WTA: lambda xp, v, family: winners(xp, v, family.positions),
    DWTA: dwta,
    DOPH: doph,
}


def is_filled(scores: Any, positions: Array) -> Array:
    """Whether anything competes in a bin, bool (n, L * K)."""
    filled: Array = (scores > -np.inf)[:, positions].any(axis=2)
    return filled


def winners(xp: Any, scores: Array, positions: Array) -> Digits:
    """Place of the largest score of each bin, ties to the first; the margin is its lead.

    Places with a score of -inf do not compete for the second place.
    """
    seen = scores[:, positions]  # (n, L * K, m)
    first = seen.argmax(axis=2)
    best = seen.max(axis=2)
    is_first = xp.arange(seen.shape[2]) == first[:, :, None]
    seen = xp.where(is_first, np.float32(-np.inf), seen)
    runner_up = seen.max(axis=2)
    lead = best.astype(np.float64) - runner_up.astype(np.float64)
    return Digits(first, seen.argmax(axis=2), xp.where(runner_up > -np.inf, lead, np.inf))


def largest(xp: Any, v: Array, top: int) -> Array:
    """Which coordinates are among the `top` largest above 0, ties to the smaller one, bool."""
    ranks = xp.argsort(xp.argsort(-v, axis=1), axis=1)  # the inverse of an order is an order
    chosen: Array = (v > 0) & (ranks < top)
    return chosen


def heights(xp: Any, v: Array, chosen: Array, digits: Digits, positions: Array) -> Array:
    """Margins of DOPH: by how much each digit's coordinate exceeds the smallest chosen one."""
    smallest = xp.where(chosen, v, np.float32(np.inf)).min(axis=1)[:, None]
    coordinates = positions[xp.arange(len(positions)), digits.first]
    height = xp.take_along_axis(v, coordinates, axis=1).astype(np.float64) - smallest
    margins: Array = xp.where(digits.margins < np.inf, height, np.inf)
    return margins


def borrow(xp: Any, digits: Digits, is_filled: Array, family: DWTA | DOPH) -> None:
    """Give each empty bin what its donor has, in place; vectors of empty bins keep their zeros.

    Args:
        xp: array module.
        digits: of the bins, zeros in empty ones.
        is_filled: bool (n, L * K), whether anything competed in the bin.
        family: whose bin b asks the bins first[b], first[b] + stride[b], ... one by one.
    """
    rows, bins = xp.nonzero(~is_filled & is_filled.any(axis=1).reshape(-1, 1))
    donors = family.first[bins]
    while len(asking := xp.flatnonzero(~is_filled[rows, donors])):
        donors[asking] = (donors[asking] + family.stride[bins[asking]]) % len(family.first)
    for part in digits:
        part[rows, bins] = part[rows, donors]


def changes(
    xp: Any, first: Array, second: Array, margins: Array, buckets: Buckets, probes: int
) -> Array:
    """What leads from the numbers of the nearest buckets to those of the P nearest.

    Args:
        xp: array module.
        first: digits (n, L, K).
        second: what each would be otherwise.
        margins: f64, what it takes.
        buckets: whose numbers they are.
        probes: P.

    Returns:
        u64 (n, L, P), to be added modulo 2**64.
    """
    n, L, K = first.shape
    found: Array = xp.zeros((n, L, probes), np.uint64)
    if probes == 1:
        return found
    steps = (second.astype(np.uint64) - first.astype(np.uint64)) * buckets.multipliers
    order = xp.argsort(margins, axis=2)
    steps = xp.take_along_axis(steps, order, axis=2)
    margins = xp.take_along_axis(margins, order, axis=2)
    masks = likely_masks(K, probes)
    distances = xp.zeros((n, L, len(masks)), np.float64)
    numbers = xp.zeros(distances.shape, np.uint64)
    for place, mask in enumerate(masks):
        for rank in range(mask.bit_length()):  # smallest margins first, as is the contract
            if mask >> rank & 1:
                distances[:, :, place] += margins[:, :, rank]
                numbers[:, :, place] += steps[:, :, rank]
    numbers = xp.where(distances < np.inf, numbers, np.uint64(0))  # the nearest bucket again
    nearest = xp.argsort(distances, axis=2)[:, :, :probes]
    found[:, :, : nearest.shape[2]] = xp.take_along_axis(numbers, nearest, axis=2)
    return found


@cache
def likely_masks(n_digits: int, probes: int) -> tuple[int, ...]:
    """Masks that can be among the P nearest, whatever the margins are, ascending.

    Changing fewer digits, or ones of smaller margins, is never further and a smaller mask: a mask
    is out of the question if P others or more come before it in this sense. With one bit more each
    time, none is lost, for what comes before a mask that stays, stays.
    """
    masks = [0]
    for rank in range(min(n_digits, probes - 1)):
        masks += [mask | 1 << rank for mask in masks]
        masks = [a for a in masks if sum(is_nearer(b, a, rank) for b in masks) <= probes]
    return tuple(masks)


def is_nearer(one: int, other: int, rank: int) -> bool:
    """Whether `one` has, for every r, at most as many of the bits r to `rank` as the other."""
    return all((one >> r).bit_count() <= (other >> r).bit_count() for r in range(rank + 1))
