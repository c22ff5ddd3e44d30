"""What a judge finds: a sentence where a result is wrong, and how near to its bounds it came."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block
from slide.core.errors import a_type
from slide.reference.bounds.comparing import EPS, TINY


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said of a result.

    Args:
        sentence: where it is further from the definition than the contract allows; "" if nowhere.
        worst: the largest deviation of a floating result over its bound, 0 where nothing is
            rounded; at most 1 if the result passes.
    """

    sentence: str = ""
    worst: float = 0.0


Verdicts = Iterator[Verdict]
"""Of the parts of a result, one by one; nobody asks on after the first that is wrong."""


def combine_findings(findings: Iterable[Verdict]) -> Verdict:
    """The first that is wrong, otherwise the worst of all."""
    worst = 0.0
    for one in findings:
        worst = max(worst, one.worst)
        if one.sentence:
            return Verdict(one.sentence, worst)
    return Verdict("", worst)


def verdict_unless(is_right: bool, sentence: str) -> Verdict:
    """The sentence unless something is right."""
    return Verdict("" if is_right else sentence)


def is_of_type(got: Any, wanted: type, name: str = "result") -> Verdict:
    """Whether a result is of a type."""
    told_kind = f"{name} is {a_type(got)}, expected a {wanted.__name__}"
    return verdict_unless(isinstance(got, wanted), told_kind)


def is_array(got: Any, dtype: type, shape: tuple[int, ...], name: str = "result") -> Verdict:
    """Whether a result is an array of a dtype and a shape."""
    if not isinstance(got, np.ndarray):
        return is_of_type(got, np.ndarray, name)
    is_right = got.dtype == dtype and got.shape == shape
    expected = f"{np.dtype(dtype)} {shape}"
    return verdict_unless(is_right, f"{name} is {got.dtype} {got.shape}, expected {expected}")


def is_constant(got: Any, want: Any, name: str) -> Verdict:
    """Whether a number or a name is the one expected."""
    return verdict_unless(bool(got == want), f"{name} is {got}, expected {want}")


def is_equal_array(got: Any, want: Array, name: str = "result") -> Verdict:
    """Whether a result is an array of this dtype, shape and contents."""
    wrong = is_array(got, want.dtype.type, want.shape, name)
    return wrong if wrong.sentence else is_near(got, want, 0.0, name)


def has_pattern(
    got: Any, want: CSR | Block, shape: tuple[int, ...], name: str = "result"
) -> Verdicts:
    """Whether a result has the layout of another one, and values f32 of a shape."""
    yield is_of_type(got, type(want), name)
    for part in ("ids",) if isinstance(want, Block) else ("indptr", "indices"):
        yield is_equal_array(getattr(got, part), getattr(want, part), f"{name}.{part}")
    yield is_constant(got.n_cols, want.n_cols, f"{name}.n_cols")
    yield is_array(got.values, np.float32, shape, f"{name}.values")


def bound_of_sum(terms: Array | int, size: Array) -> Array:
    """By how much sums of so many terms may differ, whose magnitudes add up to `size`."""
    allowed: Array = terms * EPS * size + TINY
    return allowed


def is_near(
    got: Array,
    want: Array,
    allowed: Array | float,
    name: str = "result",
    start: tuple[int, ...] = (),
) -> Verdict:
    """Whether numbers differ by no more than is allowed; NaN never passes.

    Args:
        got: of a result.
        want: what they should be.
        allowed: by how much each may differ; 0.0 for not at all.
        name: of the array that they are from.
        start: place in it of the first of them.
    """
    if isinstance(allowed, float):
        return verdict_at_first(got != want, got, want, np.zeros(()), name, start, np.inf)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.abs(got - want) / allowed  # NaN where 0 / 0, or an infinity is as expected
    worst = float(np.fmax.reduce(share, axis=None, initial=0.0))
    if not share.size or share.max() <= 1:
        return Verdict("", worst)
    wrong = ~(share <= 1) & (got != want)
    if not wrong.any():
        return Verdict("", float(np.max(share, where=share <= 1, initial=0.0)))
    return verdict_at_first(wrong, got, want, allowed, name, start, worst if worst > 1 else np.inf)


def verdict_at_first(
    wrong: Array,
    got: Array,
    want: Array,
    allowed: Array,
    name: str,
    start: tuple[int, ...],
    worst: float,
) -> Verdict:
    """The first of some numbers that are wrong."""
    if not wrong.any():
        return Verdict()
    first = np.unravel_index(int(wrong.argmax()), wrong.shape)
    place = tuple(int(i) for i in first)
    off = float(np.broadcast_to(allowed, wrong.shape)[place])
    offset = start + (0,) * (len(place) - len(start))
    where = f"{name}{[i + j for i, j in zip(place, offset, strict=True)]}"
    within = f" within {off:.3g}" if off else ""
    return Verdict(f"{where} is {got[place]}, expected {want[place]}{within}", worst)
