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


class Interrupted(KeyboardInterrupt):
    """An interrupt after which there is something to say; the command line prints the sentence."""


class Hearing:
    """Interrupts, which wait while something is done that must not be left half done.

    Attributes:
        is_broken: whether such a thing was left half done all the same, by an exception.
    """

    def __init__(self) -> None:
        self.is_busy = self.is_broken = False
        self.heard: int | None = None
        self.before: dict[int, Callable[[int, FrameType | None], object]] = {}

    def __enter__(self) -> Hearing:
        for one in INTERRUPTS:
            handler = signal.getsignal(one)
            if callable(handler) and threading.current_thread() is threading.main_thread():
                self.before[one] = handler
                signal.signal(one, self.hear)
        return self

    def __exit__(self, *error: object) -> None:
        for one, handler in self.before.items():
            if signal.getsignal(one) == self.hear:
                signal.signal(one, handler)

    def hear(self, number: int, frame: FrameType | None) -> None:
        """Do what is done about this signal now, or when there is time for it."""
        if self.is_busy:
            self.heard = number
        else:
            self.before[number](number, frame)

    @contextmanager
    def held(self) -> Iterator[None]:
        """What is done within it is done wholly."""
        self.is_busy = True
        try:
            yield
        except BaseException:
            self.is_broken = True
            raise
        finally:
            self.is_busy = False
        if self.heard is not None:
            number, self.heard = self.heard, None
            self.before[number](number, None)


@contextmanager
def unwrapping() -> Iterator[None]:
    """An interrupt that came while a library in C called Python is one again.

    Such a library, as Numba's dispatcher is one, may go on with the error set, and then Python
    raises SystemError from it.
    """
    try:
        yield
    except SystemError as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, KeyboardInterrupt):
            cause = cause.__cause__ or cause.__context__
        raise cause or error from None


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
