"""Arguments of the kernels that move, multiply and rank."""

from __future__ import annotations

from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block
from slide.reference.cases.drawing import Draw
from slide.reference.cases.sizes import Sizes, layout, sparse


def array_argument(draw: Draw, size: Sizes) -> tuple[Array]:
    """An array of one of the dtypes that the types of `slide.core` are made of, of any values."""
    dtype = np.dtype(draw.one_of("float32", "int32", "int64", "uint32"))
    shape = (size.B, size.n)[: draw.whole(1, 2)]
    return (draw.numbers(shape) if dtype.kind == "f" else draw.raw(dtype, shape),)


def sddmm_arguments(draw: Draw, size: Sizes) -> tuple[Array, Array, CSR | Block]:
    """A pattern of either layout; that of a Block has one row of values, as `query` gives it."""
    active = layout(draw, size, n_rows=1)
    return draw.numbers((size.B, size.d)), draw.numbers((size.n, size.d)), active


def spmm_arguments(draw: Draw, size: Sizes) -> tuple[CSR | Block, Array]:
    """z of either layout and w (n, d)."""
    return layout(draw, size, size.B), draw.numbers((size.n, size.d))


def spmm_t_arguments(draw: Draw, size: Sizes) -> tuple[CSR | Block, Array]:
    """z of either layout, now and then holding nothing but stored zeros, and h (B, d)."""
    z = layout(draw, size, size.B)
    if draw.chance(20):
        z = z.with_values(np.zeros_like(z.values))
    return z, draw.numbers((size.B, size.d))


def top_k_arguments(draw: Draw, size: Sizes) -> tuple[Any, ...]:
    """Candidates or all neurons, and k from 1 to more than there are."""
    k = draw.whole(1, min(size.n, 60) + 2)
    everywhere = not size.is_wide and not draw.chance(50)
    candidates = None if everywhere else sparse(draw, size)
    return draw.numbers((size.B, size.d)), draw.numbers((size.n, size.d)), candidates, k
