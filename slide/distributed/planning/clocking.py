"""Core-seconds of what this process does, whatever else the machine has to do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np

from slide.core.examples.dataset import Dataset
from slide.core.learner import Learner

SPEND = 0.1  # core-seconds on a measurement at least
FEWEST, MOST = 3, 200  # calls of it
LARGER = 4  # times the batch is a second size, to see what a larger one saves
N_BATCHES = 16  # that calls take turns on


process_seconds = time.process_time
"""Seconds of all cores that this process has computed on."""


def core_seconds(function: Callable[[], object]) -> float:
    """Of a call, the median; the first one, which warms up, is not counted."""
    function()
    seconds: list[float] = []
    while len(seconds) < FEWEST or (sum(seconds) < SPEND and len(seconds) < MOST):
        began = process_seconds()
        function()
        seconds.append(process_seconds() - began)
    return sorted(seconds)[len(seconds) // 2]


def batches(run: Learner, size: int) -> Iterator[Dataset]:
    """N_BATCHES of the training examples, drawn with repetition."""
    rng = np.random.default_rng(run.settings.training.seed)
    for _ in range(N_BATCHES):
        yield run.data.take(run.order[rng.integers(len(run.order), size=size)])


def taking(run: Learner, size: int) -> float:
    """Core-seconds of taking so many examples."""
    rows = np.random.default_rng(0).permutation(run.order)[:size]
    return core_seconds(lambda: run.data.take(rows)) * size / len(rows)
