"""The kernel `hash`: the digits of each family, and from them buckets.

A compiled function for each family writes what it knows of one vector's digits into three rows of
L * K numbers: the digits, what each would be if it were another one, and how far it was from that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from slide.backends.threads.compiling import Number, call_compiled, compiled
from slide.backends.threads.pool import Pool
from slide.core.contract.arrays import CSR, Array
from slide.core.contract.families import DOPH, DWTA, WTA, Buckets, Family, SimHash
from slide.core.extending import entry

ROWS = 512  # of a block of a BLAS product
GRAIN = 32  # vectors
INFINITY = np.inf


def hash_rows(
    pool: Pool, x: Array | CSR, center: Array | None, family: Family, probes: int = 1
) -> Array:
    """The P nearest buckets of every row in each table, u32 (n, L * P)."""
    n = x.shape[0]
    codes = np.empty((n, family.L * probes), np.uint32)
    middle = np.zeros(family.d, np.float32) if center is None else center[: family.d]
    hasher = entry(HASHERS, type(family), "hash family", __name__)
    hasher(pool, x, middle, center is not None, family, probes, codes)
    return codes


def layout_of(x: Array | CSR) -> tuple[Array, Array, Array, Array, bool]:
    """Rows as the compiled functions take them: (dense, indptr, indices, values, is_sparse)."""
    if isinstance(x, CSR):
        return np.zeros((0, 0), np.float32), x.indptr, x.indices, x.values, True
    return x, np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32), False


def parts_of(buckets: Buckets) -> tuple[Array, Array, int]:
    """Bucket arithmetic as the compiled functions take it."""
    return buckets.multipliers, buckets.shifts, buckets.dropped_bits


def hash_bins(
    pool: Pool,
    x: Array | CSR,
    middle: Array,
    is_centred: bool,
    family: WTA | DWTA | DOPH,
    probes: int,
    codes: Array,
) -> None:
    """WTA, DWTA and DOPH: each row in turn."""
    layout = *layout_of(x), middle
    arithmetic = parts_of(family.buckets)
    pool.spread(
        hash_winners, len(codes), *layout, *bins_of(family), *arithmetic, codes, grain=GRAIN
    )


def bins_of(family: WTA | DWTA | DOPH) -> tuple[Array, Array, Array, int, bool]:
    """Positions, first donors, strides, the size of the set of DOPH or 0, whether bins borrow."""
    match family:
        case WTA():
            no_bins = np.zeros(0, np.int32)
            return family.positions, no_bins, no_bins, 0, False
        case DWTA():
            return family.positions, family.first, family.stride, 0, True
        case DOPH():
            return family.positions, family.first, family.stride, family.top, True


def hash_signs(
    pool: Pool,
    x: Array | CSR,
    middle: Array,
    is_centred: bool,
    family: SimHash,
    probes: int,
    codes: Array,
) -> None:
    """SimHash: one BLAS product a block of rows, or for a CSR sums of rows of the projection."""
    arithmetic = parts_of(family.buckets)
    projection = np.ascontiguousarray(family.projection)

    def block(start: int, stop: int) -> None:
        if isinstance(x, CSR):
            projections = np.empty((stop - start, projection.shape[1]), np.float32)
            arguments = x.indptr, x.indices, x.values, projection, projections
            call_compiled(project, start, stop, *arguments)
            if is_centred:
                projections -= middle @ projection
        else:
            v = x[start:stop, : family.d]
            projections = (v - middle if is_centred else v) @ projection
        call_compiled(buckets_of_signs, projections, *arithmetic, codes[start:stop])

    pool.blocks(block, len(codes), ROWS)


HASHERS: dict[type[Family], Callable[[Pool, Array | CSR, Array, bool, Any, int, Array], None]] = {
    SimHash: hash_signs,
    WTA: hash_bins,
    DWTA: hash_bins,
    DOPH: hash_bins,
}


@compiled
def project(
    start: int,
    stop: int,
    indptr: Array,
    indices: Array,
    values: Array,
    projection: Array,
    out: Array,
) -> None:
    """out = x @ projection for rows of a CSR; columns that the projection lacks do not count."""
    out[:] = 0
    for i in range(start, stop):
        for e in range(indptr[i], indptr[i + 1]):
            if indices[e] < len(projection):
                row = projection[indices[e]]
                for j in range(len(row)):
                    out[i - start, j] += values[e] * row[j]


@compiled
def buckets_of_signs(
    projections: Array, multipliers: Array, shifts: Array, dropped: int, codes: Array
) -> None:
    """Sign bits to buckets."""
    L, K = multipliers.shape
    probes = codes.shape[1] // L
    first, second = np.empty(L * K, np.int32), np.empty(L * K, np.int32)
    margins = np.empty(L * K, np.float64)
    for i in range(len(projections)):
        if probes == 1:
            for table in range(L):
                number = shifts[table]
                for k in range(K):
                    if projections[i, table * K + k] > 0:
                        number += multipliers[table, k]
                codes[i, table] = number >> np.uint64(dropped)
            continue
        for b in range(L * K):
            first[b] = projections[i, b] > 0
            second[b] = 1 - first[b]
            margins[b] = abs(np.float64(projections[i, b]))
        nearest_buckets(first, second, margins, multipliers, shifts, dropped, codes[i])


@compiled
def hash_winners(
    start: int,
    stop: int,
    x: Array,
    indptr: Array,
    indices: Array,
    values: Array,
    is_sparse: bool,
    middle: Array,
    positions: Array,
    donors: Array,
    strides: Array,
    top: int,
    borrows: bool,
    multipliers: Array,
    shifts: Array,
    dropped: int,
    codes: Array,
) -> None:
    """WTA, DWTA and DOPH: each row in turn."""
    d, n_bins = len(middle), len(positions)
    v, scores = np.empty(d, np.float32), np.empty(d, np.float32)
    first, second = np.empty(n_bins, np.int32), np.empty(n_bins, np.int32)
    margins, filled = np.empty(n_bins, np.float64), np.empty(n_bins, np.bool_)
    for i in range(start, stop):
        if is_sparse:
            v[:] = 0
            for e in range(indptr[i], indptr[i + 1]):
                if indices[e] < d:
                    v[indices[e]] = values[e]
        else:
            v[:] = x[i, :d]
        for c in range(d):
            v[c] -= middle[c]
        smallest = competitors(v, scores, top, borrows)
        for b in range(n_bins):
            filled[b] = winners(scores, positions[b], b, first, second, margins)
            if top > 0 and margins[b] < INFINITY:
                margins[b] = np.float64(v[positions[b, first[b]]]) - smallest
        if borrows:
            borrow(first, second, margins, filled, donors, strides)
        nearest_buckets(first, second, margins, multipliers, shifts, dropped, codes[i])


@compiled
def competitors(v: Array, scores: Array, top: int, is_densified: bool) -> Number:
    """Write what each coordinate competes with, -inf where it does not.

    WTA: its value. DWTA: the same, but zeros do not compete. DOPH: 0 for the `top` largest ones
    above 0, ties to the smaller coordinate.

    Returns:
        The smallest value that belongs to the set of DOPH.
    """
    if top == 0:
        for c in range(len(v)):
            scores[c] = -INFINITY if is_densified and v[c] == 0 else v[c]
        return 0.0
    positive = v[v > 0]
    smallest, n_ties = np.float32(0), len(positive)
    if len(positive) > top:
        positive.sort()
        smallest = positive[len(positive) - top]
        n_ties = top - np.sum(positive > smallest)
    elif len(positive) > 0:
        smallest = positive.min()
    for c in range(len(v)):
        is_tie = v[c] == smallest and v[c] > 0 and n_ties > 0
        n_ties -= is_tie
        scores[c] = 0 if is_tie or v[c] > smallest else -INFINITY
    return smallest


@compiled
def winners(
    scores: Array, bin_positions: Array, b: int, first: Array, second: Array, margins: Array
) -> bool:
    """Write the digit of bin b: the places of its largest and second largest score.

    Returns:
        Whether anything competed.
    """
    best, runner_up = -1, -1
    for place in range(len(bin_positions)):
        score = scores[bin_positions[place]]
        if score == -INFINITY:
            continue
        if best < 0 or score > scores[bin_positions[best]]:
            best, runner_up = place, best
        elif runner_up < 0 or score > scores[bin_positions[runner_up]]:
            runner_up = place
    first[b], second[b], margins[b] = max(best, 0), max(runner_up, 0), INFINITY
    if runner_up >= 0:
        lead = np.float64(scores[bin_positions[best]])
        margins[b] = lead - np.float64(scores[bin_positions[runner_up]])
    return best >= 0


@compiled
def borrow(
    first: Array, second: Array, margins: Array, filled: Array, donors: Array, strides: Array
) -> None:
    """Give each empty bin what its donor has; if all are empty they keep their zeros."""
    if not filled.any():
        return
    for b in range(len(first)):
        if not filled[b]:
            donor = donors[b]
            while not filled[donor]:
                donor = (donor + strides[b]) % len(first)
            first[b], second[b], margins[b] = first[donor], second[donor], margins[donor]


@compiled
def nearest_buckets(
    first: Array,
    second: Array,
    margins: Array,
    multipliers: Array,
    shifts: Array,
    dropped: int,
    codes: Array,
) -> None:
    """The P nearest buckets of one vector in each table, nearest first: codes (L * P,)."""
    L, K = multipliers.shape
    probes = len(codes) // L
    distances, numbers = np.empty(2 * probes), np.empty(2 * probes, np.uint64)
    for table in range(L):
        number = shifts[table]
        for b in range(K):
            number += np.uint64(first[table * K + b]) * multipliers[table, b]
        if probes == 1:
            codes[table] = number >> np.uint64(dropped)
            continue
        distances[0], numbers[0], n_found = 0.0, number, 1
        own = margins[table * K : (table + 1) * K]
        order = np.argsort(own, kind="mergesort")
        for rank in range(min(K, probes - 1)):
            b = order[rank]
            if own[b] == INFINITY:
                break
            change = np.uint64(second[table * K + b]) - np.uint64(first[table * K + b])
            step = change * multipliers[table, b]
            n_found = with_one_more(distances, numbers, n_found, own[b], step, probes)
        for p in range(probes):
            codes[table * probes + p] = numbers[p if p < n_found else 0] >> np.uint64(dropped)


@compiled
def with_one_more(
    distances: Array, numbers: Array, n_found: int, margin: Number, step: Number, probes: int
) -> int:
    """Let all buckets found so far compete with the same ones after one more digit's change.

    Both halves ascend, and of equals the one without the change has the smaller mask, so that a
    merge keeps the order of the contract. Whoever is not among the P nearest now is never again:
    those before it stay before it whatever is changed next.

    Returns:
        How many there are now, at most P.
    """
    old, old_numbers = distances[:n_found].copy(), numbers[:n_found].copy()
    n_now = min(2 * n_found, probes)
    i, j = 0, 0
    for place in range(n_now):
        if i < n_found and (j == n_found or old[i] <= old[j] + margin):
            distances[place], numbers[place] = old[i], old_numbers[i]
            i += 1
        else:
            distances[place], numbers[place] = old[j] + margin, old_numbers[j] + step
            j += 1
    return n_now
