"""How many calls were checked, and what was found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """What was checked so far.

    Args:
        calls: of each kernel.
        checked: of them.
        worst: the largest deviation of a floating result over its bound, at most 1.
    """

    calls: Counter[str] = field(default_factory=Counter)
    checked: Counter[str] = field(default_factory=Counter)
    worst: float = 0.0

    def __str__(self) -> str:
        parts = [f"{kernel} {self.checked[kernel]} of {n}" for kernel, n in self.calls.items()]
        counts = ", ".join(parts) or "none"
        return f"kernel calls checked: {counts}; worst deviation {self.worst:.2f} of its bound"
