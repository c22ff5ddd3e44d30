"""What matching the definition means: every kernel of a backend against every property that fits.

A property is a way to draw arguments and a judge of what the backend makes of them. The judges
know only the contract and `plain`, never the reference backend, which is judged like any other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Literal

import numpy as np

from slide.core.arrays import Array, Param
from slide.core.backend import KERNELS
from slide.reference import plain
from slide.reference.bounds import (
    bound_of,
    difference,
    hash_difference,
    parts,
    top_k_difference,
)
from slide.reference.cases import (
    Case,
    Numbers,
    Rng,
    Sizes,
    draw,
    hollow,
    large,
    medium,
    quarters,
    rough,
    small,
    wide,
)
from slide.reference.kernels import ReferenceBackend
from slide.reference.relations import RELATIONS
from slide.reference.running import compute, expected, fetched, mapped, placed

Outcome = Literal["pass", "fail", "missing", "inherited"]


@dataclass(frozen=True, slots=True)
class Check:
    """One cell of the grid kernel x property.

    Args:
        kernel: one of `slide.core.backend.KERNELS`.
        property: one of `PROPERTIES`.
        outcome: `inherited` where the kernel is the reference's own function, which says nothing
            about the backend; `missing` where there is none.
        examples: how many were run, the failing one included.
        message: why not `pass`, in one sentence; empty for `pass`.
    """

    kernel: str
    property: str
    outcome: Outcome
    examples: int
    message: str
