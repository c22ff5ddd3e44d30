"""What chance decides in a case: sizes, options, entries of arrays.

Sizes and options are choices of their own (`choices`), which Hypothesis makes smaller where it
makes them. The entries of arrays are, too, where arrays are small (`ChoicePerEntry`); elsewhere one
chosen integer seeds a NumPy generator (`Seeded`), for thousands of choices would be slow, and no
easier to read.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TypeVar

import numpy as np

from slide.core.contract.arrays import Array
from slide.reference.cases.choices import Choices

T = TypeVar("T")
Shape = int | tuple[int, ...]

SIMPLEST_FIRST = np.array(
    sorted(range(-16, 17), key=lambda q: (q % 4 > 0, q % 2 > 0, abs(q), q < 0)), np.float32
)
"""-16 to 16, of which whole multiples of 4 come first, then even ones, then the small ones."""


class Draw(ABC):
    """Numbers drawn for one case.

    Args:
        choices: who chooses.
    """

    rough = False  # whether arrays are to hold numbers of any size

    def __init__(self, choices: Choices) -> None:
        self.choices = choices

    def size(self, high: int) -> int:
        """A size from 1 to high; of a wide range Hypothesis itself would draw small ones mostly."""
        high = min(high, self.choices.largest)
        rest = self.whole(1, min(high, 64))
        return min(rest + 64 * self.whole(0, (high - 1) // 64), high)

    def whole(self, low: int, high: int) -> int:
        """A whole number from low to high, both of them included; low is the simplest one."""
        return self.choices.whole(low, high)

    def one_of(self, *things: T) -> T:
        """One of several things, of which the first is the simplest."""
        return things[self.whole(0, len(things) - 1)]

    def chance(self, percent: int) -> bool:
        """True so often; False is simpler."""
        return self.whole(0, 99) >= 100 - percent

    def mask(self, percent: float, shape: Shape) -> Array:
        """True so often, for each cell of an array."""
        return self.below(1000, shape) >= 1000 - 10 * percent

    def generator(self) -> np.random.Generator:
        """For functions of `slide.core` that draw."""
        return np.random.default_rng(self.whole(0, (1 << 32) - 1))

    @abstractmethod
    def raw(self, dtype: np.dtype, shape: Shape) -> Array:
        """Any bits, as integers of this dtype."""

    @abstractmethod
    def below(self, high: int, shape: Shape) -> Array:
        """Whole numbers from 0 to high - 1, i64."""

    @abstractmethod
    def ids_below(self, n: int, count: int) -> Array:
        """At most `count` distinct ids below n, ascending, i32."""

    @abstractmethod
    def order(self, n: int) -> Array:
        """The numbers below n in any order."""

    @abstractmethod
    def numbers(self, shape: Shape) -> Array:
        """Entries to compute with, f32."""

    @abstractmethod
    def normal(self, shape: Shape) -> Array:
        """Numbers around 0 of size 1, f32."""


class ChoicePerEntry(Draw):
    """Every entry is a choice of Hypothesis."""

    def raw(self, dtype: np.dtype, shape: Shape) -> Array:
        """As many bytes as it takes."""
        n_bytes = int(np.prod(shape)) * dtype.itemsize
        drawn = self.choices.some_bytes(n_bytes)
        return np.frombuffer(drawn, dtype.newbyteorder(">")).astype(dtype).reshape(shape)

    def below(self, high: int, shape: Shape) -> Array:
        """Bytes, or larger integers, modulo `high`."""
        kind = np.dtype(np.uint8 if high <= 40 else np.uint16 if high <= 1 << 12 else np.uint32)
        return self.raw(kind, shape).astype(np.int64) % high

    def ids_below(self, n: int, count: int) -> Array:
        """One place after the other among those that are left."""
        left = list(range(n))
        places = self.below(1 << 12, min(n, count)).tolist()
        return np.array(sorted(left.pop(place % len(left)) for place in places), np.int32)

    def order(self, n: int) -> Array:
        """By drawn integers; all zeros leave everything in its place."""
        return np.argsort(self.below(1 << 12, n), kind="stable")

    def numbers(self, shape: Shape) -> Array:
        """Multiples of 1/4 in [-4, 4]: sums of few products of two are exact in float32."""
        return SIMPLEST_FIRST[self.below(33, shape)] / np.float32(4)

    def normal(self, shape: Shape) -> Array:
        """Eighths in [-2, 2]."""
        return self.numbers(shape) / np.float32(2)


class Seeded(Draw):
    """One choice seeds the generator of all arrays; entries are as in `ChoicePerEntry`."""

    def __init__(self, choices: Choices) -> None:
        super().__init__(choices)
        self.rng = self.generator()

    def raw(self, dtype: np.dtype, shape: Shape) -> Array:
        """Evenly distributed."""
        limits = np.iinfo(dtype)
        return self.rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)

    def below(self, high: int, shape: Shape) -> Array:
        """Evenly distributed."""
        return self.rng.integers(high, size=shape)

    def ids_below(self, n: int, count: int) -> Array:
        """Evenly distributed."""
        if not n or not count:  # most rows of a wide matrix
            return np.empty(0, np.int32)
        return np.sort(self.rng.choice(n, min(n, count), replace=False)).astype(np.int32)

    def order(self, n: int) -> Array:
        """Evenly distributed."""
        return self.rng.permutation(n)

    def numbers(self, shape: Shape) -> Array:
        """Multiples of 1/4 in [-4, 4]."""
        return (self.rng.integers(-16, 17, shape) / 4).astype(np.float32)

    def normal(self, shape: Shape) -> Array:
        """Standard Gaussian."""
        return self.rng.standard_normal(shape, dtype=np.float32)


class Rough(Seeded):
    """Gaussian entries on scales from 2**-10 to 2**10, so that most sums must be rounded."""

    rough = True

    def numbers(self, shape: Shape) -> Array:
        """Gaussian, most of them far from 1."""
        scales = 2.0 ** self.rng.integers(-10, 11, shape)
        return (self.rng.standard_normal(shape) * scales).astype(np.float32)
