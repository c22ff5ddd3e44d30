"""Sizes of use, several of them large at once, and sparse matrices of such sizes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block
from slide.reference.cases.choices import Choices
from slide.reference.cases.drawing import Seeded, Shape

Caps = Sequence[tuple[str, int]]
"""Products of sizes that must not be exceeded: names with spaces between them, and the most."""

ENTRIES = 1 << 18  # of a sparse matrix
KINDS = "quarters", "rough", "digits", "rough", "quarters"
SUBNORMAL = 1e-40  # a number below the smallest normal one
LARGE_TOO = 25  # percent of the other sizes are as large as caps allow
IN_USE = 20  # percent of an argument is what it often is in use, and seldom at random
ALONE = {"B": 33, "k": 40, "others": 25}
"""Percent of a size is 1 that is not to be large: one example, one answer, no other neurons."""


class Scaled(Seeded):
    """Every two sizes have their turn to be large, as in use; numbers are exact or of any size."""

    def __init__(self, choices: Choices) -> None:
        super().__init__(choices)
        self.kind = self.one_of(*KINDS)
        self.rough = self.kind == "rough"
        self.n_before_digits = self.one_of(0, 1)

    def turns(self, *counts: int) -> list[int]:
        """A number below each count; all their combinations take turns."""
        number = self.choices.turn(math.prod(counts))
        places = []
        for count in counts:
            number, place = divmod(number, count)
            places.append(place)
        return places

    def tops(self, limits: Mapping[str, int]) -> list[tuple[str, ...]]:
        """The sizes that are to be large together: every pair, and none."""
        return [*combinations(limits, 2), ()]

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

    def extents(
        self, limits: Mapping[str, int], caps: Caps, top: int, **known: int
    ) -> dict[str, int]:
        """Sizes up to their limits of which some are large, the others as caps allow.

        Args:
            limits: the most that each may be.
            caps: the most that some of their products may be.
            top: place of the large ones in `tops`.
            known: sizes that are given; others may be 1, however large the rest is.
        """
        names, large = list(limits), self.tops(limits)[top]
        for name, percent in ALONE.items():
            is_served = name == "B" and not large  # one example, as a service has them
            if name in limits and name not in large and (is_served or self.chance(percent)):
                known.setdefault(name, 1)
        mixed = [names[i] for i in self.order(len(names)).tolist()]
        sizes = known
        for name in sorted(mixed, key=lambda name: name not in large):
            if name in known:
                continue
            left = (room_left(cap, sizes) for cap in caps if name in cap[0].split())
            high = min([limits[name], *left])
            if name in large and sizes.keys().isdisjoint(large) and self.chance(75):
                sizes[name] = self.much_of(high)
            else:
                likely = LARGE_TOO if large else 2 * LARGE_TOO
                sizes[name] = self.upto(high, name in large or self.chance(likely))
        return {name: sizes[name] for name in names}

    def much_of(self, high: int) -> int:
        """A large size that leaves something to others, which it is multiplied with."""
        high = max(min(high, self.choices.largest), 1)
        return int(high ** (self.whole(600, 1000) / 1000))

    def numbers(self, shape: Shape) -> Array:
        """Multiples of 1/4 in [-4, 4], or Gaussian ones on scales from 2**-10 to 2**10.

        Or such as only float32 can multiply and add: -1, 0 and 1, but for one array of whole
        numbers of twelve binary digits, not more than a thousand or so in a row or a column.
        """
        if self.kind == "digits":
            self.n_before_digits -= 1
            return self.digits(shape) if self.n_before_digits == -1 else self.units(shape)
        if self.rough:
            scales = self.rng.integers(-10, 11, shape, np.int8)
            rough: Array = np.ldexp(self.normal(shape), scales)
            return rough
        quarters: Array = self.rng.integers(-16, 17, shape, np.int8) * np.float32(0.25)
        return quarters

    def digits(self, shape: Shape) -> Array:
        """Odd numbers of twelve binary digits, and zeros where there would be too many."""
        numbers = 2 * self.rng.integers(-2048, 2048, shape, np.int16) + np.int16(1)
        most = max(shape) if isinstance(shape, tuple) else shape
        drawn: Array = numbers.astype(np.float32) * self.mask(100 * min(1, 1000 / most), shape)
        return drawn

    def units(self, shape: Shape) -> Array:
        """-1, 0 and 1."""
        return self.rng.integers(-1, 2, shape, np.int8).astype(np.float32)

    def mask(self, percent: float, shape: Shape) -> Array:
        """By one float32 a cell."""
        return self.rng.random(shape, np.float32) < percent / 100

    def entries(self, n: int) -> Array:
        """As `numbers`, of which some are zeros that are stored, of either sign, or nearly zero."""
        values = self.numbers(n)
        if self.chance(50):
            values[self.mask(20, n)] = 0
            values[self.mask(10, n)] = -0.0
            values[self.mask(5, n)] = SUBNORMAL if self.rough else 0
        return values

    def ids_below(self, n: int, count: int) -> Array:
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
        """Entries of rows: some have none, most few, one or two as many as allowed.

        The last row is mostly one of these. All together have about `total` at most. Or all have
        equally many, as answers of so many neurons an example have.
        """
        if self.chance(IN_USE):
            return np.full(n_rows, max(min(longest, total // max(n_rows, 1)), 1))
        drawn = (longest ** self.rng.random(n_rows)).astype(np.int64)
        drawn[self.mask(max(20, 100 - 100 * total / max(n_rows, 1)), n_rows)] = 0
        drawn = np.minimum(drawn, max(total // max(n_rows, 1), 1))
        drawn[-1:] = self.one_of(longest, longest, 0)
        drawn[self.whole(0, max(n_rows - 1, 0)) :][:1] = longest
        return drawn

    def csr(self, shape: tuple[int, int], longest: int, stride: int = 1, last: bool = False) -> CSR:
        """A matrix of such rows; columns are every `stride`-th one, so that others have them, too.

        Args:
            shape: rows and columns.
            longest: row, if there are columns enough.
            stride: between columns that may have entries.
            last: whether every row has the last column, too, as the input of a bias.
        """
        n_rows, n_cols = shape
        if last and n_cols > 1:
            matrix = self.csr((n_rows, n_cols - 1), longest, stride).with_constant()
            return matrix.with_values(self.entries(matrix.nnz))
        n = max(n_cols // stride, 1)
        lengths = self.lengths(n_rows, min(longest, n))
        indices = self.distinct(lengths, n, self.one_of(1, 1, 4)) * stride + (n_cols - 1) % stride
        return csr_of(lengths, indices.astype(np.int32), self.entries(len(indices)), n_cols)

    def or_empty(self, matrix: CSR) -> CSR:
        """The matrix, or one of its shape without entries, while other arguments are large."""
        if not self.chance(IN_USE):
            return matrix
        none = np.zeros(matrix.n_rows, np.int64)
        return csr_of(none, matrix.indices[:0], matrix.values[:0], matrix.n_cols)

    def block(self, n_rows: int, n_cols: int, n_ids: int) -> Block:
        """A block of so many distinct columns."""
        ids = self.ids_below(n_cols, n_ids)
        return Block(ids, self.entries(n_rows * n_ids).reshape(n_rows, n_ids), n_cols)


def room_left(cap: tuple[str, int], sizes: Mapping[str, int]) -> int:
    """The most that another size of a product may be beside those that are known already."""
    names, most = cap
    return max(most // math.prod(sizes.get(factor, 1) for factor in names.split()), 1)


def csr_of(lengths: Array, indices: Array, values: Array, n_cols: int) -> CSR:
    """From the lengths of the rows."""
    return CSR(np.append(0, np.cumsum(lengths)), indices, values, n_cols)
