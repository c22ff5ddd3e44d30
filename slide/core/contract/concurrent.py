"""Functions that are called at once, by the threads of whoever computes.

NumPy lets go of the interpreter while it works on a long array, so that two threads sort two halves
in the time of one. Threads belong to the backend (decision 0005): without any, the functions are
called one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from slide.core.contract.backend import Backend

Result = TypeVar("Result")


def concurrently(backend: Backend | None, calls: Sequence[Callable[[], Result]]) -> list[Result]:
    """The results of some functions, in order.

    Args:
        backend: whose threads call them; None for nobody's.
        calls: each gives the same whatever the others do, writes nothing that another one reads or
            writes, and calls no kernel. How many there are must not depend on the threads where
            bits depend on the cut.
    """
    together: Callable[..., list[Result]] | None = getattr(backend, "concurrently", None)
    return [call() for call in calls] if together is None else together(calls)
