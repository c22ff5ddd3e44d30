"""Numbers with the distance that a conforming result may have from them.

Arithmetic on them adds up what every kernel may add by its contract and what its arguments bring
along, so a radius is derived, never chosen. Two uses: with `keep_radius`, radii grow along the
computation and hold all results that conform; with `draw_within_radius`, each result is at once
replaced by one that conforms, drawn at random.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from slide.core.contract.arrays import Array
from slide.reference.bounds.comparing import EPS, TINY


@dataclass(frozen=True, slots=True)
class Ball:
    """Each number of an array, f64, and how far from it a result may be."""

    value: Array
    radius: Array

    @classmethod
    def of(cls, array: Array) -> Ball:
        """Numbers that are known exactly."""
        return cls(array.astype(np.float64), np.zeros(array.shape))

    @property
    def size(self) -> Array:
        """The largest absolute value that each may have."""
        return np.abs(self.value) + self.radius

    @property
    def T(self) -> Ball:
        return Ball(self.value.T, self.radius.T)

    def __getitem__(self, key: Any) -> Ball:
        return Ball(self.value[key], self.radius[key])

    def where(self, mask: Array) -> Ball:
        """Zero outside of the mask."""
        return Ball(np.where(mask, self.value, 0), np.where(mask, self.radius, 0))

    def with_rows(self, rows: Array, other: Ball) -> Ball:
        """Some rows replaced by others."""
        value, radius = self.value.copy(), self.radius.copy()
        value[rows], radius[rows] = other.value, other.radius
        return Ball(value, radius)


Rounding = Callable[[Ball], Ball]
"""What a computation goes on with after each result that a kernel may round."""


def keep_radius(ball: Ball) -> Ball:
    """Go on with all that may be."""
    return ball


def drop_radius(ball: Ball) -> Ball:
    """Go on as if nothing had been rounded."""
    return Ball.of(ball.value)


def draw_within_radius(rng: np.random.Generator) -> Rounding:
    """Go on with one of the results that may be, each number evenly within its radius."""

    def rounding(ball: Ball) -> Ball:
        return Ball.of(ball.value + rng.uniform(-1, 1, ball.value.shape) * ball.radius)

    return rounding


def product(a: Ball, b: Ball, terms: Array | int) -> Ball:
    """a @ b, rounded as the contract says of a sum of so many terms."""
    size = a.size @ b.size
    brought = a.radius @ b.size + np.abs(a.value) @ b.radius
    return Ball(a.value @ b.value, brought + terms * EPS * size + TINY * (size > 0))


def times(a: Ball, b: Ball) -> Ball:
    """a * b, number by number, rounded once."""
    size = a.size * b.size
    brought = a.radius * b.size + np.abs(a.value) * b.radius
    return Ball(a.value * b.value, brought + EPS * size + TINY * (size > 0))
