"""Whether a call has left its arguments as they were, by a sample of the rows of each array."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from slide.core.contract.arrays import Array
from slide.reference.spot_checks.picks import Picks

ROWS = 4096  # of an array, at most; fewer of wide ones
COST = 32  # of an item, in terms of a sample


class ArgumentGuard:
    """Rows of arguments as they are before a call.

    Args:
        picks: draws rows, and brings them to the host.
        named: the arguments that the call may not change, by their names.
    """

    def __init__(self, picks: Picks, named: dict[str, Any]) -> None:
        self.picks = picks
        self.parts: list[tuple[str, Any, Array, bytes]] = []
        for name, argument in named.items():
            for path, array in arrays_of(argument, name):
                rows = picks.pick_ids(len(array), COST * array.size / max(len(array), 1), ROWS)
                self.parts.append((path, array, rows, self.bits(array, rows)))

    def bits(self, array: Any, rows: Array) -> bytes:
        """Of some rows, now."""
        return bytes(np.asarray(self.picks.rows(array, rows)).tobytes())

    def find_change(self) -> str:
        """The first argument that is not as it was, in a sentence; empty if there is none."""
        for path, array, rows, before in self.parts:
            if self.bits(array, rows) != before:
                return f"{path} is written to, expected arguments as they were before the call"
        return ""


def arrays_of(thing: Any, name: str) -> Iterator[tuple[str, Any]]:
    """The arrays of an argument that have rows, each with the way to it."""
    if isinstance(thing, tuple):
        for place, part in enumerate(thing):
            yield from arrays_of(part, f"{name}[{place}]")
    elif is_dataclass(thing) and not isinstance(thing, type):
        for field in fields(thing):
            yield from arrays_of(getattr(thing, field.name), f"{name}.{field.name}")
    elif getattr(thing, "ndim", 0) and len(thing):
        yield name, thing
