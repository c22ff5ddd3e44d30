"""Every kernel on its own, at several sizes and in both layouts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from slide.bench.calls import CALLS
from slide.bench.problem import SIZES, Problem
from slide.core.contract.backend import Backend


@pytest.fixture(scope="module")
def problems() -> Iterator[dict[str, Problem]]:
    """The one in use: at the largest size it takes gigabytes."""
    kept: dict[str, Problem] = {}
    yield kept
    kept.clear()


@pytest.mark.benchmark(group="Kernels")
@pytest.mark.parametrize("call", CALLS)
def bench_kernel(
    timed: Callable[..., Any],
    backend: Backend,
    problems: dict[str, Problem],
    size: str,
    call: str,
) -> None:
    if size not in problems:
        problems.clear()
        problems[size] = Problem(SIZES[size])
    made = CALLS[call](problems[size])
    notes = {"bytes": made.bytes, "flops": made.flops}
    timed(getattr(backend, made.kernel), *made.arguments_on(backend), **notes)
