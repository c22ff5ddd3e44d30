"""An array that is never there as a whole: what is computed while it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from slide.core.contract.arrays import Array


@dataclass(frozen=True, slots=True)
class Pieces:
    """The entries of an array, some at a time.

    Args:
        dtype: of all pieces.
        shape: of the whole.
        parts: begins anew to give arrays that follow each other in the whole, in C order.
    """

    dtype: npt.DTypeLike
    shape: tuple[int, ...]
    parts: Callable[[], Iterator[Array]]

    def whole(self) -> Array:
        """All of it."""
        parts = [np.ravel(part) for part in self.parts()]
        return np.concatenate([np.zeros(0, self.dtype), *parts]).reshape(self.shape)
