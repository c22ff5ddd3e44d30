"""How kernels are compiled: without the GIL, cached on disk, when first called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., Any])
Number = Any
"""A scalar, of which the compiler knows more than the type checker: float32, uint32 and so on."""


def njit(flags: set[str]) -> Callable[[Kernel], Kernel]:
    """Numba's compiler; a division by zero is an infinity, whose check would forbid SIMD."""
    compiler = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=flags)
    return cast(Callable[[Kernel], Kernel], compiler)


def compiled(function: Kernel) -> Kernel:
    """A kernel whose floating-point operations are those written."""
    return njit(set())(function)


def summing(function: Kernel) -> Kernel:
    """A kernel that sums in any order, which SIMD needs; it may fuse products into sums."""
    return njit({"reassoc", "contract", "nsz"})(function)


def elementwise(function: Kernel) -> Kernel:
    """A kernel on finite numbers that may fuse products into sums, but keeps their order."""
    return njit({"contract", "nnan", "nsz"})(function)
