"""Which shard keeps all others waiting: it is named once, and again when another one does."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.errors import SlideWarning

STEPS = 64  # that medians are of
RATIO = 2.0  # of a shard's median to that of all shards, from which it is slow
SHORTEST = 0.005  # seconds of a median: below, what a machine does besides decides
WORTH_SAYING = 1.0  # seconds that the others have waited for a shard in all


class SlowShardWarning(SlideWarning):
    """A shard takes far longer than the others."""


class Slowness:
    """Watches the seconds that shards compute for each step.

    Args:
        n_shards: how many there are.
    """

    def __init__(self, n_shards: int) -> None:
        self.seconds = np.zeros((STEPS, n_shards))
        self.n_steps = 0
        self.named: int | None = None
        self.waited = np.zeros(n_shards)  # seconds, for each

    def see(self, seconds: Array, place_of: Callable[[int], str]) -> None:
        """Take note of a step.

        Args:
            seconds: f64 (n_shards,).
            place_of: says where a shard is.
        """
        self.seconds[self.n_steps % STEPS] = seconds
        self.n_steps += 1
        if self.n_steps % STEPS:
            return
        medians = np.median(self.seconds, axis=0)
        slowest = int(np.argmax(medians))
        others = float(np.median(np.delete(medians, slowest))) if len(medians) > 1 else np.inf
        if medians[slowest] < max(RATIO * others, SHORTEST):
            self.named = None
            return
        self.waited[slowest] += STEPS * (medians[slowest] - others)
        if slowest != self.named and self.waited[slowest] >= WORTH_SAYING:
            self.named = slowest
            warnings.warn(
                SlowShardWarning(
                    f"shard {slowest} on {place_of(slowest)} keeps the others waiting: its median "
                    f"step takes {1e3 * medians[slowest]:.0f} ms, that of the others "
                    f"{1e3 * others:.0f}"
                ),
                stacklevel=2,
            )
