"""Leaving when a signal says so, wherever it comes: in a finalizer, or while a process starts."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

SOON = 0.01  # seconds


def known(*names: str) -> tuple[signal.Signals, ...]:
    """Those of these signals that the system has: Windows has no SIGHUP."""
    return tuple(getattr(signal, name) for name in names if hasattr(signal, name))


OF_TERMINAL = known("SIGINT", "SIGHUP")
"""What a terminal sends to all of its processes."""
INTERRUPTS = (*OF_TERMINAL, signal.SIGTERM)
"""What ends a run."""


def resend_dropped_signal(
    kind: type[BaseException], number: int, handler: Callable[[int, FrameType | None], object]
) -> None:
    """Send a signal again whenever what its handler raised was dropped.

    Python prints and forgets what is raised in a finalizer or a callback of the garbage collector,
    and handlers run wherever the main thread happens to be.

    Args:
        kind: what the handler raises.
        number: the signal.
        handler: of it.
    """
    before = sys.unraisablehook

    def hook(unraisable: sys.UnraisableHookArgs) -> None:
        if not isinstance(unraisable.exc_value, kind):
            before(unraisable)
            return
        signal.signal(number, handler)
        again = threading.Timer(SOON, os.kill, (os.getpid(), number))  # when this is over
        again.daemon = True
        again.start()

    sys.unraisablehook = hook


@contextmanager
def ignoring_signals(*signals: signal.Signals) -> Iterator[None]:
    """Processes that are started within it ignore these; those that come are raised afterwards.

    A process inherits which signals are blocked. Only the main thread can do so.
    """
    blocking = hasattr(signal, "pthread_sigmask")  # not on Windows
    before, heard = {}, list[int]()
    if blocking:
        from multiprocessing import resource_tracker

        resource_tracker.ensure_running()  # when that starts it unblocks them
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    with suppress(ValueError):
        for one in signals:  # another thread may not block them
            before[one] = signal.signal(one, lambda number, frame: heard.append(number))
    try:
        yield
    finally:
        if blocking:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for one, handler in before.items():
            signal.signal(one, handler)
        for number in heard:
            signal.raise_signal(number)
