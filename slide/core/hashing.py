"""Drawing hash families (arrays only) and the salted mix that stands in for chance in a kernel.

Source: SLIDE (arXiv 1903.03129) sections 2.1 and 3.1; SimHash is Charikar (STOC 2002).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from slide.core.arrays import Array


@dataclass(frozen=True, slots=True)
class SimHash:
    """L tables keyed by K sign bits each: bit = [x . r > 0], Pr(equal) = 1 - angle / pi.

    Args:
        projection: f32 (d, L * K), Gaussian; columns `l * K` to `l * K + K - 1` key table l.
        K: bits per code, so that a table has 2**K buckets.
        L: tables.
    """

    projection: Array
    K: int
    L: int

    @property
    def n_buckets(self) -> int:
        return 1 << self.K

    def map(self, function: Callable[[Array], Array]) -> SimHash:
        """The same family with its array replaced by `function(array)`."""
        return SimHash(function(self.projection), self.K, self.L)

    @classmethod
    def draw(cls, d: int, K: int, L: int, rng: np.random.Generator) -> SimHash:
        """Independent standard normal directions for vectors of d coordinates."""
        return cls(rng.standard_normal((d, L * K), dtype=np.float32), K, L)


@dataclass(frozen=True, slots=True)
class Tables:
    """Flat hash tables: the ids of all neurons, sorted by bucket, once per table.

    Args:
        offsets: i64 (L * n_buckets + 1); bucket c of table l is
            `ids[offsets[l * n_buckets + c]:offsets[l * n_buckets + c + 1]]`.
        ids: i32 (L * n); within a bucket in the order of `mix(id, salt + l)`,
            so that the first m entries of a bucket are an unbiased sample of it.
        L: tables.
        n_buckets: buckets per table.
    """

    offsets: Array
    ids: Array
    L: int
    n_buckets: int

    @property
    def n_neurons(self) -> int:
        return len(self.ids) // self.L


def mix(numbers: Array, salt: int) -> Array:
    """A bijection of 32-bit numbers that looks random and is different for every salt.

    Args:
        numbers: integers in an array of one dimension or more; taken modulo 2**32.
        salt: any non-negative integer.

    Returns:
        u32, the shape of `numbers`. Distinct numbers stay distinct, so sorting by it is a
        permutation without ties, the same one on every backend.

    Source: the finalizer of MurmurHash3 (A. Appleby), applied after adding a spread-out salt.
    """
    spread = (salt * 0x9E3779B97F4A7C15 >> 16) & 0xFFFFFFFF
    z = np.asarray(numbers).astype(np.uint32) ^ np.uint32(spread)
    z ^= z >> np.uint32(16)
    z *= np.uint32(0x85EBCA6B)
    z ^= z >> np.uint32(13)
    z *= np.uint32(0xC2B2AE35)
    z ^= z >> np.uint32(16)
    return z
