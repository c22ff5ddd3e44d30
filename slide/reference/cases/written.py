"""A case as Python that can be pasted: what failed, in the smallest form that was found."""

from __future__ import annotations

from dataclasses import Field, fields, is_dataclass
from typing import Any

import numpy as np

from slide.core.contract.arrays import Array

MOST_ENTRIES = 64  # of an array that is written out


def is_short(thing: Any) -> bool:
    """Whether everything in it can be written out."""
    if isinstance(thing, np.ndarray):
        with np.errstate(invalid="ignore"):  # of any bits, signalling NaN among them
            return thing.size <= MOST_ENTRIES or not thing.any()
    if isinstance(thing, tuple):
        return all(map(is_short, thing))
    if is_dataclass(thing):
        return all(is_short(getattr(thing, field.name)) for field in fields(thing))
    return True


def written(thing: Any) -> str:
    """An expression for an argument: its fields, its entries."""
    if isinstance(thing, np.ndarray):
        return array_written(thing)
    if isinstance(thing, tuple) and thing:
        return f"({', '.join(map(written, thing))},)"
    if is_dataclass(thing):
        values = {field.name: getattr(thing, field.name) for field in fields(thing)}
        told = [field.name for field in fields(thing) if not is_usual(field, values[field.name])]
        inner = ", ".join(f"{name}={written(values[name])}" for name in told)
        return f"{type(thing).__name__}({inner})"
    return repr(thing)


def is_usual(field: Field[Any], value: Any) -> bool:
    """Whether a field has its default value, which goes without saying."""
    return not isinstance(value, np.ndarray) and bool(value == field.default)


def array_written(array: Array) -> str:
    """An array with its dtype."""
    kind = f"np.{array.dtype}"
    if not array.any():
        return f"np.zeros({array.shape}, {kind})"
    return f"np.array({entries(array)}, {kind})"


def entries(array: Array) -> str:
    """Nested lists of the shortest numbers that are read back as the same ones."""
    if not array.ndim:
        number = array[()]
        return str(number) if np.isfinite(number) else f"float('{number}')"
    return f"[{', '.join(map(entries, array))}]"
