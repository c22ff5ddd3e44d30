"""Leaving when a signal says so, also where Python drops the exception that is to do it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

SOON = 0.01  # seconds


def insist(
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
