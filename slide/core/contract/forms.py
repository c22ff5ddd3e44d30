"""What a state must be that was read from a file: whatever it says is checked before it is used.

All raise ValueError, in one sentence, where it is something else; what is lacking raises KeyError.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.contract.invariants import demand
from slide.core.contract.state import State, rng_from

MOST = 1 << 62
LARGEST = 1e18  # of a weight: the square of more is none in 32 bits, and lengths are not finite


def demand_fields(name: str, got: Any, fields: Iterable[str]) -> None:
    """It has these fields and no others."""
    demand(isinstance(got, dict), f"{name} is no object")
    demand(set(got) == set(fields), f"{name} has other fields than {', '.join(fields)}")


def demand_array(name: str, got: Any, dtype: type, *shape: int | None) -> None:
    """It is an array of this dtype and shape, of which None may be any number; finite if floats."""
    demand(isinstance(got, np.ndarray), f"{name} is no array")
    fits = len(got.shape) == len(shape) and all(
        n is None or n == own for n, own in zip(shape, got.shape, strict=True)
    )
    demand(got.dtype == dtype and fits, f"{name} is {got.dtype} {got.shape}, expected {shape}")
    are_sound = got.dtype.kind != "f" or bool((abs(got) <= LARGEST).all())
    demand(are_sound, f"{name} has numbers that are not finite")


def demand_ids(name: str, ids: Array, n: int, least: int = 0) -> None:
    """All are below n, and not below `least`."""
    are_ids = ids.min(initial=least) >= least and ids.max(initial=least) < max(n, least + 1)
    demand(bool(are_ids), f"{name} has ids from {least} to {n - 1} and others")


def demand_counts(state: State, *names: str, least: int = 0) -> None:
    """They are whole numbers."""
    for name in names:
        is_count = type(state[name]) is int and least <= state[name] <= MOST
        demand(is_count, f"{name} is no whole number from {least} on")


def demand_numbers(state: State, *names: str) -> None:
    """They are numbers, infinite ones or none of them too: a clock may never strike."""
    for name in names:
        demand(type(state[name]) in (int, float), f"{name} is no number")


def demand_finite(state: State, *names: str) -> None:
    """They are numbers that are finite and no less than 0."""
    demand_numbers(state, *names)
    for name in names:
        demand(math.isfinite(state[name]) and state[name] >= 0, f"{name} is no finite number")


def demand_flags(state: State, *names: str) -> None:
    """They are true or false."""
    for name in names:
        demand(type(state[name]) is bool, f"{name} is not true or false")


def demand_clock(state: State) -> None:
    """It is what `Schedule` is restored from."""
    demand_fields("a clock", state, ("n_turns", "due_at"))
    demand_counts(state, "n_turns")
    demand_numbers(state, "due_at")
    demand(state["n_turns"] > 0 or state["due_at"] == 0, "a clock that never struck")


def demand_rng(state: State) -> None:
    """A generator can go on from it; whatever NumPy raises if none can."""
    rng_from(state)
