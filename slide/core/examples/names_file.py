"""names.json: what features and labels are called, read when a name is first wanted."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

from slide.core.errors import InputError, SlideError, quoted, reason_of
from slide.core.examples.names import Name, Names

NAMES = "names.json"
SIDES = ("features", "labels")
MOST = 2**31 - 1  # ids are i32

Refusal = Callable[[Path, str], SlideError]
"""The error to raise of a file, and what is wrong with it: a model's differs from that of data."""


def counts_of(names: dict[str, Names | None]) -> dict[str, int | None]:
    """How many names each side has, which config.json says."""
    return {side: None if each is None else len(each) for side, each in names.items()}


def write_names(folder: Path, names: dict[str, Names | None]) -> None:
    """Write names.json."""
    values = {side: None if each is None else each.values for side, each in names.items()}
    (folder / NAMES).write_text(json.dumps(values, ensure_ascii=False) + "\n", encoding="utf-8")


def read_names(folder: Path, counts: Any, refusal: Refusal) -> dict[str, Names | None]:
    """Names of features and labels, by their fields in `Model` and `Dataset`.

    Args:
        folder: where names.json is.
        counts: what the folder says of them elsewhere; None of one without.
        refusal: the error to raise.

    Raises:
        SlideError: there is no such file, or nobody can have written such counts. What is in the
            file is checked when a name is first wanted.
    """
    fields = [f"{side.removesuffix('s')}_names" for side in SIDES]
    if counts is None:
        return dict.fromkeys(fields)
    path = folder / NAMES
    if not are_counts(counts):
        raise refusal(path, f"has {quoted(counts)} names by what the folder says")
    read = read_later(path, refusal)
    names = [
        None
        if counts[side] is None
        else Names.later(counts[side], partial(read, side, counts[side]))
        for side in SIDES
    ]
    return dict(zip(fields, names, strict=True))


def are_counts(counts: Any) -> bool:
    """Whether these are numbers of names, or None, of each side."""
    return (
        isinstance(counts, dict)
        and set(counts) == set(SIDES)
        and all(n is None or (type(n) is int and 0 <= n <= MOST) for n in counts.values())
    )


def read_later(path: Path, refusal: Refusal) -> Callable[[str, int], tuple[Name, ...]]:
    """A function that gives the names of a side; it parses what is there now, once, when called."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise refusal(path, f"cannot be read ({error.strerror})") from None

    @cache
    def parsed() -> Any:
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            raise refusal(path, f"is damaged ({reason_of(error)})") from None

    def names(side: str, n: int) -> tuple[Name, ...]:
        try:
            return checked(parsed()[side], n)
        except (InputError, LookupError, TypeError) as error:
            raise refusal(path, f"is damaged ({reason_of(error)})") from None

    return names


def checked(values: Any, n: int) -> tuple[Name, ...]:
    """So many distinct names, or InputError."""
    if not isinstance(values, list) or len(values) != n:
        raise InputError(f"expected {n} names")
    return Names(values).values
