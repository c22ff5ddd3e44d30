"""Long arrays of zeros that kernels borrow: to clear one for every call would cost more than it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from slide.backends.threads.pool import Pool
from slide.core.contract.arrays import Array


class Scratch:
    """Arrays of float32 zeros, as many as are wanted at a time.

    A kernel that borrows one leaves zeros in it. Lists pop and append at once, whichever threads
    call, so no two of them ever hold the same array.
    """

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.free: list[Array] = []

    def __reduce__(self) -> tuple[type[Scratch], tuple[Pool]]:
        """Of a copy, which clears arrays of its own."""
        return type(self), (self.pool,)

    def spread(
        self, kernel: Callable[..., Any], n_rows: int, n_zeros: int, *arguments: Any
    ) -> None:
        """kernel(start, stop, zeros, *arguments) on spans that cover n_rows."""

        def span(start: int, stop: int, *given: Any) -> None:
            zeros = self.borrow_zeros(n_zeros)
            kernel(start, stop, zeros, *given)
            self.free.append(zeros)  # unless the kernel raised: then nobody knows what is in it

        self.pool.spread(span, n_rows, *arguments, grain=ROWS)

    def borrow_zeros(self, n: int) -> Array:
        """An array of at least n zeros."""
        try:
            zeros = self.free.pop()
        except IndexError:
            return np.zeros(n, np.float32)
        return zeros if len(zeros) >= n else np.zeros(n, np.float32)


ROWS = 8  # below which a span is not worth a thread
