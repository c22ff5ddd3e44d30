"""Arguments of the kernels on sparse weights, at the sizes of use.

Columns that several matrices share are every so many-th ones, so that their entries meet.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.sparse import InvertedIndex, SparseParam
from slide.reference.cases.scale.drawing import Caps, Scaled, csr_of
from slide.reference.cases.sizes import salt
from slide.reference.cases.sparse import CONSTANTS, costs, starting_duals

TERMS = 1 << 19  # of a product
VISITS = 1 << 11  # of a row, in all passes: judges make one after the other
ROUNDING = 1 << 23  # whole numbers alone are exact from here on
WIDE = {"n": (1 << 20) + 1, "inputs": 1 << 18}
"""Neurons and inputs."""


def stride_of(draw: Scaled, n_cols: int, longest: int) -> int:
    """Between columns that are used, so that rows of such a length have most of them."""
    return max(n_cols // draw.one_of(2 * longest, 8 * longest, n_cols), 1)


def spgemm_t_arguments(draw: Scaled) -> tuple[CSR, CSR, Array, CSR]:
    """Limits from none to more than there are, or one for all; exclusions by the hundred."""
    limits = {"B": 4096, "of z": 2000, "of x": 2000} | WIDE
    (top,) = draw.turns(len(draw.tops(limits)))
    caps: Caps = (("B z x", TERMS),)
    size = draw.extents(renamed(limits), caps, top)
    inputs, neurons = size["inputs"], size["n"]
    stride, step = stride_of(draw, inputs, size["x"]), stride_of(draw, neurons, size["z"])
    last = draw.chance(50)
    z = draw.csr((size["B"], neurons), size["z"], step, last)
    x = draw.csr((size["B"], inputs), size["x"], stride, last)
    limited = np.array([draw.upto(100), 0, 1, draw.upto(3000), draw.one_of(1 << 30, 1 << 40)])
    most = limited[draw.below(draw.one_of(len(limited), len(limited), 1), neurons)]
    most_excluded = draw.upto(1000, at_top=draw.chance(30))
    return z, x, most, draw.or_empty(draw.csr((neurons, inputs), most_excluded, stride))


def renamed(limits: dict[str, int]) -> dict[str, int]:
    """Rows of z and x by one word, as caps name them."""
    return {name.removeprefix("of "): most for name, most in limits.items()}


def invert_arguments(draw: Scaled) -> tuple[CSR, Array, int]:
    """A limit that cuts most lists, some or none; also bases whose sums are rounded to ties."""
    limits = {"row": 4000} | WIDE
    (top,) = draw.turns(len(draw.tops(limits)))
    size = draw.extents(limits, (), top)
    w = draw.csr((size["n"], size["inputs"]), size["row"])
    base = draw.numbers(size["n"]) + np.float32(draw.one_of(0, 0, ROUNDING))
    return w, base, draw.one_of(draw.upto(4000), draw.upto(100), 1 << 40)


def search_arguments(draw: Scaled) -> tuple[InvertedIndex, CSR, CSR, int]:
    """Lists of thousands; most of what is excluded would be met."""
    limits = {"B": 4096, "x": 4000, "list": 8000, "k": 1024} | WIDE
    (top,) = draw.turns(len(draw.tops(limits)))
    size = draw.extents(limits, (("B x list", TERMS), ("B k", 1 << 18)), top)
    inputs, neurons = size["inputs"], size["n"]
    stride = stride_of(draw, inputs, size["x"])
    lists = draw.csr((inputs, neurons), size["list"], stride_of(draw, neurons, size["list"]))
    base = draw.numbers(neurons) - np.float32(draw.one_of(0, 0, 1024))
    if draw.chance(30):
        base[draw.one_of(-1, 0)] = 4096  # so that it is the best wherever it is met
    index = InvertedIndex(lists.indptr, lists.indices, lists.values, base)
    x = draw.csr((size["B"], inputs), size["x"], stride)
    excluded = excluded_of(draw, lists.indices, (size["B"], neurons))
    k = draw.one_of(size["k"], 130, 200)  # far fewer than are met, and not few
    return index, x, draw.or_empty(excluded), k


def excluded_of(draw: Scaled, ids: Array, shape: tuple[int, int]) -> CSR:
    """Rows of ids that lists have, and of any others."""
    B, n = shape
    lengths = draw.lengths(B, draw.upto(min(2 * n, 2000), at_top=draw.chance(30)))
    rows = np.repeat(np.arange(B), lengths)
    drawn = draw.below(n, len(rows))
    if len(ids):
        listed = draw.mask(80, len(rows))
        drawn[listed] = ids[draw.below(len(ids), int(listed.sum()))]
    rows, columns = np.divmod(np.unique(rows * n + drawn), n)
    counts = np.bincount(rows, minlength=B)
    return csr_of(counts, columns.astype(np.int32), draw.entries(len(columns)), n)


def masked_spgemm_arguments(draw: Scaled) -> tuple[CSR, CSR, CSR]:
    """Rows of w from empty to much longer than those of x, and the other way round."""
    limits = {"B": 4096, "active": 4000, "x": 4000, "w": 4000} | WIDE
    (top,) = draw.turns(len(draw.tops(limits)))
    size = draw.extents(limits, (("B active w", 4 * TERMS), ("B x", TERMS)), top)
    inputs, neurons = size["inputs"], size["n"]
    stride = stride_of(draw, inputs, max(size["x"], size["w"]))
    last = draw.chance(60)
    x = draw.csr((size["B"], inputs), size["x"], stride, last)
    w = draw.csr((neurons, inputs), size["w"], stride, last)
    return x, w, draw.csr((size["B"], neurons), size["active"], last=last)


def update_entries_arguments(draw: Scaled) -> tuple[SparseParam, CSR, CSR, float]:
    """State above 0; neurons that many examples meet, and inputs that many have."""
    limits = {"B": 4096, "z": 2000, "x": 2000, "w": 4000} | WIDE
    (top,) = draw.turns(len(draw.tops(limits)))
    size = draw.extents(limits, (("B z x", TERMS), ("B z w", 4 * TERMS)), top)
    inputs, neurons = size["inputs"], size["n"]
    stride = stride_of(draw, inputs, max(size["x"], size["w"]))
    step = stride_of(draw, neurons, size["z"])
    last = draw.chance(50)
    weight = draw.csr((neurons, inputs), size["w"], stride, last)
    dz = draw.csr((size["B"], neurons), size["z"], step, last)
    x = draw.csr((size["B"], inputs), size["x"], stride, last)
    square = 1 + abs(draw.numbers(weight.nnz))
    return SparseParam(weight, square), dz, x, draw.one_of(1.0, 0.25, 0.01, 0.0)


def solve_rows_arguments(draw: Scaled) -> tuple[Any, ...]:
    """Some thousand rows that want examples, of a hundred thousand; all others are only cut."""
    limits = {"rows": 4096, "wanted": 4000, "x": 2000, "start": 4000, "examples": 8192}
    limits |= {"n": (1 << 17) + 1, "inputs": 1 << 18}
    (top,) = draw.turns(len(draw.tops(limits)))
    caps: Caps = (("rows wanted x", TERMS), ("wanted x examples", 1 << 30))
    size = draw.extents(limits, caps, top)
    inputs, neurons, B = size["inputs"], size["n"], size["examples"]
    stride = stride_of(draw, inputs, max(size["x"], size["start"]))
    last = draw.chance(50)
    x = draw.csr((B, inputs), size["x"], stride, last)
    start = draw.or_empty(draw.csr((neurons, inputs), size["start"], stride, last))
    some = draw.csr((min(size["rows"], neurons), B), size["wanted"])
    wanted = some_of_rows(draw, some.with_values(costs(draw, some.nnz)), neurons)
    kept = np.array([1 << 40, draw.upto(100), 0, 1, draw.upto(3000)])
    limited = kept[draw.below(draw.one_of(len(kept), len(kept), 1), neurons)]
    longest = int(some.row_lengths().max(initial=1))
    passes = min(draw.one_of(1, 2, 5, 5, 0), max(VISITS // longest, 1))
    base, duals = draw.numbers(neurons), starting_duals(draw, some.nnz)
    return x, wanted, duals, start, base, draw.one_of(*CONSTANTS), limited, passes, salt(draw)


def some_of_rows(draw: Scaled, matrix: CSR, n_rows: int) -> CSR:
    """The rows of a matrix among others that are empty; the last one is the last."""
    lengths = np.zeros(n_rows, np.int64)
    numbers = draw.distinct(np.array([matrix.n_rows]), n_rows)
    if len(numbers):
        numbers[-1] = n_rows - 1
    lengths[numbers] = matrix.row_lengths()
    return csr_of(lengths, matrix.indices, matrix.values, matrix.n_cols)
