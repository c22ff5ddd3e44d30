"""Threads that run compiled kernels on spans of rows."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np

from slide.backends.threads.blas import on_one_thread
from slide.backends.threads.compiling import as_writable, call_compiled
from slide.core.contract.arrays import Array

SPANS_PER_THREAD = 4  # so that a thread that lost its core to somebody else is helped out

Result = TypeVar("Result")


class Pool:
    """Some threads, the caller's own among them.

    The others are started when first needed, and anew in a forked process, which has none of its
    parent's.
    """

    def __init__(self, n_threads: int = 1) -> None:
        self.n_threads = n_threads
        self.owner = -1
        self.executor: ThreadPoolExecutor | None = None

    def __reduce__(self) -> tuple[type[Pool], tuple[int]]:
        """Of a copy, in whatever process: threads stay where they are."""
        return type(self), (self.n_threads,)

    def resize(self, n_threads: int) -> None:
        """Compute with so many from now on, whoever has a kernel of this pool already."""
        self.n_threads, self.executor = n_threads, None

    def spread(
        self,
        kernel: Callable[..., Result],
        n_rows: int,
        *arguments: Any,
        grain: int = 1,
        by: Array | None = None,
        spans_per_thread: int = SPANS_PER_THREAD,
    ) -> list[Result]:
        """kernel(start, stop, *arguments) on spans that cover n_rows.

        Args:
            kernel: releases the GIL, and treats every row alike whatever the span.
            n_rows: to cover.
            arguments: the same for all spans.
            grain: rows below which a span is not worth a thread.
            by: i64 (n_rows,), what each row costs, where rows differ: spans are even by it.
            spans_per_thread: more where the last span would keep the others waiting for long.

        Returns:
            What the spans gave, in their order.
        """
        n_spans = min(self.n_threads * spans_per_thread, n_rows // max(grain, 1))
        if self.n_threads == 1 or n_spans < 2:
            return [call_compiled(kernel, 0, n_rows, *arguments)]
        edges = [n_rows * i // n_spans for i in range(n_spans + 1)]
        if by is not None:
            costs = np.cumsum(by + 1)
            shares = np.arange(1, n_spans) * costs[-1] / n_spans
            edges = np.unique([0, *np.searchsorted(costs, shares), n_rows]).tolist()
        arguments = tuple(map(as_writable, arguments))
        return self.run([(kernel, start, stop, *arguments) for start, stop in pairwise(edges)])

    def blocks(self, kernel: Callable[..., Result], n_rows: int, size: int) -> list[Result]:
        """kernel(start, stop), a BLAS product, on blocks that do not depend on the threads."""
        starts = range(0, n_rows, size)
        with on_one_thread():
            return self.run([(kernel, start, min(start + size, n_rows)) for start in starts])

    def run(self, calls: list[tuple[Any, ...]]) -> list[Any]:
        """The results of some calls (function, *arguments), in order."""
        results: list[Any] = [None] * len(calls)
        left = iter(range(len(calls)))  # each number goes to one thread, by the GIL

        def work() -> None:
            for i in left:
                function, *arguments = calls[i]
                results[i] = function(*arguments)

        n_others = min(self.n_threads, len(calls)) - 1
        others = [self.workers().submit(work) for _ in range(n_others)]
        try:
            work()
        finally:
            wait(others)
        for other in others:
            other.result()  # raises what the thread did
        return results

    def workers(self) -> ThreadPoolExecutor:
        """The other threads of this process."""
        if self.executor is None or self.owner != os.getpid():
            self.owner = os.getpid()
            self.executor = ThreadPoolExecutor(max(self.n_threads - 1, 1), "slide")
        return self.executor
