"""Codes: nearest buckets in every cell, further ones in all cells or evenly spread ones.

Rounding enters SimHash alone, through its projections: a code is judged where it is sure.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.families import Family, SimHash
from slide.reference.vectorised.digits import Digits, cells_of, dense_rows, digits_of
from slide.reference.vectorised.probing import at_cell, nearest, numbers_of
from slide.reference.vectorised.projections import of_signs
from slide.reference.vectorised.segments import slices
from slide.reference.vectorised.verdicts import Verdicts, is_array, is_near

MASKS = 1 << 19  # distances that are computed for one call


def hash(
    got: Any, exact: bool, x: Array | CSR, center: Array | None, family: Family, probes: int = 1
) -> Verdicts:
    """The buckets of some vectors at a time."""
    n, width = x.shape
    L, K = family.L, family.K
    yield is_array(got, np.uint32, (n, L * probes))
    codes = got.reshape(n, L, probes)
    sample = cells_to_probe(n * L, MASKS >> min(K, probes)) if probes > 1 else np.empty(0, np.int64)
    for rows in slices(n, max(width, L * K)):
        part = dense_rows(x, rows)[:, : family.d]
        c = None if center is None else center[: family.d]
        own = sample[(sample >= rows.start * L) & (sample < rows.stop * L)] - rows.start * L
        if isinstance(family, SimHash) and not exact:
            yield from of_signs(codes[rows], part, c, family, own, rows.start)
        else:
            yield from of_digits(codes[rows], part, c, family, own, rows.start)


def cells_to_probe(n: int, most: int) -> Array:
    """All of n cells, or about `most`: first, last, around powers of two, evenly spread others."""
    most = max(most, 64)
    if n <= most:
        return np.arange(n)
    powers = 1 << np.arange(n.bit_length())
    near_powers = (powers[:, None] + np.arange(-1, 2)).ravel()
    spread = np.linspace(0, n - 1, most).astype(np.int64)
    chosen = np.unique(np.concatenate([near_powers, spread]))
    return chosen[(chosen >= 0) & (chosen < n)]


def of_digits(
    codes: Array, x: Array, center: Array | None, family: Family, sample: Array, start: int
) -> Verdicts:
    """Codes (n, L, P) of digits that nothing has rounded, all of them equal."""
    v = x if center is None else x - center
    digits = signs(v, family) if isinstance(family, SimHash) else digits_of(v, family)
    numbers = numbers_of(digits.first, family.buckets)
    want = numbers >> np.uint64(family.buckets.dropped_bits)
    yield is_near(codes[:, :, 0], want, 0.0, "nearest bucket", (start,))
    if len(sample):
        own = cells_of(digits, family, sample)
        far = nearest(
            own, numbers.ravel()[sample], sample % family.L, family.buckets, codes.shape[2]
        )
        yield at_cell(codes.reshape(-1, codes.shape[2])[sample], far, sample, family.L, start)


def signs(v: Array, family: SimHash) -> Digits:
    """The digits of exact projections."""
    p = v.astype(np.float64) @ family.projection.astype(np.float64)
    return Digits((p > 0).astype(np.int32), (p <= 0).astype(np.int32), abs(p))
