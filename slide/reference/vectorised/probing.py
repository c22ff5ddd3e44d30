"""Buckets of digits, and those that are near: all masks of digits are tried."""

from __future__ import annotations

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.contract.families import Buckets
from slide.reference.vectorised.digits import Digits
from slide.reference.vectorised.verdicts import Verdict


def numbers_of(digits: Array, buckets: Buckets) -> Array:
    """Digits (n, L * K) as one number for each table, u64 (n, L), nothing dropped yet."""
    shape = len(digits), buckets.L, buckets.K
    of_digits = digits.reshape(shape).astype(np.uint64) * buckets.multipliers
    numbers: Array = of_digits.sum(axis=2, dtype=np.uint64) + buckets.shifts
    return numbers


def nearest(own: Digits, numbers: Array, tables: Array, buckets: Buckets, probes: int) -> Array:
    """The P nearest buckets of some cells.

    Args:
        own: digits (cells, K).
        numbers: u64 (cells,), of the nearest bucket, nothing dropped yet.
        tables: of each cell.
        buckets: the arithmetic.
        probes: P.

    Returns:
        u64 (cells, P).
    """
    order = np.argsort(own.margins, axis=1, kind="stable")[:, : probes - 1]  # see all_distances
    steps = own.second.astype(np.uint64) - own.first.astype(np.uint64)
    steps = np.take_along_axis(steps * buckets.multipliers[tables], order, axis=1)
    distances = all_distances(np.take_along_axis(own.margins, order, axis=1))
    reached = smallest(distances, min(probes, distances.shape[1]))
    found = np.take_along_axis(all_distances(steps), reached, axis=1)
    found[np.isinf(np.take_along_axis(distances, reached, axis=1))] = 0
    found = np.pad(found, ((0, 0), (0, probes - found.shape[1])))
    places: Array = (numbers[:, None] + found) >> np.uint64(buckets.dropped_bits)
    return places


def all_distances(margins: Array) -> Array:
    """For each mask the sum of the margins (cells, ranks) at its bits, added from the first on.

    P - 1 ranks are enough for the P nearest: a mask with the bit of a later one comes after the
    empty mask and after those of a single bit before it, which are P or more.
    """
    cells, n_ranks = margins.shape
    total = np.zeros((cells, 1 << n_ranks), margins.dtype)
    for rank in range(
        n_ranks
    ):  # masks of rank + 1 bits: those without the last one, and then with it
        low, high = slice(0, 1 << rank), slice(1 << rank, 2 << rank)
        np.add(total[:, low], margins[:, rank, None], out=total[:, high])
    return total


def smallest(distances: Array, count: int) -> Array:
    """Where the `count` smallest of each row are, ascending, ties to the first."""
    if distances.shape[1] <= 4 * count:
        return np.argsort(distances, axis=1, kind="stable")[:, :count]
    bar = np.partition(distances, count - 1, axis=1)[:, count - 1, None]
    rows, masks = np.nonzero(distances <= bar)
    order = np.lexsort((masks, distances[rows, masks], rows))
    rows, masks = rows[order], masks[order]
    begins = np.searchsorted(rows, np.arange(len(distances)))
    chosen: Array = masks[begins[:, None] + np.arange(count)]
    return chosen


def at_cell(got: Array, want: Array, sample: Array, L: int, start: int) -> Verdict:
    """The first of some cells with a bucket that is wrong."""
    wrong = got != want
    if not wrong.any():
        return Verdict()
    cell, probe = (int(axis[0]) for axis in np.nonzero(wrong))
    i, table = divmod(int(sample[cell]), L)
    where = f"vector {i + start}, table {table}, probe {probe}"
    return Verdict(f"{where} is bucket {got[cell, probe]}, expected {want[cell, probe]}")
