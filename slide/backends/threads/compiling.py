"""How kernels are compiled: without the GIL, cached on disk, when first called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

REASSOCIATE = {"reassoc", "contract", "nsz"}
"""Sums may be taken in another order and products fused into them, which SIMD needs. Infinities
and NaN stay what they are."""


def compiled(function: Kernel) -> Kernel:
    """A kernel whose floating-point operations are those written."""
    kernel: Kernel = numba.njit(cache=True, nogil=True)(function)
    return kernel


def summing(function: Kernel) -> Kernel:
    """A kernel that sums float32 numbers, in any order."""
    kernel: Kernel = numba.njit(cache=True, nogil=True, fastmath=REASSOCIATE)(function)
    return kernel
