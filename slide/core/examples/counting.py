"""Where the numbers of a text file begin."""

from __future__ import annotations

from enum import StrEnum


class OneBased(StrEnum):
    """What a text file, and whatever answers it, counts from 1; the rest is counted from 0."""

    NONE = "none"
    FEATURES = "features"
    LABELS = "labels"
    BOTH = "both"

    @classmethod
    def of(cls, features: bool, labels: bool) -> OneBased:
        """By what counts from 1."""
        return ((cls.NONE, cls.LABELS), (cls.FEATURES, cls.BOTH))[features][labels]

    @property
    def first_feature(self) -> int:
        """The number that the first feature has in the file."""
        return int(self in (OneBased.FEATURES, OneBased.BOTH))

    @property
    def first_label(self) -> int:
        """The number that the first label has in the file."""
        return int(self in (OneBased.LABELS, OneBased.BOTH))
