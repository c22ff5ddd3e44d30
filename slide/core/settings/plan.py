"""How sampled inference looks for labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from slide.core.settings.setting import Part, maybe_whole, number, whole

CANDIDATES_AT_LEAST = 1000


@dataclass(frozen=True, slots=True)
class Plan(Part):
    """What is looked into, and how many labels are computed; each is checked when it is made.

    Args:
        K: digits per code; None for those of training, in SimHash 9 at most.
        L: tables; None for 100.
        probes: nearest buckets of a table that a query looks into; None for 8.
        candidates: share of the labels, in (0, 1], of which the logits are computed; 1,000 labels
            at least.
        bucket_limit: entries that a query looks at of one bucket, or of one list of an index.

    Raises:
        ConfigError: a setting is out of its range.
    """

    title: ClassVar[str] = "Sampled inference"

    K: int | None = maybe_whole(1, 64, "digits per hash code (as in training, 9 at most)")
    L: int | None = maybe_whole(1, 1024, "hash tables (100)")
    probes: int | None = maybe_whole(1, 16, "nearest buckets of a table that are looked into (8)")
    candidates: float = number(
        0.002, 1e-9, 1.0, "share of the labels whose logits are computed, 1,000 labels at least"
    )
    bucket_limit: int = whole(
        50, 1, 1 << 31, "entries looked at of a bucket, or of a list of the index"
    )

    def budget(self, n: int) -> int:
        """Candidates among n labels."""
        return max(CANDIDATES_AT_LEAST, round(self.candidates * n))
