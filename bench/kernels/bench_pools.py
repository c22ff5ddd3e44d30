"""Two pools of threads on the same cores: why the backend keeps BLAS on one thread.

BLAS has a pool of its own and waits at a barrier after each product. Where a thread of the backend,
or of a stranger, holds a core meanwhile, the product waits for the scheduler. Each row is one of
four fights: BLAS on one thread or on all, the machine ours or half of its cores busy.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import slide
from bench.harness.problems import ACTIVE, BATCH, HIDDEN, Scale, settings, stepper
from slide.backends.threads import blas
from slide.core.contract.arrays import Block
from slide.core.contract.backend import Backend


class Unlimited:
    """What `blas.libraries` answers where nobody is to limit them."""

    def limit(self, limits: int) -> AbstractContextManager[None]:
        return nullcontext()


@contextmanager
def neighbours(n: int) -> Iterator[None]:
    """Processes that keep so many cores busy."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(n)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


@pytest.fixture(params=["one thread", "all threads"])
def blas_on(
    request: pytest.FixtureRequest, threads: int, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """As the backend keeps it, or as it would be if the backend did not care."""
    if request.param == "one thread":
        yield request.param
        return
    monkeypatch.setattr(blas, "libraries", Unlimited)
    with threadpool_limits(threads, "blas"):
        yield request.param


@pytest.fixture(params=["nobody", "half the cores busy"])
def beside(request: pytest.FixtureRequest, threads: int) -> Iterator[str]:
    with neighbours(0 if request.param == "nobody" else max(1, threads // 2)):
        yield request.param


@pytest.mark.benchmark(group="Two pools of threads")
def bench_product(
    timed: Callable[..., Any], on_cores: Backend, scale: Scale, blas_on: str, beside: str
) -> None:
    rng, n = np.random.default_rng(0), scale.n_labels[0]
    h, w = (rng.standard_normal((rows, HIDDEN + 1), dtype=np.float32) for rows in (BATCH, n))
    ids = np.sort(rng.choice(n, ACTIVE["batch"], replace=False)).astype(np.int32)
    active = Block(ids, np.zeros((1, len(ids)), np.float32), n).map(on_cores.put)
    h, w = on_cores.put(h), on_cores.put(w)
    timed(on_cores.sddmm, h, w, active, what="sddmm, block")


@pytest.mark.benchmark(group="Two pools of threads")
def bench_step(
    timed: Callable[..., Any],
    on_cores: Backend,
    large: slide.Dataset,
    scale: Scale,
    blas_on: str,
    beside: str,
) -> None:
    step = stepper(settings("uniform", "batch"), on_cores, large)
    step()
    timed(step, rounds=4 * scale.rounds, what="a step, scope batch")
