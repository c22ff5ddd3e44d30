"""Sizes and numbers chosen to find mistakes, and sparse rows of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from slide.core.arrays import CSR, Array, Block

Rng = np.random.Generator


Numbers = Callable[[Rng, tuple[int, ...]], Array]


@dataclass(frozen=True, slots=True)
class Sizes:
    """B examples, n neurons, d fan_in; a share `filled` of rows has entries, at most `longest`."""

    B: int
    n: int
    d: int
    longest: int
    filled: float = 0.8

    @property
    def is_wide(self) -> bool:
        return self.n > 1 << 16


def quarters(rng: Rng, shape: tuple[int, ...]) -> Array:
    """Multiples of 1/4 in [-4, 4]: sums of few products of two are exact in float32."""
    return (rng.integers(-16, 17, shape) / 4).astype(np.float32)


def rough(rng: Rng, shape: tuple[int, ...]) -> Array:
    """Gaussian numbers on scales from 2**-10 to 2**10, so that most sums must be rounded."""
    scales = 2.0 ** rng.integers(-10, 11, shape)
    return (rng.standard_normal(shape) * scales).astype(np.float32)


def normal(rng: Rng, shape: tuple[int, ...]) -> Array:
    """Standard Gaussian numbers, f32."""
    return rng.standard_normal(shape, dtype=np.float32)


def small(rng: Rng) -> Sizes:
    """Few enough terms that sums of `quarters` are exact, and ties and repeats are common."""
    B, n, d = rng.integers(1, [7, 41, 9]).tolist()
    return Sizes(B, n, d, longest=int(rng.integers(1, 41)))


def medium(rng: Rng) -> Sizes:
    """Enough terms to see how a kernel sums, few enough for `plain`."""
    B, n, d = rng.integers(1, [9, 61, 65]).tolist()
    return Sizes(B, n, d, longest=30)


def large(rng: Rng) -> Sizes:
    """Enough of everything to fill vectors, chunks and workers, with remainders."""
    B, n, d = rng.integers([1, 1, 1], [301, 1501, 33]).tolist()
    return Sizes(B, n, d, longest=100)


def hollow(rng: Rng) -> Sizes:
    """Small, with no examples, no neurons or no entries, or several of these."""
    size = small(rng)
    nothing = rng.integers(1, 8)
    return replace(
        size,
        B=0 if nothing & 1 else size.B,
        n=0 if nothing & 2 else size.n,
        longest=0 if nothing & 4 else size.longest,
    )


def wide(rng: Rng) -> Sizes:
    """Almost nothing stored in a matrix of more than 2**31 cells."""
    return Sizes(B=2049 + int(rng.integers(9)), n=1 << 20, d=1, longest=4, filled=0.005)


def some(rng: Rng, n: int, count: int) -> Array:
    """At most `count` distinct ids below n, ascending, i32."""
    if not n or not count:  # most rows of a wide matrix
        return np.empty(0, np.int32)
    return np.sort(rng.choice(n, min(n, count), replace=False)).astype(np.int32)


def stack(rows: Sequence[Sequence[int] | Array], values: Array, n_cols: int) -> CSR:
    """Rows of column ids, one after the other."""
    indptr = np.cumsum([0] + [len(row) for row in rows], dtype=np.int64)
    indices = np.concatenate([np.empty(0), *rows]).astype(np.int32)
    return CSR(indptr, indices, values, n_cols)


def sparse(rng: Rng, size: Sizes, numbers: Numbers) -> CSR:
    """Rows that are empty, short or long; the last one is filled, for it is easily forgotten."""
    lengths = rng.choice([0, 1, size.longest // 4, size.longest], size.B)
    lengths[rng.random(size.B) > size.filled] = 0
    lengths[-1:] = size.longest
    rows = [some(rng, size.n, length) for length in lengths]
    return stack(rows, numbers(rng, (sum(map(len, rows)),)), size.n)


def layout(rng: Rng, size: Sizes, numbers: Numbers, n_rows: int) -> CSR | Block:
    """A CSR, or a Block of the given number of rows."""
    if size.is_wide or rng.random() < 0.5:
        return sparse(rng, size, numbers)
    ids = some(rng, size.n, size.longest)
    return Block(ids, numbers(rng, (n_rows, len(ids))), size.n)


def salt(rng: Rng) -> int:
    """Any salt, also one of more than 32 bits."""
    return int(rng.integers(1 << 40))
