"""What is said of shards that are lost, and how often that may happen."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from slide.core.errors import BackendError, SlideWarning

MOST_LOSSES = 8  # without a step in between: then something is wrong that stays


class ShardLostError(Exception):
    """Shards are gone, with what they had; `ShardGroup.revive` has new ones, which know nothing.

    Args:
        ranks: of which.
        reason: in words.
    """

    def __init__(self, ranks: Sequence[int], reason: str) -> None:
        self.ranks, self.reason = list(ranks), reason
        numbers = " and ".join(str(rank) for rank in ranks)
        super().__init__(f"shard {numbers}: {reason}")


class ShardLostWarning(SlideWarning):
    """Shards were lost, and are there again."""


def refuse_losses(lost: ShardLostError, n: int) -> None:
    """Raise BackendError if shards are lost again and again."""
    if n > MOST_LOSSES:
        raise BackendError(
            f"{lost}, {MOST_LOSSES} times without a step in between: see what ends it in the logs "
            "of Ray, in /tmp/ray/session_latest/logs"
        ) from None


def warn(sentence: str) -> None:
    """Say that shards were lost, and how it goes on."""
    warnings.warn(ShardLostWarning(sentence), stacklevel=2)
