"""Arguments of the kernel that hashes."""

from __future__ import annotations

from typing import Any

import numpy as np

from slide.core.arrays import CSR, Array
from slide.core.families import DOPH, DWTA, HASH_NAMES, WTA, Buckets, Family, SimHash
from slide.core.families import draw_borrowing as borrowing
from slide.reference.cases.sizes import Numbers, Rng, Sizes, rough, stack


def hash_arguments(rng: Rng, size: Sizes, numbers: Numbers) -> tuple[Any, ...]:
    """All families; vectors dense or sparse, often wider than what is hashed."""
    probes = int(rng.choice([1, 1, 2, 3, 5, 16]))
    family = any_family(rng, size.d, *digits_and_tables(rng, probes), numbers)
    width = size.d + int(rng.integers(3))
    x = vectors(rng, (size.n, width), numbers)
    center = vectors(rng, (1, width), numbers)[0] if rng.random() < 0.5 else None
    if numbers is rough and isinstance(family, SimHash):
        r = np.zeros(width, np.float32)
        r[: size.d] = family.projection[:, rng.integers(family.L * family.K)]
        x = nearly_orthogonal(x, center, r)
    return sparse_rows(rng, x) if rng.random() < 0.5 else x, center, family, probes


def digits_and_tables(rng: Rng, probes: int) -> tuple[int, int]:
    """K and L: a few of each; sometimes many tables, or where nobody probes as many digits."""
    K, L = rng.integers(1, [7, 5]).tolist()
    if rng.random() < 0.1:
        return (24, 1) if probes == 1 else (K, 20)
    return K, L


def any_family(rng: Rng, d: int, K: int, L: int, numbers: Numbers) -> Family:
    """Bins of any width, so that small vectors have empty ones; few buckets, or very many.

    The buckets of SimHash are not folded where its projections are rounded (see `bounds.codes`).
    """
    name = rng.choice(HASH_NAMES)
    limit = int(rng.choice([4, 32, 1 << 30]))
    if name in ("simhash", "sparse-simhash"):
        projection = numbers(rng, (d, L * K))
        if name == "sparse-simhash":
            projection = np.sign(projection) * (rng.random(projection.shape) < 1 / 3)
        buckets = Buckets.draw(2, K, L, 1 << 30 if numbers is rough else limit, rng)
        return SimHash(buckets, d, projection.astype(np.float32))
    m = int(rng.integers(1, d + 1))
    buckets = Buckets.draw(m, K, L, limit, rng)
    positions = rng.random((L * K, d)).argsort(axis=1)[:, :m].astype(np.int32)
    if name == "wta":
        return WTA(buckets, d, positions)
    if name == "dwta":
        return DWTA(buckets, d, positions, *borrowing(L * K, rng))
    return DOPH(buckets, d, positions, *borrowing(L * K, rng), top=int(rng.integers(1, d + 1)))


def vectors(rng: Rng, shape: tuple[int, int], numbers: Numbers) -> Array:
    """Numbers, of which some or many are zero, equal or not negative; also whole rows of zeros."""
    x = numbers(rng, shape)
    x[rng.random(len(x)) < 0.1] = 0
    if rng.random() < 0.5:
        x[rng.random(shape) > rng.choice([0.1, 0.5])] = 0
    if rng.random() < 0.3:
        x = np.sign(x)
    return np.maximum(x, 0) if rng.random() < 0.3 else x


def nearly_orthogonal(x: Array, center: Array | None, r: Array) -> Array:
    """Rows whose projection on r is so small that less than float32 gets many signs wrong."""
    direction = r.astype(np.float64)
    from_center = x.astype(np.float64) if center is None else x - center.astype(np.float64)
    share = from_center @ direction / max(float(direction @ direction), 1e-30)  # (n,)
    return (x - 0.9999 * np.outer(share, direction)).astype(np.float32)


def sparse_rows(rng: Rng, x: Array) -> CSR:
    """The rows of an array as a CSR that stores some of its zeros, too."""
    stored = (x != 0) | (rng.random(x.shape) < 0.1)
    return stack([np.flatnonzero(row) for row in stored], x[stored], x.shape[1])
