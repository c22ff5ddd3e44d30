"""How kernels are compiled: without the GIL, cached on disk, when first called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., Any])
Number = Any
"""A scalar, of which the compiler knows more than the type checker: float32, uint32 and so on."""


def compiled(function: Kernel) -> Kernel:
    """A kernel whose floating-point operations are those written."""
    return cast(Kernel, numba.njit(cache=True, nogil=True)(function))


def summing(function: Kernel) -> Kernel:
    """A kernel that sums in any order, which SIMD needs; it may fuse products into sums."""
    flags = {"reassoc", "contract", "nsz"}
    return cast(Kernel, numba.njit(cache=True, nogil=True, fastmath=flags)(function))


def elementwise(function: Kernel) -> Kernel:
    """A kernel on finite numbers that may fuse products into sums, but keeps their order."""
    flags = {"contract", "nnan", "nsz"}
    return cast(Kernel, numba.njit(cache=True, nogil=True, fastmath=flags)(function))
