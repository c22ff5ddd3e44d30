"""What a value must be, or a sentence: the checks behind every setting and every argument."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

import numpy as np

from slide.core.errors import ConfigError, said, worded

NEAREST = 4  # words that are named of many


def is_number(got: Any, kind: Any) -> bool:
    """Whether it is a number of this kind, which a bool is not."""
    return isinstance(got, kind) and not isinstance(got, bool)


def demand_int(name: str, got: Any, low: int, high: int) -> None:
    """Raise ConfigError unless `got` is a whole number in [low, high]."""
    if not is_number(got, int | np.integer) or not low <= got <= high:
        raise ConfigError(f"{name} is {got!r}: expected a whole number from {low} to {high}")


def depth(k: Any, n_labels: int) -> int:
    """How many labels are given where k are asked for: as many as there are, where k is larger.

    Raises:
        ConfigError: k is no whole number from 1 on.
    """
    demand_depth(k)
    return min(int(k), n_labels)


def demand_depth(k: Any) -> None:
    """Raise ConfigError unless k labels can be asked for, which may be more than there are."""
    if not is_number(k, int | np.integer) or k < 1:
        raise ConfigError(f"{said('k')} is {k!r}: expected a whole number from 1 on, such as 5")


def demand_float(name: str, got: Any, low: float, high: float) -> None:
    """Raise ConfigError unless `got` is a number in [low, high]."""
    if not is_number(got, int | float | np.integer | np.floating) or not low <= got <= high:
        raise ConfigError(f"{name} is {got!r}: expected a number from {low:g} to {high:g}")


def demand_one_of(name: str, got: object, known: tuple[object, ...]) -> None:
    """Raise ConfigError unless `got` is one of the known values."""
    if not any(isinstance(got, type(value)) and got == value for value in known):
        words = [value for value in known if isinstance(value, str)]
        meant = f"; {did_you_mean(got, words)}" if close_to(got, words) else ""
        raise ConfigError(f"{name} is {got!r}: expected {one_of(known)}{meant}")


def nearest(word: str, known: Iterable[str]) -> str:
    """The known words that are spelled most like another one, in a sentence."""
    spelled = {each.lower(): each for each in known}
    return ", ".join(spelled[each] for each in get_close_matches(word.lower(), spelled, NEAREST, 0))


def close_to(word: object, known: Iterable[str]) -> str | None:
    """The known word that somebody who wrote another one may have meant."""
    if not isinstance(word, str):
        return None
    spelled = {each.lower(): each for each in known}
    found = get_close_matches(word.lower(), spelled, 1)
    return spelled[found[0]] if found else None


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """The question, if there is such a word."""
    return f"did you mean {close_to(word, known)!r}?"


def demand_bool(name: str, got: object) -> None:
    """Raise ConfigError unless `got` is True or False."""
    if not isinstance(got, bool):
        raise ConfigError(f"{name} is {got!r}: expected true or false")


def demand_power_of_two(name: str, got: object, low: int, high: int) -> None:
    """Raise ConfigError unless `got` is a power of two in [low, high]."""
    demand_int(name, got, low, high)
    assert isinstance(got, int)
    if got & (got - 1):
        raise ConfigError(f"{name} is {got}: expected a power of two")


def demand_ints(name: str, got: object, low: int, high: int, least: int, most: int) -> None:
    """Raise ConfigError unless `got` is a tuple of so many whole numbers in [low, high]."""
    if not isinstance(got, tuple):
        expected = worded("a tuple with a number for each layer", "128,64 or the like")
        raise ConfigError(f"{name} is {got!r}: expected {expected}")
    if not least <= len(got) <= most:
        raise ConfigError(f"{name} has {len(got)} layers: expected {least} to {most}")
    for number in got:
        demand_int(name, number, low, high)


def one_of(known: tuple[object, ...]) -> str:
    """The values in a sentence."""
    names = [value if isinstance(value, str) else repr(value) for value in known]
    return f"one of {', '.join(names)}" if len(names) > 1 else names[0]
