"""Sizes of use, several of them large at once, and sparse matrices of such sizes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from slide.core.arrays import CSR, Array, Block
from slide.reference.cases.choices import Choices
from slide.reference.cases.drawing import Seeded, Shape

Caps = Sequence[tuple[str, int]]
"""Products of sizes that must not be exceeded: names with spaces between them, and the most."""

ENTRIES = 1 << 18  # of a sparse matrix
LARGE_TOO = 40  # percent of the sizes beside the largest are as large as caps allow


class Scaled(Seeded):
    """Every size has its turn to be as large as in use; numbers are exact ones, or of any size."""

    def __init__(self, choices: Choices) -> None:
        super().__init__(choices)
        self.rough = self.chance(30)

    def turns(self, *counts: int) -> list[int]:
        """A number below each count, each of which has its turns; they are combined by chance."""
        return [self.choices.turn(count) for count in counts]

    def upto(self, high: int, at_top: bool = False) -> int:
        """A size from 1 to high: log-uniform, powers of two and their neighbours favoured.

        With `at_top` high itself or little less.
        """
        high = max(min(high, self.choices.largest), 1)
        if at_top or self.chance(15):
            return high - self.one_of(0, 1, self.whole(0, high // 8)) if high > 1 else 1
        size = high ** (self.whole(0, 1000) / 1000)
        if self.chance(40):
            size = 2.0 ** round(math.log2(size)) + self.whole(-1, 1)
        return min(max(int(size), 1), high)

    def extents(self, limits: Mapping[str, int], caps: Caps, top: int) -> dict[str, int]:
        """Sizes up to their limits of which one is at its top, the others as caps allow.

        Args:
            limits: the most that each may be.
            caps: the most that some of their products may be.
            top: place of the one at its top; one more than there are for none.
        """
        names = list(limits)
        others = [names[i] for i in self.order(len(names)).tolist() if i != top]
        sizes: dict[str, int] = {}
        for name in [*names[top : top + 1], *others]:
            left = (left_of(cap, sizes) for cap in caps if name in cap[0].split())
            high = min([limits[name], *left])
            is_top = (len(sizes) == 0 and top < len(names)) or self.chance(LARGE_TOO)
            sizes[name] = self.upto(high, is_top)
        return {name: sizes[name] for name in names}

    def numbers(self, shape: Shape) -> Array:
        """Multiples of 1/4 in [-4, 4], or Gaussian ones on scales from 2**-10 to 2**10."""
        if self.rough:
            scales = self.rng.integers(-10, 11, shape, np.int8)
            rough: Array = np.ldexp(self.normal(shape), scales)
            return rough
        quarters: Array = self.rng.integers(-16, 17, shape, np.int8) * np.float32(0.25)
        return quarters

    def mask(self, percent: float, shape: Shape) -> Array:
        """By one float32 a cell."""
        return self.rng.random(shape, np.float32) < percent / 100

    def entries(self, n: int) -> Array:
        """As `numbers`, of which some are zeros that are stored."""
        values = self.numbers(n)
        if self.chance(50):
            values[self.mask(20, n)] = 0
        return values

    def some(self, n: int, count: int) -> Array:
        """Distinct ids below n, ascending: neighbours, or anywhere."""
        if self.chance(15):
            return self.whole(0, n - count) + np.arange(count, dtype=np.int32)
        return self.distinct(np.array([count]), n)

    def distinct(self, lengths: Array, n: Array | int, power: int = 1) -> Array:
        """So many ids below n for each row, ascending: i32, row after row.

        With a power above 1 small ids are in many rows, as words are in texts.
        """
        rows = np.repeat(np.arange(len(lengths)), lengths)
        room = np.broadcast_to(n, lengths.shape)
        shares = self.rng.random(len(rows)) ** power
        drawn = (shares * (room - lengths + 1)[rows]).astype(np.int64)
        span = int(room.max(initial=0)) + 1
        drawn = np.sort(rows * span + drawn) - rows * span
        first = np.cumsum(lengths) - lengths
        ids: Array = (drawn + np.arange(len(rows)) - first[rows]).astype(np.int32)
        return ids

    def lengths(self, n_rows: int, longest: int, total: int = ENTRIES) -> Array:
        """Entries of rows: some have none, most few, the last one and another as many as allowed.

        All together have about `total` at most.
        """
        drawn = (longest ** self.rng.random(n_rows)).astype(np.int64)
        drawn[self.mask(20, n_rows)] = 0
        drawn = np.minimum(drawn, max(total // max(n_rows, 1), 1))
        drawn[-1:] = longest
        drawn[self.whole(0, max(n_rows - 1, 0)) :][:1] = longest
        return drawn

    def csr(self, shape: tuple[int, int], longest: int, stride: int = 1) -> CSR:
        """A matrix of such rows; columns are every `stride`-th one, so that others have them, too.

        Args:
            shape: rows and columns.
            longest: row, if there are columns enough.
            stride: between columns that may have entries.
        """
        n_rows, n_cols = shape
        n = max(n_cols // stride, 1)
        lengths = self.lengths(n_rows, min(longest, n))
        indices = self.distinct(lengths, n, self.one_of(1, 1, 4)) * stride + (n_cols - 1) % stride
        return csr_of(lengths, indices.astype(np.int32), self.entries(len(indices)), n_cols)

    def block(self, n_rows: int, n_cols: int, n_ids: int) -> Block:
        """A block of so many distinct columns."""
        ids = self.some(n_cols, n_ids)
        return Block(ids, self.entries(n_rows * n_ids).reshape(n_rows, n_ids), n_cols)


def left_of(cap: tuple[str, int], sizes: Mapping[str, int]) -> int:
    """The most that another size of a product may be beside those that are known already."""
    names, most = cap
    return max(most // math.prod(sizes.get(factor, 1) for factor in names.split()), 1)


def csr_of(lengths: Array, indices: Array, values: Array, n_cols: int) -> CSR:
    """From the lengths of the rows."""
    return CSR(np.append(0, np.cumsum(lengths)), indices, values, n_cols)
