"""Where the time goes: a backend that counts the seconds spent in each of its kernels."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from slide.core.contract.backend import KERNELS, Backend


class TimedBackend:
    """Forwards every kernel to `backend`, and adds up seconds and calls by kernel name.

    A backend whose kernels return before they are done is waited for.

    Args:
        backend: does the work.
        clock: of the seconds; `time.process_time` for those of all cores that computed.

    Attributes:
        seconds: wall seconds so far, by kernel, or what the clock counts.
        calls: so far, by kernel.
    """

    def __init__(self, backend: Backend, clock: Callable[[], float] = time.perf_counter) -> None:
        self.name, self.clock = backend.name, clock
        self.wait = getattr(backend, "synchronize", lambda: None)
        if hasattr(backend, "concurrently"):
            self.concurrently = backend.concurrently
        self.seconds, self.calls = dict.fromkeys(KERNELS, 0.0), dict.fromkeys(KERNELS, 0)
        for kernel in KERNELS:
            setattr(self, kernel, self._timed(kernel, getattr(backend, kernel)))

    def _timed(self, kernel: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            start = self.clock()
            try:
                return function(*args, **kwargs)
            finally:
                self.wait()
                self.seconds[kernel] += self.clock() - start
                self.calls[kernel] += 1

        return timed

    def told(self) -> dict[str, dict[str, Any]]:
        """All so far, by the names in metrics.jsonl."""
        return {"seconds_by_kernel": dict(self.seconds), "calls_by_kernel": dict(self.calls)}

    def go_on_from(self, told: Mapping[str, Any]) -> None:
        """Count on from what was told before; where that had no calls, as earlier ones, from 0."""
        self.seconds |= told["seconds_by_kernel"]
        self.calls |= told.get("calls_by_kernel", {})
