"""Arrays that behave as CuPy's do and live in NumPy: the place where a mistake is found.

CuPy has a GPU's memory and part of NumPy's functions. So these arrays never become NumPy arrays
unasked, do not mix with them, know the functions of `FUNCTIONS` alone, and what NumPy gives as a
scalar is an array without dimensions here, as it is there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from slide.backends.gpu.stand_in.memory import Memory

FUNCTIONS = (
    "append", "arange", "argsort", "asarray", "ascontiguousarray", "broadcast_to", "concatenate",
    "cumsum", "diff", "einsum", "empty", "flatnonzero", "full", "full_like", "nonzero", "ones",
    "ones_like", "partition", "repeat", "searchsorted", "sort", "take_along_axis",
    "where", "zeros", "zeros_like",
)  # fmt: skip
"""Functions of CuPy that are used (tests compare them with CuPy where it is installed)."""

UFUNCS = (
    "absolute", "add", "bitwise_and", "bitwise_or", "bitwise_xor", "divide", "divmod", "equal",
    "exp", "floor_divide", "greater", "greater_equal", "invert", "left_shift", "less", "less_equal",
    "log", "log1p", "matmul", "maximum", "minimum", "multiply", "negative",
    "not_equal", "remainder", "right_shift", "sqrt", "subtract",
)  # fmt: skip
METHODS = ("any", "argmax", "astype", "copy", "max", "mean", "min", "reshape", "sum", "view")
"""Likewise of its arrays."""


class StandInArray(np.lib.mixins.NDArrayOperatorsMixin):
    """An array of the stand-in.

    Args:
        host: what it holds.
        memory: counts it.
    """

    def __init__(self, host: np.ndarray[Any, Any], memory: Memory) -> None:
        self.host = host
        self.memory = memory
        self.held = memory.hold(host)

    def __array__(self, *arguments: Any, **options: Any) -> Any:
        raise TypeError("implicit conversion to a NumPy array is not allowed: use get")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if method != "__call__" or ufunc.__name__ not in UFUNCS:
            raise TypeError(f"{ufunc.__name__}.{method} is not among the ufuncs of the stand-in")
        return compute_silently(self.memory, ufunc, inputs, options)

    def __array_function__(
        self, function: Callable[..., Any], types: Any, inputs: Any, options: Any
    ) -> Any:
        return call_numpy(self.memory, function.__name__, inputs, options)

    def __getattr__(self, name: str) -> Any:
        if name in ("shape", "dtype", "ndim", "size", "nbytes", "flags"):
            return getattr(self.host, name)
        if name == "T":
            return wrap(self.memory, self.host.T)
        if name in METHODS:
            method = getattr(type(self.host), name)
            return lambda *inputs, **options: compute_silently(
                self.memory, method, (self, *inputs), options
            )
        raise AttributeError(f"the arrays of the stand-in have no {name!r}")

    def __getitem__(self, key: Any) -> Any:
        return wrap(self.memory, self.host[unwrap(key)])

    def __setitem__(self, key: Any, value: Any) -> None:
        self.host[unwrap(key)] = unwrap(value)

    def __len__(self) -> int:
        return len(self.host)

    def __iter__(self) -> Any:
        raise TypeError("an array of the stand-in is not iterated over: each part would be fetched")

    def __bool__(self) -> bool:
        self.memory.n_scalars += 1
        return bool(self.host)

    def __int__(self) -> int:
        self.memory.n_scalars += 1
        return int(self.host)

    def __float__(self) -> float:
        self.memory.n_scalars += 1
        return float(self.host)

    __hash__ = None  # type: ignore[assignment]


class Module:
    """The array module of the stand-in: `xp.zeros`, `xp.argsort` and so on."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory

    def __getattr__(self, name: str) -> Any:
        if name in UFUNCS:
            ufunc = getattr(np, name)
            return lambda *inputs, **options: compute_silently(self.memory, ufunc, inputs, options)
        if name in FUNCTIONS:
            return lambda *inputs, **options: call_numpy(self.memory, name, inputs, options)
        raise AttributeError(f"{name!r} is not among the functions of the stand-in")


def call_numpy(memory: Memory, name: str, inputs: Any, options: dict[str, Any]) -> Any:
    """The result of a function of NumPy by its name."""
    if name not in FUNCTIONS:
        raise TypeError(f"{name!r} is not among the functions of the stand-in")
    options = {key: value for key, value in options.items() if key != "like"}
    if name == "asarray":  # the way in, as that of `put`
        return wrap(memory, np.array(*map(content, inputs), **options))
    if name in ("sort", "argsort"):  # on a GPU always stable, and never in place
        memory.reserve_briefly(workspace(name, inputs[0]))
        options |= {"kind": "stable"}
    return compute_silently(memory, getattr(np, name), inputs, options)


def workspace(name: str, array: Any) -> int:
    """Bytes that a sort of CuPy takes beside its result, about: copies, indices, row numbers."""
    by_index = (16 if array.ndim == 1 else 24) if name == "argsort" else 8 * (array.ndim > 1)
    return 2 * int(array.nbytes) + by_index * int(array.size)


def compute_silently(
    memory: Memory, function: Callable[..., Any], inputs: Any, options: dict[str, Any]
) -> Any:
    """The result of a function of NumPy, in silence as a GPU computes."""
    with np.errstate(all="ignore"):
        result = function(*unwrap(inputs), **unwrap(options))
    return wrap(memory, result)


def unwrap(thing: Any) -> Any:
    """What NumPy takes in the place of arrays of the stand-in; arrays of its own are refused."""
    if isinstance(thing, StandInArray):
        return thing.host
    if isinstance(thing, np.ndarray):
        raise TypeError("an array of NumPy among those of the device: put it there first")
    if isinstance(thing, tuple | list):
        return type(thing)(map(unwrap, thing))
    if isinstance(thing, dict):
        return {key: unwrap(value) for key, value in thing.items()}
    if isinstance(thing, slice):
        bounds = (thing.start, thing.stop, thing.step)
        if any(isinstance(bound, StandInArray) for bound in bounds):
            raise TypeError("an array of the device is no bound of a slice: use int")
    return thing


def wrap(memory: Memory, result: Any) -> Any:
    """What NumPy gave, as the stand-in gives it."""
    if isinstance(result, np.ndarray | np.generic):
        return StandInArray(np.asarray(result), memory)
    if isinstance(result, tuple):
        return tuple(wrap(memory, part) for part in result)
    return result


def content(thing: Any) -> Any:
    """Of an array of either kind, what NumPy copies."""
    return thing.host if isinstance(thing, StandInArray) else thing
