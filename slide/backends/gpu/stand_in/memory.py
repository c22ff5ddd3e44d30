"""How much memory arrays take, and a limit to it: what a GPU's pool would have to hold."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from slide.backends.gpu.device import out_of_memory

GRAIN = 512  # bytes that CuPy's pool gives at least, and in multiples


class Held:
    """Memory that some arrays share, counted as long as one of them lives."""

    def __init__(self, owner: np.ndarray[Any, Any], memory: Memory) -> None:
        self.owner = owner
        n_bytes = -(-owner.nbytes // GRAIN) * GRAIN
        memory.reserve(n_bytes)
        weakref.finalize(self, memory.release, n_bytes)


@dataclass(slots=True, eq=False)
class Memory:
    """What is taken of a limit.

    Args:
        limit: in bytes.

    Attributes:
        n_bytes: taken now.
        peak: most that was taken, with the workspace of sorts.
        n_scalars: numbers that were fetched one by one.
    """

    limit: int
    n_bytes: int = 0
    peak: int = 0
    n_scalars: int = 0
    owners: weakref.WeakValueDictionary[int, Held] = field(
        default_factory=weakref.WeakValueDictionary
    )

    def hold(self, array: np.ndarray[Any, Any]) -> Held:
        """Count the memory of an array; a view is of memory that is counted already."""
        owner = array if array.base is None else array.base
        if not isinstance(owner, np.ndarray):
            owner = array
        held = self.owners.get(id(owner))
        if held is None or held.owner is not owner:
            held = Held(owner, self)
            self.owners[id(owner)] = held
        return held

    def reserve(self, n_bytes: int) -> None:
        """Raise BackendError unless so many bytes are free."""
        if self.n_bytes + n_bytes > self.limit:
            raise out_of_memory(n_bytes, self.limit - self.n_bytes, "an array")
        self.n_bytes += n_bytes
        self.peak = max(self.peak, self.n_bytes)

    def release(self, n_bytes: int) -> None:
        """So many bytes are free again."""
        self.n_bytes -= n_bytes

    def reserve_briefly(self, n_bytes: int) -> None:
        """As `reserve`, for what is released at once."""
        self.reserve(n_bytes)
        self.release(n_bytes)
