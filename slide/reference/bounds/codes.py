"""Codes: integers that rounding may change only where it is a near thing.

Rounding enters SimHash alone, through its projections. Buckets that are not folded show the bits;
folded ones are only tried where projections are exact.
"""

from __future__ import annotations

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.families import Family, SimHash
from slide.reference import plain
from slide.reference.bounds.comparing import EPS, TINY, difference
from slide.reference.plain.rows import densed


def hash_difference(
    got: Array, x: Array | CSR, center: Array | None, family: Family, probes: int
) -> str:
    """The first bucket that is wrong; SimHash may decide otherwise where rounding reaches."""
    if not isinstance(family, SimHash) or family.buckets.dropped_bits:
        return difference(got, plain.hash(x, center, family, probes))
    if got.shape != (n_rows := x.shape[0], family.L * probes):
        return f"result has shape {got.shape}, expected {(n_rows, family.L * probes)}"
    p, reach = projections_within(densed(x), center, family)
    codes = got.reshape(n_rows, family.L, probes)
    return nearest_difference(codes[:, :, 0], p, reach) or probes_difference(codes, p, reach)


def projections_within(x: Array, center: Array | None, family: SimHash) -> tuple[Array, Array]:
    """Projections in float64 and how far those in float32 may be from them, each (n, L, K)."""
    d, shape = family.d, (len(x), family.L, family.K)
    x, r = x[:, :d].astype(np.float64), family.projection.astype(np.float64)
    c = np.zeros(d) if center is None else center[:d].astype(np.float64)
    reach = (d + 1) * EPS * ((abs(x) + abs(c)) @ abs(r)) + TINY
    return ((x - c) @ r).reshape(shape), reach.reshape(shape)


def nearest_difference(codes: Array, p: Array, reach: Array) -> str:
    """The first code (n, L) with a wrong bit whose projection is further from 0 than its reach."""
    digits = 1 << np.arange(p.shape[2])
    excused = ((abs(p) <= reach) @ digits).astype(np.uint32)
    want = ((p > 0) @ digits).astype(np.uint32)
    return difference(codes & ~excused, want & ~excused, name="nearest bucket, sure bits")


def probes_difference(codes: Array, p: Array, reach: Array) -> str:
    """The first of the codes (n, L, P) that is too near or too far to have its place.

    A code's distance is the sum of |p| over the bits in which it is not that of the signs of p, so
    it changes by no more than the projections do, and so does the j-th smallest distance.
    """
    K, n_probes = p.shape[2], codes.shape[2]
    n_codes = min(n_probes, 2**K)
    if sentence := difference(
        codes[:, :, n_codes:], codes[:, :, :1].repeat(n_probes - n_codes, axis=2), name="padding"
    ):
        return sentence
    if n_codes == 1:
        return ""
    bits = np.arange(2**K)[:, None] >> np.arange(K) & 1 == 1  # (2**K, K)
    distances = (abs(p)[:, :, None] * (bits != (p > 0)[:, :, None])).sum(axis=3)
    own = np.take_along_axis(distances, codes[:, :, :n_codes].astype(np.int64), axis=2)
    wanted = np.sort(distances, axis=2)[:, :, :n_codes]
    repeated = np.diff(np.sort(codes[:, :, :n_codes], axis=2), axis=2) == 0
    if repeated.any():
        return f"vector {np.argwhere(repeated)[0, 0]} has a bucket twice"
    allowed = np.broadcast_to(2 * reach.sum(axis=2, keepdims=True), own.shape)
    return difference(own, wanted, allowed, "distance")
