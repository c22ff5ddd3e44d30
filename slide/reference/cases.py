"""Arguments to try a kernel with, drawn at random in sizes and numbers chosen to find mistakes.

Layouts, strategies, missing tables, rows of very different lengths, examples without labels and
the like are all drawn here, so that every property of `checks.py` meets all of them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from slide.core.arrays import CSR, Array, Block, Param, RowGrad
from slide.core.backend import Backend, Query
from slide.core.hashing import SimHash, Tables
from slide.core.optim import Adam
from slide.reference import plain

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


@dataclass(frozen=True, slots=True)
class Case:
    """A kernel and the arguments to call it with, arrays on the host."""

    kernel: str
    arguments: tuple[Any, ...]

    def __str__(self) -> str:
        names = list(inspect.signature(getattr(Backend, self.kernel)).parameters)[1:]
        return f"{self.kernel}({', '.join(map(described, names, self.arguments))})"


def described(name: str, thing: Any) -> str:
    """Name, type and shape of one argument."""
    match thing:
        case np.ndarray():
            return f"{name} {thing.dtype} {thing.shape}"
        case CSR():
            return f"{name} CSR {thing.shape} of {thing.nnz}"
        case Block():
            return f"{name} Block {thing.values.shape} of {thing.n_cols}"
        case RowGrad() | Param():
            return f"{name} {thing.values.shape if isinstance(thing, RowGrad) else thing.shape}"
        case SimHash():
            return f"K={thing.K}, L={thing.L}"
        case Tables():
            return f"{thing.L} tables of {thing.n_buckets} buckets, {thing.n_neurons} neurons"
        case _:
            return f"{name}={thing}"


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


def draw(kernel: str, sizes: Callable[[Rng], Sizes], numbers: Numbers, rng: Rng) -> Case:
    """Random arguments for one kernel."""
    return Case(kernel, ARGUMENTS[kernel](rng, sizes(rng), numbers))


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


def array_argument(rng: Rng, size: Sizes, numbers: Numbers) -> tuple[Array]:
    """An array of one of the dtypes that the types of `slide.core` are made of, of any values."""
    dtype = np.dtype(rng.choice(["float32", "int32", "int64", "uint32"]))
    shape = (size.B, size.n)[: rng.integers(1, 3)]
    if dtype.kind == "f":
        return (numbers(rng, shape),)
    limits = np.iinfo(dtype)
    return (rng.integers(limits.min, limits.max, shape, dtype, endpoint=True),)


def hash_arguments(rng: Rng, size: Sizes, numbers: Numbers) -> tuple[Array, Array, SimHash]:
    """Codes of 1 to 8 bits; sometimes of 24, the longest that a `Config` allows."""
    K, L = (24, 1) if rng.random() < 0.1 else rng.integers(1, [9, 5]).tolist()
    x, center = numbers(rng, (size.n, size.d)), numbers(rng, (size.d,))
    family = SimHash(numbers(rng, (size.d, L * K)), K, L)
    if numbers is rough:
        x = nearly_orthogonal(x, center, family.projection[:, rng.integers(L * K)])
    return x, center, family


def nearly_orthogonal(x: Array, center: Array, r: Array) -> Array:
    """Rows whose projection on r is so small that less than float32 gets many signs wrong."""
    from_center, direction = x - center.astype(np.float64), r.astype(np.float64)
    share = from_center @ direction / (direction @ direction)  # (n,)
    return (x - 0.9999 * np.outer(share, direction)).astype(np.float32)


def build_arguments(rng: Rng, size: Sizes, numbers: Numbers) -> tuple[Array, int, int]:
    """From buckets of one neuron to all neurons in one bucket."""
    n_buckets = 1 << int(rng.integers(8))
    codes = rng.integers(n_buckets, size=(size.n, rng.integers(1, 5)), dtype=np.uint32)
    return codes & rng.integers(n_buckets, dtype=np.uint32), n_buckets, salt(rng)


def query_arguments(rng: Rng, size: Sizes, numbers: Numbers) -> tuple[Any, ...]:
    """Few buckets and few labels, so that neurons are met in several tables and limits cut."""
    tables, codes = tables_and_codes(rng, size)
    required = sparse(rng, replace(size, longest=min(size.longest, 3)), numbers)
    extra = sparse(rng, replace(size, longest=min(size.longest, 3)), numbers)
    choice = Query(
        strategy="topk" if rng.random() < 0.4 else "vanilla",  # rarer: fewer ways to be wrong
        budget=int(rng.choice([0, 1, 2, 3, 5, 7, 9, 40])),
        bucket_limit=int(rng.choice([1, 6, 12, 40])),
        shared=bool(rng.random() < 0.25) and not size.is_wide,
    )
    return tables, codes, required, extra, choice, salt(rng)


def tables_and_codes(rng: Rng, size: Sizes) -> tuple[Tables | None, Array]:
    """Tables, or none, and the code of every example in every table."""
    if rng.random() < 0.05:
        return None, np.empty((size.B, 0), np.uint32)
    if size.is_wide:  # a bucket for each neuron: as quick to draw as tables of 2**20 can be
        tables = Tables(
            np.arange(size.n + 1), np.arange(size.n, dtype=np.int32), L=1, n_buckets=size.n
        )
    else:
        L, n_buckets = int(rng.choice([1, 2, 4, 7])), int(rng.choice([2, 2, 4, 16]))
        neurons = rng.integers(n_buckets, size=(size.n, L), dtype=np.uint32)
        tables = plain.build(neurons, n_buckets, salt(rng))
    return tables, rng.integers(tables.n_buckets, size=(size.B, tables.L), dtype=np.uint32)


def sddmm_arguments(rng: Rng, size: Sizes, numbers: Numbers) -> tuple[Array, Array, CSR | Block]:
    """A pattern of either layout; that of a Block has one row of values, as `query` gives it."""
    h, w = numbers(rng, (size.B, size.d)), numbers(rng, (size.n, size.d))
    return h, w, layout(rng, size, numbers, n_rows=1)


def spmm_arguments(rng: Rng, size: Sizes, numbers: Numbers) -> tuple[CSR | Block, Array]:
    """z of either layout and w (n, d)."""
    return layout(rng, size, numbers, size.B), numbers(rng, (size.n, size.d))


def spmm_t_arguments(rng: Rng, size: Sizes, numbers: Numbers) -> tuple[CSR | Block, Array]:
    """z of either layout, now and then holding nothing but stored zeros, and h (B, d)."""
    z = layout(rng, size, numbers, size.B)
    if rng.random() < 0.2:
        z = z.with_values(np.zeros_like(z.values))
    return z, numbers(rng, (size.B, size.d))


def loss_arguments(rng: Rng, size: Sizes, numbers: Numbers) -> tuple[CSR | Block, CSR | Block, CSR]:
    """Logits from nearly equal to far apart; labels of which some are not active."""
    scale = np.float32(rng.choice([0.1, 3, 100]))
    z = layout(rng, size, normal, size.B)
    z = z.with_values(z.values * scale)
    shape = z.values.shape if isinstance(z, CSR) else (1, len(z.ids))
    log_weights = z.with_values(np.log1p(rng.integers(0, 9, shape)).astype(np.float32))
    rows = [
        some_labels(rng, active, size.n) if rng.random() < (0.8 if active else size.filled) else []
        for active in plain.patterns(z, size.B)
    ]
    y = stack(rows, np.ones(sum(map(len, rows)), np.float32), size.n)
    return z, log_weights, y


def some_labels(rng: Rng, active: list[int], n: int) -> list[int]:
    """Up to three labels that are active, and up to two of any kind."""
    wanted = [active[place] for place in some(rng, len(active), int(rng.integers(4)))]
    return sorted({*wanted, *some(rng, n, int(rng.integers(3))).tolist()})


def update_rows_arguments(rng: Rng, size: Sizes, numbers: Numbers) -> tuple[Any, ...]:
    """Moments of zero as before the first step, or of any size as after many."""
    shape = (size.n, size.d)
    begun = np.float32(rng.integers(2))
    param = Param(
        numbers(rng, shape), begun * numbers(rng, shape), begun * np.square(numbers(rng, shape))
    )
    rows = some(rng, size.n, int(rng.integers(size.longest + 1)))
    grad = RowGrad(rows, numbers(rng, (len(rows), size.d)))
    optimizer = Adam() if rng.random() < 0.7 else Adam(0.5, 0.99, 1e-4)
    return param, grad, optimizer, float(rng.uniform(1e-4, 1)), int(rng.choice([1, 2, 5000]))


def top_k_arguments(rng: Rng, size: Sizes, numbers: Numbers) -> tuple[Any, ...]:
    """Candidates or all neurons, and k from 1 to more than there are."""
    h, w = numbers(rng, (size.B, size.d)), numbers(rng, (size.n, size.d))
    everywhere = not size.is_wide and rng.random() < 0.5
    candidates = None if everywhere else sparse(rng, size, numbers)
    return h, w, candidates, int(rng.integers(1, min(size.n, 60) + 3))


ARGUMENTS: dict[str, Callable[[Rng, Sizes, Numbers], tuple[Any, ...]]] = {
    "put": array_argument,
    "get": array_argument,
    "hash": hash_arguments,
    "build": build_arguments,
    "query": query_arguments,
    "sddmm": sddmm_arguments,
    "spmm": spmm_arguments,
    "spmm_t": spmm_t_arguments,
    "loss": loss_arguments,
    "update_rows": update_rows_arguments,
    "top_k": top_k_arguments,
}


def normal(rng: Rng, shape: tuple[int, ...]) -> Array:
    """Standard Gaussian numbers, f32."""
    return rng.standard_normal(shape, dtype=np.float32)


def salt(rng: Rng) -> int:
    """Any salt, also one of more than 32 bits."""
    return int(rng.integers(1 << 40))
