"""Every kernel on its own, at several sizes and in both layouts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from calls import CALLS, SIZES, Problem

from slide.core.backend import KERNELS, Backend


@pytest.fixture(scope="module")
def problems() -> Iterator[dict[tuple[str, str], Problem]]:
    """The one in use: at the largest size it takes gigabytes."""
    kept: dict[tuple[str, str], Problem] = {}
    yield kept
    kept.clear()


@pytest.mark.benchmark(group="Kernels")
@pytest.mark.parametrize("call", CALLS)
def bench_kernel(
    timed: Callable[..., Any],
    backend: Backend,
    problems: dict[tuple[str, str], Problem],
    size: str,
    call: str,
) -> None:
    key = backend.name, size
    if key not in problems:
        problems.clear()
        problems[key] = Problem(SIZES[size], backend)
    made = CALLS[call](problems[key])
    assert made.kernel in KERNELS
    notes = {"bytes": made.bytes, "flops": made.flops}
    timed(getattr(backend, made.kernel), *made.arguments, **notes)
