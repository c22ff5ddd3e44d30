"""Nothing is timed that has not been verified."""

from __future__ import annotations

from collections.abc import Iterable

from threadpoolctl import threadpool_limits

from slide.reference.checks import check, passed
from slide.reference.properties import GRID

N_EXAMPLES = 3  # of each property; enough to refuse a kernel that is wrong everywhere


def refusal(backend: object, name: str, rows: Iterable[str]) -> str | None:
    """Why a backend may not be timed, or None.

    Args:
        backend: an instance, complete or not.
        name: that it was asked for by.
        rows: of the grid (`slide.reference.properties.GRID`): kernels, perhaps training.

    Returns:
        One sentence: the first check that is not passed, and what to do.
    """
    with threadpool_limits(limits=1):  # BLAS with more threads has other last bits
        for kernel in rows:
            for prop in GRID[kernel]:
                one = check(backend, kernel, prop, N_EXAMPLES, shrink=False)
                if not passed([one]):
                    return (
                        f"backend {name!r} is not timed, for it is not verified ({kernel} {prop}: "
                        f"{one.outcome}): run slide verify {name}"
                    )
    return None
