"""One lock for a machine: two harnesses never measure at once, whatever checkout they run in."""

from __future__ import annotations

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILE = Path(tempfile.gettempdir()) / "slide-bench-peers.lock"


@contextmanager
def machine_lock() -> Iterator[None]:
    """Wait until nobody measures; the system lets go of the lock even if this process dies."""
    with FILE.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"Another harness is measuring: waiting for {FILE}", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
