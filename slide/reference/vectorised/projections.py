"""Codes of SimHash where projections are rounded: what may be otherwise, and what may not."""

from __future__ import annotations

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.contract.families import SimHash
from slide.reference.vectorised.digits import Digits, cells_of
from slide.reference.vectorised.probing import all_distances, at_cell, nearest, numbers_of
from slide.reference.vectorised.products import dots
from slide.reference.vectorised.verdicts import Verdict, Verdicts, bound_of_sum, is_near


def of_signs(
    codes: Array, x: Array, center: Array | None, family: SimHash, sample: Array, start: int
) -> Verdicts:
    """Codes (n, L, P), of which rounding decides those bits whose projections it reaches."""
    x, r = x.astype(np.float64), family.projection.astype(np.float64)
    c = np.zeros(family.d) if center is None else center.astype(np.float64)
    p, size = (x - c) @ r, abs(x) + abs(c)
    if family.buckets.dropped_bits:
        reach = bound_of_sum(family.d + 1, size @ abs(r))
        yield from folded(codes, p, reach, family, sample, start)
        return
    yield below_all(codes, family.K, start)
    yield bits_near(codes[:, :, 0], p, size, family, start)
    if len(sample):
        reach = bound_of_sum(family.d + 1, size @ abs(r))
        shape = -1, family.K
        own = codes.reshape(-1, codes.shape[2])[sample]
        of_cells = p.reshape(shape)[sample], reach.reshape(shape)[sample]
        yield from distances_near(own, *of_cells, sample // family.L + start)


def below_all(codes: Array, K: int, start: int) -> Verdict:
    """Whether all codes (n, L, P) have no more than K bits."""
    beyond = codes.astype(np.int64) >> K > 0
    if not beyond.any():
        return Verdict()
    i, table, probe = (int(axis[0]) for axis in np.nonzero(beyond))
    where = f"vector {i + start}, table {table}, probe {probe}"
    return Verdict(f"{where} is bucket {codes[i, table, probe]}, expected one below {1 << K}")


def bits_near(codes: Array, p: Array, size: Array, family: SimHash, start: int) -> Verdict:
    """Whether only those bits of the nearest buckets (n, L) are wrong that rounding reaches.

    Args:
        codes: not folded.
        p: f64 (n, L * K), projections.
        size: f64 (n, d), what counts as the magnitude of each coordinate.
        family: whose projections.
        start: the number of the first vector.
    """
    bits = codes[:, :, None] >> np.arange(family.K, dtype=np.uint32) & 1 == 1  # (n, L, K)
    rows, bins = np.nonzero(bits.reshape(p.shape) != (p > 0))
    sizes, _ = dots(size, abs(family.projection.T), rows, bins, exact=True)
    reach = bound_of_sum(family.d + 1, sizes)
    share = abs(p[rows, bins]) / reach
    worst = float(share.max(initial=0.0))
    if worst <= 1:
        return Verdict("", worst)
    first = int((share > 1).argmax())
    i, b = int(rows[first]), int(bins[first])
    where = f"vector {i + start}: bit {b % family.K} of table {b // family.K}"
    given = f"the projection is {p[i, b]:.6g}, 0 within {reach[first]:.3g}"
    return Verdict(f"{where} is {int(p[i, b] <= 0)}, which it may be if {given}", worst)


def distances_near(codes: Array, p: Array, reach: Array, vectors: Array) -> Verdicts:
    """Whether buckets (cells, P) are as near as those of their places have to be.

    A code's distance is the sum of |p| over the bits in which it is not that of the signs of p, so
    it changes by no more than the projections do, and so does the j-th smallest distance.
    """
    n_codes = min(codes.shape[1], 1 << p.shape[1])
    own, padding = codes[:, :n_codes].astype(np.int64), codes[:, n_codes:]
    filling = codes[:, :1].repeat(padding.shape[1], axis=1)
    yield is_near(padding, filling, 0.0, "padding")
    again = (np.diff(np.sort(own, axis=1), axis=1) == 0).any(axis=1)
    if again.any():
        yield Verdict(f"vector {vectors[again.argmax()]} has a bucket twice in one table")
    places = np.arange(p.shape[1])
    flipped = own ^ ((p > 0) @ (1 << places))[:, None]
    found = np.einsum("cpk,ck->cp", (flipped[:, :, None] >> places) & 1, abs(p))
    distances = all_distances(np.sort(abs(p), axis=1)[:, : codes.shape[1] - 1])
    wanted = np.sort(np.partition(distances, n_codes - 1, axis=1)[:, :n_codes], axis=1)
    allowed = 2 * reach.sum(axis=1, keepdims=True)
    share = abs(found - wanted) / allowed
    worst = float(share.max(initial=0.0))
    cell, place = np.unravel_index(int(share.argmax()), share.shape)
    far = f"is at distance {found[cell, place]:.6g}, expected {wanted[cell, place]:.6g}"
    where = f"vector {vectors[cell]}: bucket {codes[cell, place]} of place {place}"
    sentence = f"{where} {far} within {allowed[cell, 0]:.3g}"
    yield Verdict(sentence if worst > 1 else "", worst)


def folded(
    codes: Array, p: Array, reach: Array, family: SimHash, sample: Array, start: int
) -> Verdicts:
    """Codes that do not show their bits: equal where rounding can decide nothing."""
    shape = *codes.shape[:2], family.K
    digits = Digits((p > 0).astype(np.int32), (p <= 0).astype(np.int32), abs(p))
    numbers, drop = numbers_of(digits.first, family.buckets), family.buckets.dropped_bits
    sure = (abs(p) > reach).reshape(shape).all(axis=2)
    want = np.where(sure, numbers >> np.uint64(drop), codes[:, :, 0])
    yield is_near(codes[:, :, 0], want, 0.0, "nearest bucket", (start,))
    if not len(sample):
        return
    own, n_probes = cells_of(digits, family, sample), codes.shape[2]
    far = nearest(own, numbers.ravel()[sample], sample % family.L, family.buckets, n_probes)
    found = codes.reshape(-1, n_probes)[sample]
    distances = all_distances(np.sort(own.margins, axis=1)[:, :n_probes])
    gaps = np.diff(np.sort(distances, axis=1)[:, : n_probes + 1], axis=1).min(axis=1)
    decided = sure.ravel()[sample] & (gaps > 2 * reach.reshape(-1, family.K)[sample].sum(axis=1))
    yield at_cell(found, np.where(decided[:, None], far, found), sample, family.L, start)
