"""Long lists of pairs in parts: each fits a cache, and the threads of the backend take turns.

Where parts are cut is the same for any number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TypeVar

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.backend import Backend
from slide.core.contract.concurrent import concurrently
from slide.core.contract.lists import indptr_of
from slide.core.examples.scratch import Scratch, few_at_a_time, rows_of

PAIRS_AT_A_TIME = 1 << 16  # so that all that is made of them fits a cache
PARTS_AT_ONCE = 16  # that are in memory together, where what is made of them is not
ENTRIES_AT_A_TIME = 1 << 18  # of a matrix

Made = TypeVar("Made")


def parts_of(n: int) -> list[slice]:
    """0 to n in runs of few pairs; there is one run at least."""
    starts = range(0, max(n, 1), PAIRS_AT_A_TIME)
    return [slice(start, min(start + PAIRS_AT_A_TIME, n)) for start in starts]


def in_turn(backend: Backend | None, calls: Sequence[Callable[[], Made]]) -> Iterator[Made]:
    """What some functions give, in order, called some at a time: see `concurrently`."""
    for start in range(0, len(calls), PARTS_AT_ONCE):
        yield from concurrently(backend, calls[start : start + PARTS_AT_ONCE])


def joined(
    parts: Iterable[tuple[Array, ...]], scratch: Scratch, backend: Backend | None
) -> tuple[Array, ...]:
    """See `Scratch.columns`; in memory the arrays are joined at once."""
    if scratch.folder is not None:
        return scratch.columns(parts)
    calls = [partial(np.concatenate, column) for column in zip(*parts, strict=True)]
    return tuple(concurrently(backend, calls))


def where(matrix: CSR, kept: Array, backend: Backend | None) -> CSR:
    """`CSR.where`, on the host, in parts."""

    def part(some: slice) -> CSR:
        entries = slice(matrix.indptr[some.start], matrix.indptr[some.stop])
        return rows_of(matrix, some).where(kept[entries])

    runs = few_at_a_time(matrix.indptr, ENTRIES_AT_A_TIME)
    calls = [partial(part, some) for some in runs]
    return CSR.stack(concurrently(backend, calls), matrix.n_cols)


def picked(values: Array, kept: Array, backend: Backend | None) -> Array:
    """Those values of which `kept`, bool, is true, in parts."""

    def part(span: slice) -> Array:
        some: Array = values[span][kept[span]]
        return some

    calls = [partial(part, span) for span in parts_of(len(values))]
    return np.concatenate(concurrently(backend, calls))


def put(values: Array, kept: Array, some: Array, backend: Backend | None) -> None:
    """Write some values where `kept`, bool, is true, in parts."""
    spans = parts_of(len(values))
    counts = concurrently(backend, [partial(np.count_nonzero, kept[span]) for span in spans])
    begins = indptr_of(np.array(counts))

    def part(number: int) -> None:
        new = some[begins[number] : begins[number + 1]]
        values[spans[number]][kept[spans[number]]] = new

    concurrently(backend, [partial(part, number) for number in range(len(spans))])
