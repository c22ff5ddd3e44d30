"""Arguments of the kernel that hashes, at the sizes of use."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.contract.families import (
    DOPH,
    DWTA,
    HASH_NAMES,
    TOP_SHARE,
    WTA,
    Buckets,
    Family,
    SimHash,
)
from slide.core.contract.families import draw_borrowing as borrowing
from slide.core.extending import entry
from slide.reference.cases.codes import sparse_rows, vectors
from slide.reference.cases.scale.drawing import Caps, Scaled

NAMES = HASH_NAMES
MOST_DIGITS_PROBED = 10  # of so many digits the judge looks at every mask


def hash_arguments(draw: Scaled) -> tuple[Any, ...]:
    """All families, one probe or several, vectors dense or sparse, wider than what is hashed."""
    which, is_wide = draw.turns(len(NAMES), 2)
    limits = {"n": 1 << 20, "d": 1024, "K": 64, "L": 200, "m": 64, "P": 1}
    if draw.rough:  # digits that are folded are judged only where nothing is rounded
        limits["K"] = 30
    is_probed, top = draw.turns(2, len(draw.tops(limits)))
    if is_probed:
        limits |= {"K": MOST_DIGITS_PROBED, "P": 16}
    caps: Caps = (
        ("n d", 1 << 20), ("d K L", 1 << 18), ("n K L", 1 << 20), ("n L P", 1 << 20),
        ("n K L m", 1 << 21), ("n d K L", 1 << 26),
    )  # fmt: skip
    known = {"d": draw.upto(limits["d"], at_top=True)} if is_wide else {}
    size = draw.extents(limits, caps, top, **known)
    if NAMES[which] not in ("simhash", "sparse-simhash"):
        size["d"] = max(size["d"], size["m"])
    width = size["d"] + draw.one_of(0, 1, 7)
    family = family_of(draw, NAMES[which], size)
    x = vectors(draw, (size["n"], width))
    if draw.chance(20):
        x[draw.mask(97, x.shape)] = 0  # so that most bins are empty
    center = vectors(draw, (1, width))[0] if draw.chance(50) else None
    return sparse_rows(draw, x) if draw.chance(50) else x, center, family, size["P"]


def family_of(draw: Scaled, name: str, size: dict[str, int]) -> Family:
    """Few buckets, or very many; those of SimHash are not folded where projections are rounded."""
    limit, rng = draw.one_of(1 << 30, 1 << 10, 1 << 18), draw.generator()
    return entry(DRAWN, name, "hash family", __name__)(draw, size, limit, rng)


def signs(
    draw: Scaled, size: dict[str, int], limit: int, rng: np.random.Generator, sparse: bool = False
) -> SimHash:
    """Both kinds of SimHash."""
    d, K, L = size["d"], size["K"], size["L"]
    projection = draw.numbers((d, L * K))
    if sparse:
        projection = np.sign(projection) * draw.mask(100 / 3, projection.shape)
    buckets = Buckets.draw(2, K, L, 1 << 30 if draw.rough else limit, rng)
    return SimHash(buckets, d, projection.astype(np.float32))


def wta(draw: Scaled, size: dict[str, int], limit: int, rng: np.random.Generator) -> WTA:
    """Bins."""
    d, K, L, m = size["d"], size["K"], size["L"], size["m"]
    buckets = Buckets.draw(m, K, L, limit, rng)
    return WTA(buckets, d, bins(draw, L * K, m, d))


def dwta(draw: Scaled, size: dict[str, int], limit: int, rng: np.random.Generator) -> DWTA:
    """Bins that borrow."""
    own = wta(draw, size, limit, rng)
    return DWTA(own.buckets, own.d, own.positions, *borrowing(len(own.positions), rng))


def doph(draw: Scaled, size: dict[str, int], limit: int, rng: np.random.Generator) -> DOPH:
    """Bins that borrow, and a set of any size, or of the usual one."""
    own = dwta(draw, size, limit, rng)
    top = draw.one_of(draw.upto(own.d), math.ceil(own.d / TOP_SHARE))
    return DOPH(own.buckets, own.d, own.positions, own.first, own.stride, top)


DRAWN: dict[str, Callable[[Scaled, dict[str, int], int, np.random.Generator], Family]] = {
    "simhash": signs,
    "sparse-simhash": partial(signs, sparse=True),
    "wta": wta,
    "dwta": dwta,
    "doph": doph,
}


def bins(draw: Scaled, n_bins: int, m: int, d: int) -> Array:
    """Distinct coordinates of each bin, in any order: i32 (n_bins, m)."""
    ids = draw.distinct(np.full(n_bins, m), d).reshape(n_bins, m)
    return draw.rng.permuted(ids, axis=1)
