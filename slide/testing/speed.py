"""Calls of every kernel as items of pytest-benchmark, in groups where only the backend differs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest
from threadpoolctl import threadpool_limits

from slide.backends import use_threads
from slide.bench.calls import CALLS
from slide.bench.devices import wait_for_device, waiting_for_device
from slide.bench.problem import SIZES, Problem
from slide.core.contract.backend import Backend
from slide.core.errors import ConfigError
from slide.core.machine import cores
from slide.testing.under_test import BackendUnderTest

BASELINES = ("numba", "reference")
PLUGIN = "pytest_benchmark.plugin"
REFUSED = pytest.mark.filterwarnings("ignore:Benchmark fixture was not used")
"""It is said in a sentence why a kernel is not timed."""
SECONDS, FEWEST = 0.1, 3  # of an item, and its rounds


def benchmarks(
    backend: str, sizes: Sequence[str] = ("demo",), threads: int | None = None
) -> Callable[..., None]:
    """A test function that times the calls of all kernels, beside numba and the reference.

    A group of pytest-benchmark, as `sddmm, block, demo`, is one call at one size: the same
    arguments for each backend. A kernel that is not verified is not timed, and its item fails.
    Without pytest-benchmark items are skipped.

    Args:
        backend: a registered name or `module:Class`.
        sizes: of `slide.bench.problem.SIZES`: `small`, `demo`, `large`.
        threads: to compute with; all cores if not given.

    Raises:
        ConfigError: there is no such size.
    """
    if unknown := [size for size in sizes if size not in SIZES]:
        raise ConfigError(f"benchmarks got sizes={unknown}: expected some of {', '.join(SIZES)}")
    if PLUGIN not in sys.modules:  # as with `-p no:benchmark`
        return without_plugin
    tested = {name: BackendUnderTest(name) for name in dict.fromkeys((backend, *BASELINES))}
    kept: dict[str, Problem] = {}

    def test_speed(benchmark: Any, call: str, size: str, name: str) -> None:
        with threadpool_limits(limits=1):
            made = CALLS[call](problem(kept, size))
            computer = cast(Backend, tested[name].verified(made.kernel))
            use_threads(computer, threads or cores())
            function = waiting_for_device(computer, getattr(computer, made.kernel))
            arguments = made.arguments_on(computer)
            wait_for_device(computer)
            function(*arguments)  # compiles
            benchmark.extra_info |= {"flops": made.flops, "bytes": made.bytes}
            benchmark(function, *arguments)

    wanted = pytest.mark.parametrize(("call", "size", "name"), items_of(sizes, [*tested]))
    return cast(Callable[..., None], REFUSED(wanted(test_speed)))


def without_plugin() -> None:
    """What is there to collect where nothing can be timed."""
    pytest.skip("times need pytest-benchmark: pip install 'slide-engine[testing]'")


def items_of(sizes: Sequence[str], names: Sequence[str]) -> list[Any]:
    """Parameters of all items; those of a group follow each other."""
    return [
        pytest.param(
            call,
            size,
            name,
            id=f"{call}-{size}-{name}".replace(", ", "-").replace(" ", "_"),
            marks=pytest.mark.benchmark(
                group=f"{call}, {size}", max_time=SECONDS, min_rounds=FEWEST
            ),
        )
        for size in sizes
        for call in CALLS
        for name in names
    ]


def problem(kept: dict[str, Problem], size: str) -> Problem:
    """The one in use: at the largest size it takes gigabytes."""
    if size not in kept:
        kept.clear()
        kept[size] = Problem(SIZES[size])
    return kept[size]
