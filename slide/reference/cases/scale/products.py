"""Arguments of the kernels that move, multiply, rank and update, at the sizes of use."""

from __future__ import annotations

from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block, RowGrad
from slide.reference.cases.optimizers import begun, some_optimizer, some_step
from slide.reference.cases.scale.drawing import ENTRIES, Caps, Scaled

LIMITS = {"B": 4096, "R": 20_000, "d": 1024, "others": 1 << 20}
"""Examples, active neurons (of a Block or of the longest row), width, neurons besides."""
CAPS: Caps = (
    ("B R d", 1 << 26), ("B R", 1 << 21), ("B d", 1 << 21), ("R d", 1 << 21), ("others d", 1 << 21),
)  # fmt: skip
CELLS = 1 << 22  # of an array that is only moved


def array_argument(draw: Scaled) -> tuple[Array]:
    """An array of one of the dtypes that the types of `slide.core` are made of, of any values."""
    names = "float32", "int32", "int64", "uint32", "uint64"
    kind, ndim = draw.turns(len(names), 2)
    dtype, size = np.dtype(names[kind]), draw.upto(CELLS, at_top=draw.chance(30))
    columns = draw.upto(size) if ndim else 1
    shape = (size // columns, columns) if ndim else (size,)
    if dtype.kind == "f":
        return (draw.raw(np.dtype("uint32"), shape).view(dtype),)  # NaN and all that
    return (draw.raw(dtype, shape),)


def sizes_of(draw: Scaled) -> tuple[bool, dict[str, int]]:
    """Whether the layout is a Block, and the sizes of a product."""
    is_block, top = draw.turns(2, len(draw.tops(LIMITS)))
    size = draw.extents(LIMITS, CAPS, top)
    return bool(is_block), size | {"n": size["R"] + size["others"] - 1}


def pattern(draw: Scaled, is_block: bool, size: dict[str, int], n_rows: int) -> CSR | Block:
    """A CSR, now and then with a column of every row, or a Block of the given number of rows."""
    if is_block:
        return draw.block(n_rows, size["n"], size["R"])
    return draw.csr((size["B"], size["n"]), size["R"], last=draw.chance(30))


def sddmm_arguments(draw: Scaled) -> tuple[Array, Array, CSR | Block]:
    """A pattern of either layout; that of a Block has one row of values, as `query` gives it."""
    is_block, size = sizes_of(draw)
    h, w = draw.numbers((size["B"], size["d"])), draw.numbers((size["n"], size["d"]))
    return h, w, pattern(draw, is_block, size, n_rows=1)


def spmm_arguments(draw: Scaled) -> tuple[CSR | Block, Array]:
    """z of either layout and w (n, d)."""
    is_block, size = sizes_of(draw)
    z = pattern(draw, is_block, size, size["B"])
    return z, draw.numbers((size["n"], size["d"]))


def spmm_t_arguments(draw: Scaled) -> tuple[CSR | Block, Array]:
    """z of either layout and h (B, d)."""
    is_block, size = sizes_of(draw)
    z = pattern(draw, is_block, size, size["B"])
    return z, draw.numbers((size["B"], size["d"]))


def top_k_arguments(draw: Scaled) -> tuple[Any, ...]:
    """Candidates or all neurons; widths of few columns bring many ties."""
    limits = {"n": (1 << 20) + 1, "B": 4096, "d": 1024, "k": 1024}
    everywhere, top = draw.turns(2, len(draw.tops(limits)))
    caps = [("n d", 1 << 21), ("B d", 1 << 21), ("B k", 1 << 17)]
    if everywhere:
        caps += [("B n", 1 << 21), ("B n d", 1 << 26)]
    size = draw.extents(limits, caps, top)
    h, w = scored(draw, draw.numbers((size["B"], size["d"])), draw.numbers((size["n"], size["d"])))
    if everywhere:
        return h, w, None, size["k"]
    longest = draw.upto(min(size["n"], 20_000), at_top=draw.chance(30))
    candidates = draw.csr((size["B"], size["n"]), min(longest, 4 * ENTRIES // size["d"]))
    return h, w, candidates, size["k"]


def scored(draw: Scaled, h: Array, w: Array) -> tuple[Array, Array]:
    """Now and then all scores below 0, or one neuron or two that are the best of an example."""
    if draw.chance(25):
        return abs(h), -abs(w)
    if draw.chance(60):
        best = draw.one_of([-1], [0], [0, -1], [len(w) // 3, 2 * len(w) // 3], [0, len(w) // 2])
        w[best] = 4 * np.sign(h[draw.whole(0, len(h) - 1)])
    return h, w


def update_rows_arguments(draw: Scaled) -> tuple[Any, ...]:
    """State of zero as before the first step, or of any size as after many."""
    limits = {"R": 1 << 20, "d": 1024, "others": 1 << 20}
    (top,) = draw.turns(len(draw.tops(limits)))
    caps = [("R d", 1 << 20), ("others d", 1 << 20)]
    size = draw.extents(limits, caps, top)
    n, optimizer = size["R"] + size["others"] - 1, some_optimizer(draw)
    lr = draw.one_of(draw.whole(1, 10_000) / 10_000, 0.1, 0.001, 0.0)  # as a warm-up begins
    step = draw.one_of(1, 100_000, some_step(draw), some_step(draw), some_step(draw))
    param = begun(draw, optimizer.begin(draw.numbers((n, size["d"]))))
    rows = draw.ids_below(n, size["R"])
    scale = np.float32(draw.one_of(1, 1, 1, 2.0**12, 2.0**-12))
    return param, RowGrad(rows, draw.numbers((len(rows), size["d"])) * scale), optimizer, lr, step
