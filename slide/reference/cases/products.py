"""Arguments of the kernels that move, multiply and rank."""

from __future__ import annotations

from typing import Any

import numpy as np

from slide.core.arrays import CSR, Array, Block
from slide.reference.cases.sizes import Numbers, Rng, Sizes, layout, sparse


def array_argument(rng: Rng, size: Sizes, numbers: Numbers) -> tuple[Array]:
    """An array of one of the dtypes that the types of `slide.core` are made of, of any values."""
    dtype = np.dtype(rng.choice(["float32", "int32", "int64", "uint32"]))
    shape = (size.B, size.n)[: rng.integers(1, 3)]
    if dtype.kind == "f":
        return (numbers(rng, shape),)
    limits = np.iinfo(dtype)
    return (rng.integers(limits.min, limits.max, shape, dtype, endpoint=True),)


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


def top_k_arguments(rng: Rng, size: Sizes, numbers: Numbers) -> tuple[Any, ...]:
    """Candidates or all neurons, and k from 1 to more than there are."""
    h, w = numbers(rng, (size.B, size.d)), numbers(rng, (size.n, size.d))
    everywhere = not size.is_wide and rng.random() < 0.5
    candidates = None if everywhere else sparse(rng, size, numbers)
    return h, w, candidates, int(rng.integers(1, min(size.n, 60) + 3))
