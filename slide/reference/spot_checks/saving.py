"""A call that went wrong as a file: arrays as they are, and how they were put together.

Nothing of a file is run when it is read: only the types of `slide.core` are made of it.
"""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass, fields, is_dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from slide.core.contract.arrays import Array
from slide.reference.cases import Case
from slide.reference.running import WRITERS, call_kernel_raw, map_arrays
from slide.reference.spot_checks.forms import find_misfit
from slide.reference.spot_checks.picks import host
from slide.reference.vectorised import verdict

HOME = "slide.core."


@dataclass(frozen=True, slots=True)
class CheckedCall:
    """A call of a kernel, as it was found wrong in a run or a part of that.

    Args:
        kernel: which.
        arguments: as before the call, on the host.
        result: of the run; of a kernel that writes, its first argument after the call; None where
            there is none.
        said: what is wrong, where the result does not show it: what the kernel raised, an argument
            that it wrote to, a result of another type.
    """

    kernel: str
    arguments: tuple[Any, ...]
    result: Any
    said: str = ""

    @property
    def deviation(self) -> str:
        """Where the result is further from the definition than the contract allows."""
        return self.said or verdict(self.kernel, self.arguments, self.result).sentence

    def repeated(self, backend: Any) -> str:
        """The same of what a backend makes of the arguments now; empty if it is right."""
        computer = backend.backend if hasattr(backend, "spot_checks") else backend
        try:
            placed = map_arrays(self.arguments, lambda array: computer.put(array.copy()))
            raw = call_kernel_raw(computer, Case(self.kernel, self.arguments), placed)
            n_written = 1 if self.kernel in WRITERS else 0
            if not has_same_bits(host(computer, placed[n_written:]), self.arguments[n_written:]):
                return "an argument is written to, expected them as they were before the call"
            got = raw if is_strange(raw) else map_arrays(raw, computer.get)
        except Exception as error:  # whatever a stranger's kernel may raise
            return describe_raised(error)
        sentence = find_misfit(self.kernel, self.arguments, got)
        return sentence or verdict(self.kernel, self.arguments, got).sentence

    def save(self) -> Path:
        """Write a new file in the current folder.

        Raises:
            OSError: there is no room, or the folder may not be written to.
        """
        arrays: list[Array] = []
        parts = [
            self.kernel,
            to_json(self.arguments, arrays),
            to_json(self.result, arrays),
            self.said,
        ]
        named: dict[str, Any] = {f"array_{i}": array for i, array in enumerate(arrays)}
        path = free_path(self.kernel)
        try:
            with path.open("xb") as file:
                np.savez_compressed(file, call=np.array(json.dumps(parts)), **named)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        return path


def checked_call(path: str | Path) -> CheckedCall:
    """The call that was saved in a file.

    Raises:
        ValueError: it is no such file.
    """
    with np.load(path, allow_pickle=False) as file:
        kernel, arguments, result, *said = json.loads(str(file["call"]))
        arrays = [file[f"array_{i}"] for i in range(len(file.files) - 1)]
    return CheckedCall(kernel, from_json(arguments, arrays), from_json(result, arrays), *said)


def free_path(kernel: str) -> Path:
    """A name that no file in the current folder has."""
    names = (f"slide-check-{kernel}{f'-{n}' if n > 1 else ''}.npz" for n in count(1))
    return next(path for path in map(Path, names) if not path.exists())


def to_json(thing: Any, arrays: list[Array]) -> Any:
    """A thing as JSON, its arrays by their places in a list to which they are added.

    Of what no kernel has to do with, as a result may be that is wrong, nothing is kept.
    """
    if is_strange(thing):
        return None
    if isinstance(thing, np.ndarray):
        arrays.append(thing)
        return {"array": len(arrays) - 1}
    if isinstance(thing, tuple):
        return {"tuple": [to_json(part, arrays) for part in thing]}
    if is_dataclass(thing):
        kind = f"{type(thing).__module__}:{type(thing).__qualname__}"
        inner = {field.name: to_json(getattr(thing, field.name), arrays) for field in fields(thing)}
        return {"type": kind, "fields": inner}
    return thing.item() if isinstance(thing, np.generic) else thing


def from_json(told: Any, arrays: list[Array]) -> Any:
    """The inverse of `to_json`."""
    match told:
        case {"array": place}:
            return arrays[place]
        case {"tuple": parts}:
            return tuple(from_json(part, arrays) for part in parts)
        case {"type": kind, "fields": inner}:
            values = {name: from_json(part, arrays) for name, part in inner.items()}
            return type_of(kind)(**values)
    return told


def type_of(kind: str) -> type:
    """A type of `slide.core` by its module and name; of others ValueError."""
    module, _, name = kind.partition(":")
    found = (
        getattr(importlib.import_module(module), name, None) if module.startswith(HOME) else None
    )
    if not is_dataclass(found) or not isinstance(found, type):
        raise ValueError(f"the file has a thing of the type {kind!r}, expected one of slide.core")
    return found


def is_strange(thing: Any) -> bool:
    """Whether a thing is of no kind that arguments and results are: nothing can be asked of it.

    An array may be that of a device, which is known by its dtype.
    """
    if isinstance(thing, np.generic):
        return thing.dtype.kind not in "biuf"
    if isinstance(thing, np.ndarray):
        return bool(thing.dtype.hasobject)
    if is_dataclass(thing):
        return not type(thing).__module__.startswith(HOME)
    if isinstance(thing, tuple | bool | int | float | str | None):
        return False
    try:
        return not hasattr(thing, "dtype")
    except Exception:  # whatever a stranger's attributes may raise
        return True


def describe_raised(error: Exception) -> str:
    """What a kernel raised, as what is wrong with it."""
    return f"raised {type(error).__name__}: {error}"


def has_same_bits(some: Any, others: Any) -> bool:
    """Whether all arrays on the host are equal to the last bit."""
    return bits(some) == bits(others)


def bits(thing: Any) -> list[bytes]:
    """Of all arrays."""
    found: list[bytes] = []
    map_arrays(thing, lambda array: found.append(array.tobytes()))
    return found
