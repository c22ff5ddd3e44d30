"""Arguments of the kernel that hashes."""

from __future__ import annotations

from typing import Any

import numpy as np

from slide.core.arrays import CSR, Array
from slide.core.families import DOPH, DWTA, HASH_NAMES, WTA, Buckets, Family, SimHash
from slide.core.families import draw_borrowing as borrowing
from slide.reference.cases.drawing import Draw
from slide.reference.cases.sizes import Sizes, stack


def hash_arguments(draw: Draw, size: Sizes) -> tuple[Any, ...]:
    """All families; vectors dense or sparse, often wider than what is hashed."""
    probes = draw.one_of(1, 1, 2, 3, 5, 16)
    family = any_family(draw, size.d, *digits_and_tables(draw, probes))
    width = size.d + draw.one_of(0, 1, 2, 4)
    x = vectors(draw, (size.n, width))
    center = vectors(draw, (1, width))[0] if draw.chance(50) else None
    if draw.rough and isinstance(family, SimHash):
        r = np.zeros(width, np.float32)
        r[: size.d] = family.projection[:, draw.whole(0, family.L * family.K - 1)]
        x = nearly_orthogonal(x, center, r)
    return sparse_rows(draw, x) if draw.chance(50) else x, center, family, probes


def digits_and_tables(draw: Draw, probes: int) -> tuple[int, int]:
    """K and L: a few of each; sometimes many tables, or where nobody probes as many digits."""
    K, L = draw.size(6), draw.size(4)
    if draw.chance(10):
        return (24, 1) if probes == 1 else (K, 20)
    return K, L


def any_family(draw: Draw, d: int, K: int, L: int) -> Family:
    """Bins of any width, so that small vectors have empty ones; few buckets, or very many.

    The buckets of SimHash are not folded where its projections are rounded (see `bounds.codes`).
    """
    name = draw.one_of(*HASH_NAMES, "doph")  # which has most to get wrong
    limit, rng = draw.one_of(1 << 30, 4, 32), draw.generator()
    if name in ("simhash", "sparse-simhash"):
        projection = draw.numbers((d, L * K))
        if name == "sparse-simhash":
            projection = np.sign(projection) * draw.mask(100 / 3, projection.shape)
        buckets = Buckets.draw(2, K, L, 1 << 30 if draw.rough else limit, rng)
        return SimHash(buckets, d, projection.astype(np.float32))
    m = draw.whole(1, d)
    buckets = Buckets.draw(m, K, L, limit, rng)
    chances = draw.below(1 << 12, (L * K, d))
    positions = chances.argsort(axis=1, kind="stable")[:, :m].astype(np.int32)
    if name == "wta":
        return WTA(buckets, d, positions)
    if name == "dwta":
        return DWTA(buckets, d, positions, *borrowing(L * K, rng))
    return DOPH(buckets, d, positions, *borrowing(L * K, rng), top=draw.whole(1, d))


def vectors(draw: Draw, shape: tuple[int, int]) -> Array:
    """Numbers, of which some or many are zero, equal or not negative; also whole rows of zeros."""
    x = draw.numbers(shape)
    x[draw.mask(10, len(x))] = 0
    if draw.chance(50):
        x[draw.mask(draw.one_of(50, 90), shape)] = 0
    if draw.chance(30):
        x = np.sign(x)
    return np.maximum(x, 0) if draw.chance(30) else x


def nearly_orthogonal(x: Array, center: Array | None, r: Array) -> Array:
    """Rows whose projection on r is so small that less than float32 gets many signs wrong."""
    direction = r.astype(np.float64)
    from_center = x.astype(np.float64) if center is None else x - center.astype(np.float64)
    share = from_center @ direction / max(float(direction @ direction), 1e-30)  # (n,)
    return (x - 0.9999 * np.outer(share, direction)).astype(np.float32)


def sparse_rows(draw: Draw, x: Array) -> CSR:
    """The rows of an array as a CSR that stores some of its zeros, too."""
    stored = (x != 0) | draw.mask(10, x.shape)
    return stack([np.flatnonzero(row) for row in stored], x[stored], x.shape[1])
