"""Arguments to try a kernel with, drawn at random in sizes and numbers chosen to find mistakes.

Layouts, strategies, missing tables, rows of very different lengths, examples without labels and
the like are all drawn here, so that every property of `checks.py` meets all of them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np

from slide.core.arrays import CSR, Array, Block, Param, RowGrad
from slide.core.backend import Backend, Query
from slide.core.hashing import SimHash
from slide.core.optim import Adam
from slide.reference import plain

Rng = np.random.Generator


@dataclass(frozen=True, slots=True)
class Sizes:
    """B examples, n neurons, d fan_in; at most `longest` entries a row, a share `filled` has any."""

    B: int
    n: int
    d: int
    longest: int
    filled: float = 0.8


@dataclass(frozen=True, slots=True)
class Style:
    """What the arguments of one property look like."""

    sizes: Callable[[Rng], Sizes]
    numbers: Callable[[Rng, tuple[int, ...]], Array]


@dataclass(frozen=True, slots=True)
class Case:
    """A kernel and the host arrays to call it with."""

    kernel: str
    arguments: tuple[Any, ...]

    def __str__(self) -> str:
        names = list(inspect.signature(getattr(Backend, self.kernel)).parameters)[1:]
        described = map(described_argument, names, self.arguments)
        return f"{self.kernel}({', '.join(described)})"


def quarters(rng: Rng, shape: tuple[int, ...]) -> Array:
    """Multiples of 1/4 in [-4, 4]: sums of few products of two are exact in float32."""
    return (rng.integers(-16, 17, shape) / 4).astype(np.float32)


def rough(rng: Rng, shape: tuple[int, ...]) -> Array:
    """Gaussian numbers on scales from 2**-10 to 2**10, so that most sums must be rounded."""
    scales = 2.0 ** rng.integers(-10, 11, shape)
    return (rng.standard_normal(shape) * scales).astype(np.float32)


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


def draw(kernel: str, style: Style, rng: Rng) -> Case:
    """Random arguments for one kernel."""
    return Case(kernel, ARGUMENTS[kernel](rng, style.sizes(rng), style.numbers))


Numbers = Callable[[Rng, tuple[int, ...]], Array]


def some(rng: Rng, n: int, count: int) -> Array:
    """At most `count` distinct ids below n, ascending, i32."""
    chosen = rng.choice(n, min(n, count), replace=False) if n else np.empty(0)
    return np.sort(chosen).astype(np.int32)


def stack(rows: list[Array], values: Array, n_cols: int) -> CSR:
    """Rows of column ids, one after the other."""
    indptr = np.cumsum([0] + [len(row) for row in rows], dtype=np.int64)
    return CSR(indptr, np.concatenate([np.empty(0, np.int32), *rows]), values, n_cols)


def sparse(rng: Rng, size: Sizes, numbers: Numbers) -> CSR:
    """Rows that are empty, short or long; the last one is filled, for it is easily forgotten."""
    lengths = rng.choice([0, 1, size.longest // 4, size.longest], size.B)
    lengths[rng.random(size.B) > size.filled] = 0
    lengths[-1:] = size.longest
    rows = [some(rng, size.n, length) for length in lengths]
    return stack(rows, numbers(rng, (sum(map(len, rows)),)), size.n)


def layout(rng: Rng, size: Sizes, numbers: Numbers, n_rows: int) -> CSR | Block:
    """A CSR, or a Block of the given number of rows."""
    if size.filled < 0.5 or rng.random() < 0.5:
        return sparse(rng, size, numbers)
    ids = some(rng, size.n, size.longest)
    return Block(ids, numbers(rng, (n_rows, len(ids))), size.n)


def array_argument(rng: Rng, size: Sizes, numbers: Numbers) -> tuple[Array]:
    """An array of one of the dtypes that the types of `slide.core` are made of."""
    dtype = rng.choice([np.float32, np.int32, np.int64, np.uint32])
    shape = (size.B, size.n)[: rng.integers(1, 3)]
    return (np.abs(numbers(rng, shape) * 4).astype(dtype),)


def hash_arguments(rng: Rng, size: Sizes, numbers: Numbers) -> tuple[Array, Array, SimHash]:
    """Codes of 1 to 8 bits, or of 32, where a sign bit may be in the way."""
    K, L = (32, 1) if rng.random() < 0.1 else rng.integers(1, [9, 5]).tolist()
    x, center = numbers(rng, (size.n, size.d)), numbers(rng, (size.d,))
    return x, center, SimHash(numbers(rng, (size.d, L * K)), K, L)


def build_arguments(rng: Rng, size: Sizes, numbers: Numbers) -> tuple[Array, int, int]:
    """From buckets of one neuron to all neurons in one bucket."""
    n_buckets = 1 << int(rng.integers(8))
    codes = rng.integers(n_buckets, size=(size.n, rng.integers(1, 5)), dtype=np.uint32)
    return codes & rng.integers(n_buckets, dtype=np.uint32), n_buckets, salt(rng)


def query_arguments(rng: Rng, size: Sizes, numbers: Numbers) -> tuple[Any, ...]:
    """Few buckets, so that neurons are met in several tables and limits cut."""
    if size.filled < 0.5:  # one neuron a bucket and one table
        n_buckets = n_neurons = size.n
        neurons = np.arange(n_neurons, dtype=np.uint32)[:, None]
    else:
        n_buckets, n_neurons = 1 << int(rng.integers(4)), size.n
        neurons = rng.integers(n_buckets, size=(n_neurons, rng.integers(1, 6)), dtype=np.uint32)
    tables = None if rng.random() < 0.1 else tables_of(neurons, n_buckets, salt(rng))
    codes = rng.integers(max(n_buckets, 1), size=(size.B, neurons.shape[1]), dtype=np.uint32)
    extra = some(rng, size.n, rng.integers(4)) if size.B else np.empty(0, np.int32)
    choice = Query(
        strategy="topk" if rng.random() < 0.5 else "vanilla",
        budget=int(rng.integers(min(size.n, 50) + 1)),
        bucket_limit=int(rng.integers(1, min(size.n, 50) + 2)),
        shared=bool(rng.random() < 0.4 and size.filled > 0.5),
    )
    return tables, codes, sparse(rng, size, numbers), extra, choice, salt(rng)
