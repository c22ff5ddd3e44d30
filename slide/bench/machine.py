"""The machine that figures are of, and how much of it was ours meanwhile."""

from __future__ import annotations

import os
import time
from pathlib import Path

from slide.core.machine import cpu_model

__all__ = ["Busy", "cache_bytes", "cpu_model", "cpu_seconds"]

LAST_LEVEL = Path("/sys/devices/system/cpu/cpu0/cache/index3/size")
USUAL_CACHE = 32 << 20  # where the system does not tell


def cache_bytes() -> int:
    """The cache that all cores share."""
    text = LAST_LEVEL.read_text(encoding="ascii").strip() if LAST_LEVEL.exists() else ""
    return int(text[:-1]) << 10 if text.endswith("K") else USUAL_CACHE


def cpu_seconds() -> float:
    """Of this process, and of its children that have ended."""
    spent = os.times()
    return time.process_time() + spent.children_user + spent.children_system


class Busy:
    """How many cores were ours: CPU seconds over wall seconds, since it was made.

    With all threads at work and nobody else on the machine it is the number of threads.
    """

    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), cpu_seconds()

    def seconds(self) -> float:
        """Of wall."""
        return time.perf_counter() - self.wall

    def cores(self) -> float:
        """Kept busy, mean."""
        return (cpu_seconds() - self.cpu) / self.seconds()
