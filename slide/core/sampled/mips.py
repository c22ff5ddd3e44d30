"""Asymmetric LSH for maximum inner product search (MIPS): rows collide with inputs of large logit.

A logit is an inner product, and SimHash sees angles: of two rows in one direction it prefers
neither, though the longer one has the larger logits. So rows are given one coordinate more, equal
to sqrt(radius**2 - |row|**2), and queries a 0 there: then all rows have the same length, and the
smaller the angle to a query the larger the inner product with it. Short rows, which no query
wants, gather in a few buckets far from all of them.

Source: Neyshabur and Srebro (ICML 2015), their Simple-LSH, here with a radius that some rows
exceed: the longest would leave all others nearly at right angles to every query.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.backend import Backend
from slide.core.contract.families import Family, draw_family, kind_of
from slide.core.sampled.settings import Hashing

RADIUS_RANK = 1024  # of the row whose length is the radius, counted from the longest
ROWS_AT_A_TIME = 1 << 15


@dataclass(frozen=True, slots=True)
class InnerProductHash:
    """Hash functions of one layer, and what its rows go through before them.

    Args:
        family: hash functions of `d` coordinates, the radius' one included.
        n_coordinates: of a row, those that count: the bias does or does not.
        center: f32 (width of a row,), subtracted from every row; None for nothing. The ranking of
            the logits of one query does not change by it.
        radius: length that shorter rows are brought to; None where there is no such coordinate.
    """

    family: Family
    n_coordinates: int
    center: Array | None = None
    radius: float | None = None

    @classmethod
    def draw(
        cls, hashing: Hashing, width: int, rng: np.random.Generator, backend: Backend
    ) -> InnerProductHash:
        """Hash functions for rows of `width` coordinates, the last of which is the bias."""
        d = width if hashing.hash_bias else width - 1
        is_lifted = hashing.hash_norm and kind_of(hashing.hash).lifts
        family = draw_family(
            hashing.hash, d + is_lifted, hashing.K, hashing.L, hashing.max_buckets, rng
        )
        return cls(family.map(backend.put), d, radius=0.0 if is_lifted else None)

    def map(self, function: Callable[[Array], Array]) -> InnerProductHash:
        """The same functions with each of their arrays replaced by `function(array)`."""
        center = None if self.center is None else function(self.center)
        return replace(self, family=self.family.map(function), center=center)

    def fitted_to(self, weight: Array, center: bool) -> InnerProductHash:
        """The same functions with the mean row and the radius of these weights (n, width)."""
        found = replace(self, center=weight.mean(axis=0) if center else None)
        if self.radius is None:
            return found
        squares = [squares_of(found.centred(rows)) for rows in blocks_of(weight)]
        radius = nth_largest(np.sqrt(np.concatenate(squares)), RADIUS_RANK)
        return replace(found, radius=radius)

    def of_rows(self, backend: Backend, weight: Array) -> Array:
        """The bucket of each row (n, width) in each table: u32 (n, L)."""
        if self.radius is None:
            return backend.hash(weight, self.center, self.family)
        codes = [backend.hash(self.lifted(rows), None, self.family) for rows in blocks_of(weight)]
        return np.concatenate(codes)

    def lifted(self, weight: Array) -> Array:
        """Rows less the center, with the coordinate that makes up for their length."""
        assert self.radius is not None
        rows = self.centred(weight)
        missing = np.maximum(np.float32(self.radius**2) - squares_of(rows), 0)
        return np.concatenate([rows, np.sqrt(missing)[:, None]], axis=1)

    def centred(self, weight: Array) -> Array:
        """The coordinates of rows that count, less those of the center."""
        rows = weight[:, : self.n_coordinates]
        return rows if self.center is None else rows - self.center[: self.n_coordinates]

    def of_queries(self, backend: Backend, a: CSR | Block, probes: int = 1) -> Array:
        """The nearest buckets of inputs (B, width) in each table: u32 (B, L * probes)."""
        if self.radius is not None:
            kept = a if self.n_coordinates == a.n_cols else a.without_constant()
            a = replace(kept, n_cols=self.family.d)  # a 0 where rows make up for their length
        return backend.hash(hashable(a), None, self.family, probes)


def blocks_of(weight: Array) -> Iterator[Array]:
    """Some rows at a time, so that what is made of them stays small; at least one block."""
    for start in range(0, max(len(weight), 1), ROWS_AT_A_TIME):
        yield weight[start : start + ROWS_AT_A_TIME]


def squares_of(rows: Array) -> Array:
    """Squared length of each row, f32."""
    squares: Array = np.einsum("ij,ij->i", rows, rows)
    return squares


def nth_largest(lengths: Array, rank: int) -> float:
    """The length of this rank, counted from the longest; of few lengths, at most a 32nd of them."""
    rank = min(rank, 1 + len(lengths) // 32)
    place = len(lengths) - rank
    return float(np.partition(lengths, place)[place])


def hashable(a: CSR | Block) -> CSR | Array:
    """Activations as the kernel `hash` takes them."""
    return a if isinstance(a, CSR) else a.dense()
