"""Who chooses: Hypothesis, a seed, or what was chosen before, to draw the same case once more."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

Choice = int | bytes
ANY_SIZE = 1 << 30
MOST_DRAWN = 99  # numbers at once, or one more by rounding: Hypothesis has no constants below 100
LONGEST_CONSTANT = 50  # bytes


class Choices(ABC):
    """Whole numbers and bytes, one after the other.

    Args:
        largest: no size that is drawn is above it.

    Attributes:
        made: all choices so far, of which `ReplayedChoices` makes the same ones.
    """

    def __init__(self, largest: int) -> None:
        self.largest = largest
        self.made: list[Choice] = []

    def whole(self, low: int, high: int) -> int:
        """A whole number from low to high, both of them included; low is the simplest one."""
        number = self.next_whole(low, high)
        self.made.append(number)
        return number

    def some_bytes(self, n: int) -> bytes:
        """So many bytes; zeros are the simplest ones."""
        drawn = self.next_bytes(n)
        self.made.append(drawn)
        return drawn

    def turn(self, n: int) -> int:
        """A number below n; examples that are numbered take turns."""
        return self.whole(0, n - 1)

    @abstractmethod
    def next_whole(self, low: int, high: int) -> int:
        """The next choice is a number."""

    @abstractmethod
    def next_bytes(self, n: int) -> bytes:
        """The next choice is bytes."""


class HypothesisChoices(Choices):
    """Hypothesis chooses, and makes smaller what fails.

    It also tries constants that it reads in the sources of modules that happen to be loaded: whole
    numbers from 100 on, and up to 50 bytes. What is asked of it is neither, so that the same seed
    draws the same examples in every process.
    """

    def __init__(self, data: st.DataObject, largest: int) -> None:
        super().__init__(largest)
        self.data = data

    def next_whole(self, low: int, high: int) -> int:
        """Digits, the highest one first, to the smallest base in which so few are enough."""
        n_numbers = high - low + 1
        n_digits = max(math.ceil(math.log(n_numbers, MOST_DRAWN)), 1)
        base = math.ceil(n_numbers ** (1 / n_digits))
        leading = (n_numbers - 1) // base ** (n_digits - 1)
        number = self.digit(leading)
        for _ in range(n_digits - 1):
            number = number * base + self.digit(base - 1)
        return low + min(number, high - low)

    def digit(self, most: int) -> int:
        """A draw."""
        return self.data.draw(st.integers(0, most))

    def next_bytes(self, n: int) -> bytes:
        """The first ones of a draw."""
        n_drawn = max(n, LONGEST_CONSTANT + 1)
        return self.data.draw(st.binary(min_size=n_drawn, max_size=n_drawn))[:n]


class SeededChoices(Choices):
    """Evenly distributed, from a seed; the number of the example decides whose turn it is."""

    def __init__(self, seed: int, number: int, largest: int) -> None:
        super().__init__(largest)
        self.seed, self.number, self.n_turns = seed, number, 0
        self.rng = np.random.default_rng([seed, number])

    def turn(self, n: int) -> int:
        """Each once among n examples, in an order of their own each time that turns are taken."""
        times, place = divmod(self.number, n)
        self.n_turns += 1
        order = np.random.default_rng([self.seed, self.n_turns, times]).permutation(n)
        self.made.append(int(order[place]))
        return int(order[place])

    def next_whole(self, low: int, high: int) -> int:
        """From the generator."""
        return int(self.rng.integers(low, high, endpoint=True))

    def next_bytes(self, n: int) -> bytes:
        """From the generator."""
        return self.rng.bytes(n)


class ReplayedChoices(Choices):
    """Choices that were made before."""

    def __init__(self, made: Sequence[Choice], largest: int) -> None:
        super().__init__(largest)
        self.left = iter(made)

    def next_whole(self, low: int, high: int) -> int:
        """The next one that was made.

        Raises:
            ValueError: the choices are not those of such a case.
        """
        number = next(self.left, None)
        if not isinstance(number, int) or not low <= number <= high:
            raise ValueError(f"the next choice is {number!r}, expected a number in [{low}, {high}]")
        return number

    def next_bytes(self, n: int) -> bytes:
        """The next ones that were made.

        Raises:
            ValueError: the choices are not those of such a case.
        """
        drawn = next(self.left, None)
        if not isinstance(drawn, bytes) or len(drawn) != n:
            raise ValueError(f"the next choice is {drawn!r}, expected {n} bytes")
        return drawn
