"""Arguments of the kernel that hashes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.families import DOPH, DWTA, HASH_NAMES, WTA, Buckets, Family, SimHash
from slide.core.contract.families import draw_borrowing as borrowing
from slide.core.extending import entry
from slide.reference.cases.drawing import Draw
from slide.reference.cases.sizes import Sizes


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
    return entry(DRAWN, name, "hash family", __name__)(draw, d, K, L, limit, rng)


def signs(
    draw: Draw,
    d: int,
    K: int,
    L: int,
    limit: int,
    rng: np.random.Generator,
    sparse: bool = False,
) -> SimHash:
    """Both kinds of SimHash."""
    projection = draw.numbers((d, L * K))
    if sparse:
        projection = np.sign(projection) * draw.mask(100 / 3, projection.shape)
    buckets = Buckets.draw(2, K, L, 1 << 30 if draw.rough else limit, rng)
    return SimHash(buckets, d, projection.astype(np.float32))


def binned(
    draw: Draw, d: int, K: int, L: int, limit: int, rng: np.random.Generator
) -> tuple[Buckets, int, Array]:
    """Buckets, d and positions of a family of bins."""
    m = draw.whole(1, d)
    buckets = Buckets.draw(m, K, L, limit, rng)
    chances = draw.below(1 << 12, (L * K, d))
    return buckets, d, chances.argsort(axis=1, kind="stable")[:, :m].astype(np.int32)


def wta(draw: Draw, d: int, K: int, L: int, limit: int, rng: np.random.Generator) -> WTA:
    """Bins."""
    return WTA(*binned(draw, d, K, L, limit, rng))


def dwta(draw: Draw, d: int, K: int, L: int, limit: int, rng: np.random.Generator) -> DWTA:
    """Bins that borrow."""
    return DWTA(*binned(draw, d, K, L, limit, rng), *borrowing(L * K, rng))


def doph(draw: Draw, d: int, K: int, L: int, limit: int, rng: np.random.Generator) -> DOPH:
    """Bins that borrow, and a set of any size."""
    bins = binned(draw, d, K, L, limit, rng)
    return DOPH(*bins, *borrowing(L * K, rng), top=draw.whole(1, d))


DRAWN: dict[str, Callable[[Draw, int, int, int, int, np.random.Generator], Family]] = {
    "simhash": signs,
    "sparse-simhash": partial(signs, sparse=True),
    "wta": wta,
    "dwta": dwta,
    "doph": doph,
}


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
    indptr = np.append(0, np.cumsum(stored.sum(axis=1)))
    return CSR(indptr, np.nonzero(stored)[1].astype(np.int32), x[stored], x.shape[1])
