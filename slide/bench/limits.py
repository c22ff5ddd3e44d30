"""What this machine can do at most, of the things that a training step is made of.

Each limit is the best of many rounds, in threads of our own that need nothing from each other. The
loops are compiled here and are none of the engine's, so that it is not its own yardstick.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar, cast

import numba
import numpy as np
from threadpoolctl import threadpool_limits

from slide.backends.threads.caching import kept_on_disk
from slide.bench.machine import Busy
from slide.core.contract.arrays import Array

WIDTH = 128  # of the rows that are gathered and updated: 512 bytes
PAGE = 1 << 16  # numbers in a block that is read at once: 256 KB, which stay in L2
PER_SET = 1000  # rows gathered for one example, ascending as in an active set
SIDE = 1024  # of the matrices that are multiplied
N_ROWS = {"quick": 200_000, "full": 670_091}
SECONDS = {"quick": 0.3, "full": 1.0}  # for each limit

Loop = TypeVar("Loop", bound=Callable[..., Any])


def compiled_fast(loop: Loop) -> Loop:
    """Compiled, by other rules than the engine's."""
    return cast(Loop, kept_on_disk(numba.njit(nogil=True, fastmath=True)(loop)))


@dataclass(frozen=True, slots=True)
class Limits:
    """Of so many threads, a second.

    Args:
        threads: that worked.
        busy: cores that were theirs meanwhile, by the clock of the system.
        stream: bytes read one after the other from memory.
        gather: bytes of rows of 512, here and there in memory, ascending in sets of 1,000.
        cached: bytes read again and again from a thread's own cache.
        flops: of a product of two large float32 matrices.
        exps: exponentials of float32 that stay in the cache.
        updates: rows of 128 weights and two moments, here and there, read and written.
    """

    threads: int
    busy: float
    stream: float
    gather: float
    cached: float
    flops: float
    exps: float
    updates: float


@compiled_fast
def read(start: int, stop: int, ids: Array, w: Array) -> Any:
    """The sum of some rows, which must all be loaded for it."""
    total = np.float32(0)
    for r in range(start, stop):
        row = w[ids[r]]
        for c in range(len(row)):
            total += row[c]
    return total


@compiled_fast
def update(start: int, stop: int, ids: Array, w: Array, m: Array, v: Array, g: Array) -> None:
    """As much to load and store as in Adam, and next to nothing to compute."""
    for r in range(start, stop):
        row, mean, square, gradient = w[ids[r]], m[ids[r]], v[ids[r]], g[r]
        for c in range(len(row)):
            mean[c] += np.float32(0.1) * gradient[c]
            square[c] += np.float32(0.1) * gradient[c]
            row[c] -= mean[c] * square[c]


def best_rate(work: Callable[[int, int], Any], n: int, n_threads: int, seconds: float) -> float:
    """Things a second: work(start, stop) on a share of n for each thread, best of many rounds."""
    edges = [n * i // n_threads for i in range(n_threads + 1)]
    with ThreadPoolExecutor(n_threads) as pool:

        def once() -> float:
            began = time.perf_counter()
            list(pool.map(work, edges[:-1], edges[1:]))
            return time.perf_counter() - began

        once()  # compiles, and touches the memory
        spent = [once()]
        while sum(spent) < seconds:
            spent.append(once())
        return n / min(spent)


def products(start: int, stop: int) -> None:
    """Products of a thread's own matrices, which nobody waits for."""
    a = np.ones((SIDE, SIDE), np.float32)
    out = np.empty_like(a)
    for _ in range(start, stop):
        np.matmul(a, a, out=out)


def exponentials(start: int, stop: int) -> None:
    """Of numbers that a softmax meets."""
    a = np.linspace(-10, 0, PAGE // 4, dtype=np.float32)
    out = np.empty_like(a)
    for _ in range(start, stop):
        np.exp(a, out=out)


def measure_limits(n_threads: int, scale: str) -> Limits:
    """All limits, on so many threads; takes some seconds and up to a gigabyte."""
    n, seconds, rng = N_ROWS[scale], SECONDS[scale], np.random.default_rng(0)
    w, m, v = (np.zeros((n, WIDTH), np.float32) for _ in range(3))
    for array in (w, m, v):
        array[:] = 1e-3  # else all of it would be one page of zeros
    pages = w.reshape(-1)[: n * WIDTH // PAGE * PAGE].reshape(-1, PAGE)
    in_order, again = np.arange(len(pages)), np.zeros(4000 * n_threads, np.int64)
    sets = [
        np.sort(rng.choice(n, PER_SET, replace=False)) for _ in range(256)
    ]  # larger than any cache
    here_and_there, touched = np.concatenate(sets), np.unique(np.concatenate(sets[:64]))
    gradient = np.full((len(touched), WIDTH), 1e-3, np.float32)

    def reads(ids: Array, rows: Array) -> float:
        def work(start: int, stop: int) -> None:
            read(start, stop, ids, rows)

        return best_rate(work, len(ids), n_threads, seconds) * float(rows[0].nbytes)

    def updates(start: int, stop: int) -> None:
        update(start, stop, touched, w, m, v, gradient)

    busy = Busy()
    with threadpool_limits(1, "blas"):
        found = Limits(
            threads=n_threads,
            busy=0.0,
            stream=reads(in_order, pages),
            gather=reads(here_and_there, w),
            cached=reads(again, pages),
            flops=best_rate(products, 8 * n_threads, n_threads, seconds) * 2 * SIDE**3,
            exps=best_rate(exponentials, 100 * n_threads, n_threads, seconds) * (PAGE // 4),
            updates=best_rate(updates, len(touched), n_threads, seconds),
        )
    return replace(found, busy=busy.cores())


def best_of(one: Limits, all_threads: Limits) -> Limits:
    """What all threads reach; where a stranger took a core from them, what one has reached."""
    names = [field.name for field in fields(Limits)]
    return Limits(*(max(getattr(one, name), getattr(all_threads, name)) for name in names))
