"""Locality-sensitive hash families: drawing their arrays, which is all that core knows of them.

Every family turns a vector into L * K digits, K to a table; `Buckets` turns the K digits of a
table into a bucket. What the digits are is for the kernel `hash`.

Sources: SLIDE (arXiv 1903.03129) section 3.1 and appendix A; at each family its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, Literal, NamedTuple, Self, get_args

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.extending import entry

HashName = Literal["simhash", "sparse-simhash", "wta", "dwta", "doph"]
HASH_NAMES: tuple[str, ...] = get_args(HashName)

WINDOW = 8  # coordinates that one digit of WTA, DWTA or DOPH looks at, in the paper as here
SPARSE_SHARE = 3  # one in three entries of a sparse projection is not zero
TOP_SHARE = 4  # DOPH keeps the largest quarter of the coordinates


@dataclass(frozen=True, slots=True)
class Buckets:
    """Bucket arithmetic: (multipliers[l] . digits[l] + shifts[l] mod 2**64) >> dropped_bits.

    With multipliers 1, radix, radix**2, ... and nothing dropped this is the mixed-radix number of
    the digits. With random multipliers and the upper bits kept it is a universal hash of them:
    two different rows of digits share a bucket with probability 1 / n_buckets.

    Args:
        multipliers: u64 (L, K).
        shifts: u64 (L,).
        dropped_bits: low bits to drop, 0 or 64 - log2(n_buckets).
        n_buckets: buckets per table.

    Source: multiply-shift for vectors, Thorup (arXiv 1504.06804) section 3.5.
    """

    multipliers: Array
    shifts: Array
    dropped_bits: int
    n_buckets: int

    @property
    def K(self) -> int:
        return int(self.multipliers.shape[1])

    @property
    def L(self) -> int:
        return len(self.multipliers)

    def map(self, function: Callable[[Array], Array]) -> Buckets:
        """The same arithmetic with both arrays replaced by `function(array)`."""
        multipliers, shifts = function(self.multipliers), function(self.shifts)
        return replace(self, multipliers=multipliers, shifts=shifts)

    @classmethod
    def draw(cls, radix: int, K: int, L: int, limit: int, rng: np.random.Generator) -> Buckets:
        """Mixed radix where the numbers stay below `limit`, a power of two; else folded to it."""
        if radix**K <= limit:
            multipliers = np.tile(np.uint64(radix) ** np.arange(K, dtype=np.uint64), (L, 1))
            return cls(multipliers, np.zeros(L, np.uint64), 0, radix**K)
        return cls(
            rng.integers(1 << 64, size=(L, K), dtype=np.uint64),
            rng.integers(1 << 64, size=L, dtype=np.uint64),
            64 - (limit.bit_length() - 1),
            limit,
        )


@dataclass(frozen=True, slots=True)
class Family:
    """What all families have: their bucket arithmetic and the width of their vectors.

    Args:
        buckets: of the digits.
        d: coordinates that count; a vector may have more, which are not looked at.
    """

    buckets: Buckets
    d: int

    @property
    def K(self) -> int:
        return self.buckets.K

    @property
    def L(self) -> int:
        return self.buckets.L

    @property
    def n_buckets(self) -> int:
        return self.buckets.n_buckets

    def map(self, function: Callable[[Array], Array]) -> Self:
        """The same family with each of its arrays replaced by `function(array)`."""
        own = {each.name: getattr(self, each.name) for each in fields(self)}
        arrays: dict[str, Any] = {
            name: function(one) for name, one in own.items() if isinstance(one, np.ndarray)
        }
        return replace(self, buckets=self.buckets.map(function), **arrays)


@dataclass(frozen=True, slots=True)
class SimHash(Family):
    """Sign bits: digit = [x . r > 0]. Pr(equal) = 1 - angle / pi for Gaussian r.

    Args:
        projection: f32 (d, L * K); columns `l * K` to `l * K + K - 1` key table l. Entries are
            Gaussian, or +1, 0, -1 where a third is not zero.

    Sources: Charikar (STOC 2002); Li, Hastie and Church (KDD 2006) for sparse projections.
    """

    projection: Array

    @classmethod
    def draw(
        cls, d: int, K: int, L: int, rng: np.random.Generator, limit: int, sparse: bool = False
    ) -> SimHash:
        """Independent directions for vectors of d coordinates."""
        buckets = Buckets.draw(2, K, L, limit, rng)
        if not sparse:
            return cls(buckets, d, rng.standard_normal((d, L * K), dtype=np.float32))
        size = math.ceil(d / SPARSE_SHARE)  # exactly so many, that no direction is all zero
        projection = np.zeros((d, L * K), np.float32)
        chosen = rng.random((d, L * K)).argpartition(size - 1, axis=0)[:size]
        signs = rng.choice(np.array([-1, 1], np.float32), chosen.shape)
        np.put_along_axis(projection, chosen, signs, axis=0)
        return cls(buckets, d, projection)


@dataclass(frozen=True, slots=True)
class Binned(Family):
    """A family whose digits are places in bins of m coordinates.

    Args:
        positions: i32 (L * K, m), coordinates in a random order, of which the first wins a tie.
    """

    positions: Array


@dataclass(frozen=True, slots=True)
class WTA(Binned):
    """Winner takes all: digit = place of the largest among m coordinates drawn at random.

    Source: Yagnik, Strelow, Ross and Lin (ICCV 2011).
    """

    @classmethod
    def draw(cls, d: int, K: int, L: int, rng: np.random.Generator, limit: int) -> WTA:
        """A random order of the coordinates for every digit, of which the first m count."""
        m = min(WINDOW, d)
        order = rng.random((L * K, d)).argsort(axis=1)
        return cls(Buckets.draw(m, K, L, limit, rng), d, order[:, :m].astype(np.int32))


@dataclass(frozen=True, slots=True)
class DWTA(Binned):
    """Densified WTA: zeros do not compete, and a bin of zeros borrows the digit of another bin.

    A bin is the m coordinates of one digit. The bins of one random order of the coordinates do
    not overlap; there are as many orders as L * K bins need. Bin b borrows from the first bin that
    is not empty of `first[b]`, `first[b] + stride[b]`, `first[b] + 2 * stride[b]`, ..., modulo
    L * K: all bins in an order of its own. A vector of zeros has the digits 0.

    Args:
        first: i32 (L * K,).
        stride: i32 (L * K,), without a common divisor with L * K.

    Sources: Chen and Shrivastava (UAI 2018); Shrivastava (ICML 2017) for the borrowing.
    """

    first: Array
    stride: Array

    @classmethod
    def draw(cls, d: int, K: int, L: int, rng: np.random.Generator, limit: int) -> DWTA:
        """Bins of m = 8 coordinates, or of more where L * K of them would leave any out."""
        positions = draw_bins(d, L * K, rng)
        buckets = Buckets.draw(positions.shape[1], K, L, limit, rng)
        return cls(buckets, d, positions, *draw_borrowing(L * K, rng))


@dataclass(frozen=True, slots=True)
class DOPH(Binned):
    """Densified one-permutation MinHash of the set of a vector's largest coordinates.

    The set has the `top` largest of the coordinates above zero (ties go to the smaller one). The
    digit of a bin is the first place in it that belongs to the set; bins and borrowing are those
    of `DWTA`. Pr(equal) is the Jaccard similarity of two sets, and chance coincidences.

    Args:
        first: i32 (L * K,), see `DWTA`.
        stride: i32 (L * K,), see `DWTA`.
        top: size of the set.

    Sources: Shrivastava and Li (UAI 2014); Shrivastava (ICML 2017).
    """

    first: Array
    stride: Array
    top: int

    @classmethod
    def draw(cls, d: int, K: int, L: int, rng: np.random.Generator, limit: int) -> DOPH:
        """Bins as for `DWTA`; the set is the largest quarter of the coordinates."""
        positions = draw_bins(d, L * K, rng)
        buckets = Buckets.draw(positions.shape[1], K, L, limit, rng)
        borrowing = draw_borrowing(L * K, rng)
        return cls(buckets, d, positions, *borrowing, math.ceil(d / TOP_SHARE))


class Kind(NamedTuple):
    """What settings have to know of a family.

    Args:
        draw: hash functions, given d, K, L, rng and limit (see `draw_family`).
        bits: of a digit, about.
        lifts: whether rows get a coordinate more for their length, where `hash_norm` wants it.
    """

    draw: Callable[[int, int, int, np.random.Generator, int], Family]
    bits: int
    lifts: bool = False


KINDS: dict[HashName, Kind] = {
    "simhash": Kind(SimHash.draw, bits=1, lifts=True),
    "sparse-simhash": Kind(partial(SimHash.draw, sparse=True), bits=1, lifts=True),
    "wta": Kind(WTA.draw, bits=3),
    "dwta": Kind(DWTA.draw, bits=3),
    "doph": Kind(DOPH.draw, bits=3),
}


def kind_of(name: HashName) -> Kind:
    """The kind of that name."""
    return entry(KINDS, name, "hash family", __name__)


def draw_family(
    name: HashName, d: int, K: int, L: int, limit: int, rng: np.random.Generator
) -> Family:
    """Hash functions for vectors of d coordinates, L tables of K digits, at most `limit` buckets.

    Args:
        name: which family.
        d: coordinates that count.
        K: digits to a table.
        L: tables.
        limit: a power of two; larger numbers of digits are folded to it.
        rng: draws everything.
    """
    return kind_of(name).draw(d, K, L, rng, limit)


def inclusion_probability(p: float, K: int, L: int) -> float:
    """1 - (1 - p**K)**L: that some table of L has K equal digits, each of them with probability p.

    Digits are independent in SimHash and WTA. Source: SLIDE (arXiv 1903.03129) section 3.1.
    """
    return 1 - (1 - p**K) ** L


def draw_bins(d: int, n_bins: int, rng: np.random.Generator) -> Array:
    """Coordinates of n_bins bins, i32 (n_bins, m): random orders of all d, cut into m at a time."""
    m = min(max(WINDOW, d // n_bins), d)
    n_orders = math.ceil(n_bins / (d // m))
    orders = rng.random((n_orders, d)).argsort(axis=1)[:, : d // m * m]
    return orders.reshape(-1, m)[:n_bins].astype(np.int32)


def draw_borrowing(n_bins: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Where bins look for a donor: first bins and strides, i32 (n_bins,) each."""
    coprime = [stride for stride in range(1, n_bins + 1) if math.gcd(stride, n_bins) == 1]
    first = rng.integers(n_bins, size=n_bins, dtype=np.int32)
    return first, rng.choice(np.array(coprime, np.int32), n_bins)
