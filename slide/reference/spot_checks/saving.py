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

from slide.core.arrays import Array
from slide.reference.cases import Case
from slide.reference.running import compute
from slide.reference.vectorised import verdict

HOME = "slide.core."


@dataclass(frozen=True, slots=True)
class CheckedCall:
    """A call of a kernel, as it was found wrong in a run or a part of that.

    Args:
        kernel: which.
        arguments: as before the call, on the host.
        result: of the run; of a kernel that writes, its first argument after the call.
    """

    kernel: str
    arguments: tuple[Any, ...]
    result: Any

    @property
    def deviation(self) -> str:
        """Where the result is further from the definition than the contract allows."""
        return verdict(self.kernel, self.arguments, self.result).sentence

    def repeated(self, backend: Any) -> str:
        """The same of what a backend makes of the arguments now; empty if it is right."""
        computer = backend.backend if hasattr(backend, "spot_checks") else backend
        try:
            got = compute(computer, Case(self.kernel, self.arguments))
        except Exception as error:  # whatever a stranger's kernel may raise
            return f"raised {type(error).__name__}: {error}"
        return verdict(self.kernel, self.arguments, got).sentence

    def save(self) -> Path:
        """Write a new file in the current folder.

        Raises:
            OSError: there is no room, or the folder may not be written to.
        """
        arrays: list[Array] = []
        parts = [self.kernel, flat(self.arguments, arrays), flat(self.result, arrays)]
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
        kernel, arguments, result = json.loads(str(file["call"]))
        arrays = [file[f"array_{i}"] for i in range(len(file.files) - 1)]
    return CheckedCall(kernel, built(arguments, arrays), built(result, arrays))


def free_path(kernel: str) -> Path:
    """A name that no file in the current folder has."""
    names = (f"slide-check-{kernel}{f'-{n}' if n > 1 else ''}.npz" for n in count(1))
    return next(path for path in map(Path, names) if not path.exists())


def flat(thing: Any, arrays: list[Array]) -> Any:
    """A thing as JSON, its arrays by their places in a list to which they are added."""
    if isinstance(thing, np.ndarray):
        arrays.append(thing)
        return {"array": len(arrays) - 1}
    if isinstance(thing, tuple):
        return {"tuple": [flat(part, arrays) for part in thing]}
    if is_dataclass(thing) and not isinstance(thing, type):
        kind = f"{type(thing).__module__}:{type(thing).__qualname__}"
        inner = {field.name: flat(getattr(thing, field.name), arrays) for field in fields(thing)}
        return {"type": kind, "fields": inner}
    return thing.item() if isinstance(thing, np.generic) else thing


def built(told: Any, arrays: list[Array]) -> Any:
    """The inverse of `flat`."""
    match told:
        case {"array": place}:
            return arrays[place]
        case {"tuple": parts}:
            return tuple(built(part, arrays) for part in parts)
        case {"type": kind, "fields": inner}:
            values = {name: built(part, arrays) for name, part in inner.items()}
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
