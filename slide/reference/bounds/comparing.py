"""Where two results differ by more than is allowed, in one sentence."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.errors import a_type

EPS = float(np.finfo(np.float32).eps)

EXACT = np.zeros(())

TINY = float(np.finfo(np.float32).tiny)  # below it, results may be flushed to zero


def named_arrays(thing: Any, name: str) -> dict[str, Array]:
    """The arrays and numbers that a result consists of, by a name for messages."""
    if thing is None or isinstance(thing, str):
        return {}
    if is_dataclass(thing):
        inner = [(f"{name}.{field.name}", getattr(thing, field.name)) for field in fields(thing)]
    elif isinstance(thing, tuple):
        inner = [(f"{name}[{i}]", part) for i, part in enumerate(thing)]
    else:
        return {name: np.asarray(thing)}
    return {key: array for path, part in inner for key, array in named_arrays(part, path).items()}


def difference(got: Any, want: Any, allowed: Any = None, name: str = "result") -> str:
    """The first place where `got` is not `want`, in one sentence; empty if there is none.

    Args:
        got: a result.
        want: what it should be.
        allowed: of the structure of `want`, by how much its floats may differ; None for not at all.
        name: what to call it in the sentence.
    """
    found, wanted, margins = (
        named_arrays(got, name),
        named_arrays(want, name),
        named_arrays(allowed, name),
    )
    if found.keys() != wanted.keys():
        return f"{name} is {a_type(got)}, expected {a_type(want)}"
    for part, array in wanted.items():
        margin = margins.get(part, EXACT) if array.dtype.kind == "f" else EXACT
        if sentence := array_difference(part, found[part], array, margin):
            return sentence
    return ""


def array_difference(name: str, got: Array, want: Array, margin: Array) -> str:
    """The first position where two arrays differ by more than `margin`."""
    if got.shape != want.shape:
        return f"{name} has shape {got.shape}, expected {want.shape}"
    if got.dtype == want.dtype and np.array_equal(bits(got), bits(want)):
        return ""  # as most are, and sooner told than what follows
    with np.errstate(invalid="ignore"):  # inf - inf, where both are the same infinity
        error = np.abs(got.astype(np.float64) - want)
    both_nan = (got != got) & (want != want)  # as of an array that was only moved
    wrong = np.argwhere((got != want) & ~(error <= margin) & ~both_nan)
    if not len(wrong):
        return ""
    place = tuple(wrong[0].tolist())
    off = float(np.broadcast_to(margin, want.shape)[place])
    within = f" within {off:.3g}" if off else ""
    where = f"{name}{list(place)}" if place else name
    return f"{where} is {got[place]}, expected {want[place]}{within}"


def bits(array: Array) -> Array:
    """An array as unsigned numbers."""
    return array.view(f"u{array.itemsize}")
