"""Arguments that are no arrays: what they must be, or a sentence at the border of Python."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from slide.core.errors import InputError

Kind = TypeVar("Kind")


def path_of(given: Any, name: str) -> Path:
    """A path, of text or whatever stands for one.

    Raises:
        InputError: it is neither, or no system has such a name.
    """
    if not isinstance(given, str | os.PathLike) or not isinstance(text := os.fspath(given), str):
        raise InputError(f"{name} is {shown(given)}: expected a path, as text or a pathlib.Path")
    if not text:
        raise InputError(f"{name} is '': expected a path, such as '.' for the present folder")
    if "\0" in text:
        raise InputError(f"{name} is {shown(given)}: expected a path without a null character")
    return Path(text)


def demand_kind(given: Any, kind: type[Kind], name: str, expected: str) -> Kind:
    """The same, or InputError if it is of another type."""
    if not isinstance(given, kind):
        raise InputError(f"{name} is {shown(given)}: expected {expected}")
    return given


def demand_methods(given: Any, methods: Iterable[str], name: str, expected: str) -> None:
    """Raise InputError unless an object has these methods."""
    if not all(callable(getattr(given, each, None)) for each in methods):
        raise InputError(f"{name} is {shown(given)}: expected {expected}")


def items_of(given: Any, name: str, expected: str) -> Iterable[Any]:
    """What is listed; InputError if that is text, or nothing that can be gone through."""
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise InputError(f"{name} is {shown(given)}: expected {expected}")
    return given


def shown(given: Any) -> str:
    """What was given, in a sentence."""
    return f"{type(given).__name__} {given!r:.60}" if given is not None else "None"
