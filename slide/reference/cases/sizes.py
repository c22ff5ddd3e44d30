"""Sizes chosen to find mistakes, and sparse rows of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block
from slide.reference.cases.drawing import Draw


@dataclass(frozen=True, slots=True)
class Sizes:
    """B examples, n neurons, d fan_in; `filled` percent of rows have entries, at most `longest`."""

    B: int
    n: int
    d: int
    longest: int
    filled: float = 80

    @property
    def is_wide(self) -> bool:
        return self.n > 1 << 16


def small(draw: Draw) -> Sizes:
    """Few enough terms that sums of quarters are exact, and ties and repeats are common."""
    return Sizes(draw.size(6), draw.size(40), draw.size(8), draw.size(40))


def medium(draw: Draw) -> Sizes:
    """Enough terms to see how a kernel sums, few enough for `plain`."""
    return Sizes(draw.size(8), draw.size(60), draw.size(64), longest=30)


def large(draw: Draw) -> Sizes:
    """Enough of everything to fill vectors and chunks, with remainders."""
    return Sizes(draw.size(300), draw.size(1500), draw.size(32), longest=100)


def parallel(draw: Draw) -> Sizes:
    """Enough rows, neurons, entries or touched rows to be split among threads, with remainders."""
    B = draw.size(draw.one_of(400, 40))
    return Sizes(B, draw.size(4000), draw.size(64), longest=min(draw.size(3000), 50_000 // B))


def network(draw: Draw) -> Sizes:
    """B examples a batch, n labels, d features and up to d hidden units."""
    return Sizes(draw.size(6), draw.size(24), draw.size(10), draw.size(16))


def partly_empty(draw: Draw) -> Sizes:
    """Small, with no examples, no neurons or no entries, or several of these."""
    size, nothing = small(draw), draw.whole(1, 7)
    return replace(
        size,
        B=0 if nothing & 1 else size.B,
        n=0 if nothing & 2 else size.n,
        longest=0 if nothing & 4 else size.longest,
    )


def wide(draw: Draw) -> Sizes:
    """Almost nothing stored in a matrix of more than 2**31 cells."""
    return Sizes(B=2049 + draw.whole(0, 8), n=1 << 20, d=1, longest=4, filled=0.5)


def stack(rows: Sequence[Sequence[int] | Array], values: Array, n_cols: int) -> CSR:
    """Rows of column ids, one after the other."""
    indptr = np.cumsum([0] + [len(row) for row in rows], dtype=np.int64)
    indices = np.concatenate([np.empty(0), *rows]).astype(np.int32)
    return CSR(indptr, indices, values, n_cols)


def sparse(draw: Draw, size: Sizes) -> CSR:
    """Rows that are empty, short or long; the last one is filled, for it is easily forgotten."""
    lengths = np.array([0, 1, size.longest // 4, size.longest])[draw.below(4, size.B)]
    lengths = lengths * draw.mask(size.filled, size.B)
    lengths[-1:] = size.longest
    rows = [draw.ids_below(size.n, length) for length in lengths.tolist()]
    return stack(rows, entries(draw, sum(map(len, rows))), size.n)


def entries(draw: Draw, n: int) -> Array:
    """Numbers to store, in half of the cases many zeros among them."""
    values = draw.numbers(n)
    if draw.chance(50):
        values[draw.mask(30, n)] = 0
    return values


def layout(draw: Draw, size: Sizes, n_rows: int) -> CSR | Block:
    """A CSR, or a Block of the given number of rows."""
    if size.is_wide or draw.chance(50):
        return sparse(draw, size)
    ids = draw.ids_below(size.n, size.longest)
    return Block(ids, entries(draw, n_rows * len(ids)).reshape(n_rows, len(ids)), size.n)


def salt(draw: Draw) -> int:
    """Any salt, also one of more than 32 bits."""
    return draw.whole(0, (1 << 40) - 1)
