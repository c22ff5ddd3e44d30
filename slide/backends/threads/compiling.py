"""How kernels are compiled: without the GIL, cached on disk, when first called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np

from slide.backends.threads.caching import kept_on_disk
from slide.core.contract.arrays import Array

Kernel = TypeVar("Kernel", bound=Callable[..., Any])
Number = Any
"""A scalar, of which the compiler knows more than the type checker: float32, uint32 and so on."""


def njit(flags: set[str]) -> Callable[[Kernel], Kernel]:
    """Numba's compiler; a division by zero is an infinity, whose check would forbid SIMD.

    A kernel takes in all that it calls. A function that stays apart is compiled with each of its
    callers anew, may sum in another order there, and the copy that runs is the one loaded first:
    a process that compiles would have other bits than one that loads what was compiled.
    """

    def compiled_and_kept(function: Kernel) -> Kernel:
        compiler = numba.njit(nogil=True, error_model="numpy", fastmath=flags, forceinline=True)
        return cast(Kernel, kept_on_disk(compiler(function)))

    return compiled_and_kept


def compiled(function: Kernel) -> Kernel:
    """A kernel whose floating-point operations are those written."""
    return njit(set())(function)


def summing(function: Kernel) -> Kernel:
    """A kernel that sums in any order, which SIMD needs; it may fuse products into sums."""
    return njit({"reassoc", "contract", "nsz"})(function)


def elementwise(function: Kernel) -> Kernel:
    """A kernel on finite numbers that may fuse products into sums, but keeps their order."""
    return njit({"contract", "nnan", "nsz"})(function)


class WritableView:
    """The memory of a read-only array, kept alive, offered as writable."""

    def __init__(self, array: Array) -> None:
        self.array = array
        pointer, _ = array.__array_interface__["data"]
        self.__array_interface__ = array.__array_interface__ | {"data": (pointer, False)}


def call_compiled(kernel: Callable[..., Any], *arguments: Any) -> Any:
    """A kernel's result for arrays that may be read-only: to the compiler these are types apart.

    Kernels do not write to what they are given to read, so one compilation serves both.
    """
    return kernel(*map(as_writable, arguments))


def as_writable(argument: Any) -> Any:
    """The same array, writable, or a tuple of such arrays; anything else as it is."""
    if isinstance(argument, tuple):
        return type(argument)(*map(as_writable, argument))
    if isinstance(argument, np.ndarray) and not argument.flags.writeable:
        return np.asarray(WritableView(argument))
    return argument
