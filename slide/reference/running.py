"""Carrying a case to a backend, or to `plain`, and its result back to the host."""

from __future__ import annotations

import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.contract.backend import KERNELS
from slide.reference import plain
from slide.reference.cases import Case
from slide.reference.direct_stepping import DirectStepper
from slide.reference.stepping import Stepper

WRITERS = ("update_rows", "update_entries")
"""The kernels that give nothing back: they write to their first argument."""

HERE = f"{Path(__file__).parent}{os.sep}"


def map_arrays(thing: Any, function: Callable[[Any], Any]) -> Any:
    """The same structure with every array replaced by `function(array)`."""
    if thing is None or isinstance(thing, int | float | str | np.generic):
        return thing
    if isinstance(thing, tuple):
        return tuple(map_arrays(part, function) for part in thing)
    if is_dataclass(thing) and not isinstance(thing, type):
        inner = {
            field.name: map_arrays(getattr(thing, field.name), function) for field in fields(thing)
        }
        return replace(thing, **inner)
    return function(thing)


def call_kernel(backend: Any, case: Case, arguments: tuple[Any, ...]) -> Any:
    """What the kernel makes of arguments that are already placed: its result, on the host."""
    return map_arrays(call_kernel_raw(backend, case, arguments), backend.get)


def call_kernel_raw(backend: Any, case: Case, arguments: tuple[Any, ...]) -> Any:
    """The same result, where the backend left it."""
    if case.kernel in ("put", "get"):  # neither shows anything without the other
        return arguments[0]
    result = getattr(backend, case.kernel)(*arguments)
    return arguments[0] if case.kernel in WRITERS else result


def run_case(backend: Any, case: Case) -> Any:
    """The result of a kernel for copies of the case's arguments; the end of a training step."""
    if case.kernel not in KERNELS:
        stepper = (DirectStepper if case.is_direct else Stepper)(backend, *case.arguments)
        stepper.step()
        return stepper.params
    return call_kernel(
        backend, case, map_arrays(case.arguments, lambda array: backend.put(array.copy()))
    )


def expected_result(case: Case) -> Any:
    """The result of `plain`: floats in float64, integers as the contract has them."""
    return call_kernel(plain, case, map_arrays(case.arguments, as_float64))


def as_float64(array: Array) -> Array:
    """A copy whose floats are float64."""
    return array.astype(np.float64) if array.dtype.kind == "f" else array.copy()


def source_of(backend: object, kernel: str) -> str | None:
    """The backend from which this one says that it takes a kernel, unless it has one of its own."""
    taken = getattr(backend, "taken", None)
    if not isinstance(taken, Mapping) or hasattr(type(backend), kernel):
        return None
    return next((source for source, kernels in taken.items() if kernel in kernels), None)


class WatchedBackend:
    """A backend, and whether code of the definition has run while one of its kernels did.

    A kernel that hands its work to the reference, in whatever guise, shows nothing. Seen are all
    Python functions called on this thread or on threads that the kernel starts, in a few calls of
    each kernel: to watch a compiler at work, mostly in the first, takes many times its own time.
    """

    CALLS = range(1, 4)

    def __init__(self, backend: Any) -> None:
        self.backend = backend
        self.borrows = False
        self.n_calls: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self.backend, name)
        return partial(self.run_profiled, name, attribute) if name in KERNELS else attribute

    def run_profiled(self, name: str, kernel: Callable[..., Any], *arguments: Any) -> Any:
        """The kernel's result; whoever profiles this process misses its calls."""
        self.n_calls[name] += 1
        if self.n_calls[name] - 1 not in self.CALLS:
            return kernel(*arguments)
        before = sys.getprofile(), threading.getprofile()
        threading.setprofile(self.note_call)
        sys.setprofile(self.note_call)
        try:
            return kernel(*arguments)
        finally:
            sys.setprofile(before[0])
            threading.setprofile(before[1])

    def note_call(self, frame: FrameType, event: str, argument: Any) -> None:
        """Called by the interpreter for each function that is called or returns."""
        if event == "call" and frame.f_code.co_filename.startswith(HERE):
            self.borrows = True
