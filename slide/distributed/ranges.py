"""Which labels a shard owns: one after the other, so that ids say whose they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.invariants import demand
from slide.core.errors import ConfigError, MismatchError, said


@dataclass(frozen=True, slots=True)
class Range:
    """Labels from `begin` to `end`, which is not one of them."""

    begin: int
    end: int

    @property
    def n(self) -> int:
        """How many there are."""
        return self.end - self.begin

    def columns_of(self, y: CSR) -> CSR:
        """The columns of these labels, numbered from 0."""
        kept = y.where((y.indices >= self.begin) & (y.indices < self.end))
        return CSR(kept.indptr, kept.indices - np.int32(self.begin), kept.values, self.n)

    def of(self, by_label: Array) -> Array:
        """What an array (n_labels, ...) has for them."""
        return by_label[self.begin : self.end]


def split(work: Array, n_shards: int, least: int = 1) -> list[Range]:
    """Ranges of about as much work each.

    Args:
        work: (n_labels,), above 0: what each label costs.
        n_shards: how many ranges.
        least: labels that each has.

    Raises:
        ConfigError: there are not so many labels.
    """
    n = len(work)
    refuse_many(n_shards, n, least)
    total = np.cumsum(work, dtype=np.float64)
    shares = total[-1] * np.arange(1, n_shards) / n_shards
    bounds = np.searchsorted(total, shares) + 1
    for place in range(n_shards - 1):
        before = bounds[place - 1] if place else 0
        most = n - least * (n_shards - 1 - place)
        bounds[place] = min(max(bounds[place], before + least), most)
    return ranges_of([0, *bounds.tolist(), n])


def ranges_of(bounds: Sequence[int]) -> list[Range]:
    """The ranges between bounds, of which the first is 0 and the last the number of labels."""
    return [Range(begin, end) for begin, end in pairwise(bounds)]


def bounds_of(ranges: Sequence[Range]) -> list[int]:
    """The inverse of `ranges_of`."""
    return [0, *(each.end for each in ranges)]


def refuse_many(n_shards: int, n_labels: int, least: int) -> None:
    """Raise ConfigError unless so many shards can have `least` labels each."""
    if n_shards * least > n_labels:
        raise ConfigError(
            f"{said('shards')} is {n_shards}, of {n_labels} labels: each needs {least}, as many as "
            f"negatives that are chosen at once, so expected {max(n_labels // least, 1)} at most; "
            f"choose fewer {said('shards')}"
        )


def demand_bounds(bounds: Any, n_labels: int, n_shards: int) -> None:
    """Raise ValueError unless they are bounds of so many ranges of labels."""
    are_bounds = isinstance(bounds, list) and all(type(each) is int for each in bounds)
    demand(are_bounds and len(bounds) > 1, "labels are in no shards")
    demand(bounds[0] == 0 and bounds[-1] == n_labels, "shards have other labels")
    demand(all(a < b for a, b in pairwise(bounds)), "a shard has no labels")
    refuse_other("shards", len(bounds) - 1, n_shards)


def refuse_other(name: str, before: int, now: int) -> None:
    """Raise MismatchError if a run is to go on with another number of something."""
    if before != now:
        raise MismatchError(
            f"the run that goes on has {said(name, before)}, got {now}: give it as it was"
        )
