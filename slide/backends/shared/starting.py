"""How a worker process begins and ends, of whatever pool, on any system."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import parent_process
from multiprocessing.connection import wait
from types import ModuleType

PATIENCE = 2.0  # seconds for what is being computed when the parent has gone


@contextmanager
def without_main() -> Iterator[None]:
    """A process that is started within it does not run the caller's script once more.

    Nothing of a script is needed there, and a script without `if __name__ == "__main__"` would
    train again in each of its workers.
    """
    script = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script


def leave_with_parent() -> None:
    """End this process some seconds after the parent has ended, whatever is being computed."""
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    threading.Event().wait(PATIENCE)
    os._exit(1)
