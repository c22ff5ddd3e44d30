"""Which part of a call is checked, and that part of its arguments on the host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block
from slide.reference.relations import permuted
from slide.reference.running import map_arrays
from slide.reference.vectorised.segments import places_of_segments

MOST = 32  # examples of a sample; twice as many neurons or inputs
LEAST = 2
TERMS = 1 << 21  # of all sums of a sample, as far as so few allow

Whole = Callable[[], tuple[Any, ...]]
"""All arguments on the host, as they were before the call."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A part of a call which the contract makes independent of all else: a smaller call.

    Args:
        told: which part.
        arguments: of the smaller call, on the host, as they are before the call.
        cut: from the result of the call to that of the smaller one, on the host.
        whole: brings all arguments, which is for when something is wrong.
    """

    told: str
    arguments: tuple[Any, ...]
    cut: Callable[[Any], Any]
    whole: Whole


@dataclass(frozen=True, slots=True)
class Picks:
    """Draws parts, and brings what belongs to them from a backend to the host.

    Args:
        backend: whose arrays the arguments are.
        rng: draws.
    """

    backend: Any
    rng: np.random.Generator

    def pick_ids(self, n: int, terms: float, most: int = MOST) -> Array:
        """Numbers below n, ascending, the first and the last among them.

        Args:
            n: how many there are to choose from.
            terms: that one of them costs to check.
            most: how many at most.
        """
        count = min(n, most, max(LEAST, int(TERMS // max(terms, 1))))
        if count == n:
            return np.arange(n)
        inner = 1 + self.rng.choice(n - 2, count - 2, replace=False)
        return np.sort(np.append(inner, (0, n - 1)))

    def members(self, ids: Array, n: int) -> Array:
        """Some of n neurons or inputs: half of them by chance, half as often as `ids` has them."""
        found = ids[self.pick_ids(len(ids), 1, MOST)] if len(ids) else ids
        return np.unique(np.append(found, self.pick_ids(n, 1, MOST)))

    def host(self, thing: Any) -> Any:
        """All of an argument or a result."""
        return host(self.backend, thing)

    def all_of(self, *arguments: Any) -> Whole:
        """Brings all arguments, when it is called."""
        return lambda: tuple(map(self.host, arguments))

    def rows(self, thing: Any, rows: Array) -> Any:
        """Some rows of an array, CSR or Block; a row that all examples share stays."""
        some = rows if is_here(getattr(thing, "values", thing)) else self.backend.put(rows)
        return self.host(permuted(thing, some))

    def scattered(self, matrix: Array, rows: Array) -> Array:
        """A matrix on the host that is zero but in some rows; memory is taken for these alone."""
        found = self.rows(matrix, rows)
        here = np.zeros(matrix.shape, found.dtype)
        here[rows] = found
        return here

    def only(self, matrix: CSR, rows: Array) -> CSR:
        """A matrix on the host whose other rows are empty."""
        return scatter_rows(self.rows(matrix, rows), rows, matrix.n_rows)


def host(backend: Any, thing: Any) -> Any:
    """An argument or a result on the host."""
    return map_arrays(thing, lambda array: array if is_here(array) else backend.get(array))


def is_here(array: Any) -> bool:
    """Whether an array is on the host."""
    return type(array) is np.ndarray


def scatter_rows(some: CSR, rows: Array, n_rows: int) -> CSR:
    """Rows at these numbers, the others empty."""
    lengths = np.zeros(n_rows, np.int64)
    lengths[rows] = some.row_lengths()
    return CSR(np.append(0, np.cumsum(lengths)), some.indices, some.values, some.n_cols)


def with_only_rows(matrix: CSR, rows: Array) -> CSR:
    """The same matrix, rows but these empty."""
    return scatter_rows(matrix.take(rows), rows, matrix.n_rows)


def with_only_columns(matrix: CSR, columns: Array) -> CSR:
    """The same matrix without the entries of other columns."""
    wanted = np.zeros(matrix.n_cols, bool)
    wanted[columns] = True
    kept = np.flatnonzero(wanted[matrix.indices])
    indptr = np.searchsorted(kept, matrix.indptr)
    return CSR(indptr, matrix.indices[kept], matrix.values[kept], matrix.n_cols)


def entries_of(indptr: Array, rows: Array) -> Array:
    """Places of the entries of some rows."""
    return places_of_segments(indptr[rows], np.diff(indptr)[rows])


def ids_of(pattern: CSR | Block) -> Array:
    """The distinct columns of a pattern on the host, ascending."""
    return pattern.ids if isinstance(pattern, Block) else np.flatnonzero(pattern.column_counts())


def describe_share(count: int, n: int, things: str) -> str:
    """How a sample is told."""
    return f"of {count} of {n} {things}"
