"""Where a model comes from: when it was trained, by which release, on which data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Origin:
    """What is recorded of a training; "" for what is not, as of models of earlier releases.

    Args:
        trained_at: when it ended, in UTC, such as 2026-11-30T12:38:52+00:00.
        slide_version: the release that trained it.
        data_digest: BLAKE2b of all arrays of the training set, 32 hexadecimal digits, as
            checkpoints and `slide stats` have it: two sets of one digest are the same.
    """

    trained_at: str = ""
    slide_version: str = ""
    data_digest: str = ""

    @classmethod
    def now(cls, data_digest: str) -> Origin:
        """Of what has just been trained on such data."""
        return cls(datetime.now(UTC).isoformat(timespec="seconds"), version(), data_digest)

    @classmethod
    def of(cls, description: Mapping[str, Any]) -> Origin:
        """As config.json says it."""
        return cls(**{name: str(description.get(name, "")) for name in asdict(cls())})

    def told(self) -> dict[str, str]:
        """What config.json says of it: what is known."""
        return {name: said for name, said in asdict(self).items() if said}


UNKNOWN = Origin()


def version() -> str:
    """Of this package, whose top has imported us by the time that anybody asks."""
    import slide

    return slide.__version__
