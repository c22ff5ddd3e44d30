"""What marked code tells while it runs: the ways its branches took, and the sizes it compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from itertools import chain
from typing import Any

import numpy as np

NOTHING = object()
WHOLE = int, np.integer


class Recorder:
    """Notes of all marks, from all threads; a mark is a number.

    Attributes:
        is_on: whether anything is noted.
        ways: two cells a mark, for False and True: 1 once it went that way.
        largest: the largest whole number that came by a mark.
    """

    def __init__(self) -> None:
        self.is_on = False
        self.ways = bytearray()
        self.largest: dict[int, int] = {}

    def new(self) -> int:
        """Another mark."""
        self.ways += bytes(2)
        return len(self.ways) // 2 - 1

    @contextmanager
    def on(self) -> Iterator[None]:
        """Take notes within it."""
        self.is_on = True
        try:
            yield
        finally:
            self.is_on = False

    def took(self, mark: int, way: bool) -> bool:
        """Whether a mark ever went that way."""
        return self.ways[2 * mark + way] == 1

    def test(self, mark: int, value: Any) -> bool:
        """The truth of a condition."""
        truth = bool(value)
        if self.is_on:
            self.ways[2 * mark + truth] = 1
        return truth

    def enter(self, mark: int) -> None:
        """A function, a handler or a case begins."""
        self.test(mark, True)

    def loop(self, mark: int, things: Iterable[Any]) -> Iterable[Any]:
        """What a loop goes over; the first thing is taken out of it only where there is no length.

        Whoever shares an iterator, as threads do, gets the same things as without a mark.
        """
        if isinstance(things, Sized):
            self.test(mark, len(things) > 0)
            return things
        rest = iter(things)
        first = next(rest, NOTHING)
        self.test(mark, first is not NOTHING)
        return chain(() if first is NOTHING else (first,), rest)

    def size(self, mark: int, value: Any) -> Any:
        """One side of a comparison; of an array of whole numbers the largest one counts."""
        if self.is_on:
            whole = value
            if isinstance(value, np.ndarray) and value.dtype.kind in "iu" and value.size:
                whole = value.max()
            if isinstance(whole, WHOLE) and whole > self.largest.get(mark, -1):
                self.largest[mark] = int(whole)
        return value

    def add(self, mark: int, ways: bytes, largest: int) -> None:
        """What a mark has noted in another process."""
        for way in (False, True):
            self.ways[2 * mark + way] |= ways[way]
        self.largest[mark] = max(largest, self.largest.get(mark, -1))
