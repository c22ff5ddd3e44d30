"""Carrying a case to a backend, or to `plain`, and its result back to the host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from slide.core.arrays import Array
from slide.reference import plain
from slide.reference.cases import Case


def mapped(thing: Any, function: Callable[[Any], Any]) -> Any:
    """The same structure with every array replaced by `function(array)`."""
    if thing is None or isinstance(thing, int | float | str | np.generic):
        return thing
    if isinstance(thing, tuple):
        return tuple(mapped(part, function) for part in thing)
    if is_dataclass(thing) and not isinstance(thing, type):
        inner = {
            field.name: mapped(getattr(thing, field.name), function) for field in fields(thing)
        }
        return replace(thing, **inner)
    return function(thing)


def call(backend: Any, case: Case, arguments: tuple[Any, ...]) -> Any:
    """What the kernel makes of arguments that are already placed: its result, on the host."""
    if case.kernel in ("put", "get"):  # neither shows anything without the other
        return backend.get(arguments[0])
    result = getattr(backend, case.kernel)(*arguments)
    if case.kernel == "update_rows":
        result = arguments[0]
    return mapped(result, backend.get)


def compute(backend: Any, case: Case) -> Any:
    """The result of a kernel for copies of the case's arguments."""
    return call(backend, case, mapped(case.arguments, lambda array: backend.put(array.copy())))


def expected(case: Case) -> Any:
    """The result of `plain`: floats in float64, integers as the contract has them."""
    return call(plain, case, mapped(case.arguments, widened))


def widened(array: Array) -> Array:
    """A copy whose floats are float64."""
    return array.astype(np.float64) if array.dtype.kind == "f" else array.copy()
