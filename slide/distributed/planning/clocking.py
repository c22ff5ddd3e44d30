"""Core-seconds of what this process does, whatever else the machine has to do."""

from __future__ import annotations

import time
from collections.abc import Callable

SPEND = 0.1  # core-seconds on a measurement at least
FEWEST, MOST = 3, 200  # calls of it


process_seconds = time.process_time
"""Seconds of all cores that this process has computed on."""


def core_seconds(function: Callable[[], object], spend: float = SPEND) -> float:
    """Of a call, the median; the first one, which warms up, is not counted."""
    function()
    seconds: list[float] = []
    while len(seconds) < FEWEST or (sum(seconds) < spend and len(seconds) < MOST):
        began = process_seconds()
        function()
        seconds.append(process_seconds() - began)
    return sorted(seconds)[len(seconds) // 2]
