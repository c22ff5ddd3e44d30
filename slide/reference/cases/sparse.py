"""Arguments of the kernels on sparse weights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.sparse import InvertedIndex, SparseParam
from slide.reference.cases.drawing import Draw
from slide.reference.cases.sizes import Sizes, salt, sparse

MOST_TERMS = 4096  # of a product of two matrices: `plain` has a list of them
COSTS = np.array([1, 0.5, 0.01, 0.1, 3, 10, 100], np.float32)
SIGNS = np.array([1, -1], np.float32)
CONSTANTS = 1.0, 0.0, 0.3
PASSES = 1, 2, 0, 5


def matrix(draw: Draw, size: Sizes, n_rows: int, n_cols: int) -> CSR:
    """Rows of very different lengths."""
    return sparse(draw, replace(size, B=n_rows, n=n_cols))


def with_short_rows(draw: Draw, size: Sizes) -> Sizes:
    """The same sizes with rows short enough that all pairs of entries can be listed."""
    longest = int((MOST_TERMS / max(size.B, 1)) ** 0.5)
    return replace(size, longest=min(size.longest, max(longest, 2)), d=4 * size.d)


def spgemm_t_arguments(draw: Draw, size: Sizes) -> tuple[CSR, CSR, Array, CSR]:
    """Limits from none to more than there are."""
    size = with_short_rows(draw, size)
    z, x = matrix(draw, size, size.B, size.n), matrix(draw, size, size.B, size.d)
    limits = np.array([0, 1, 3, 1000])[draw.below(4, size.n)]
    return z, x, limits, matrix(draw, size, size.n, size.d)


def invert_arguments(draw: Draw, size: Sizes) -> tuple[CSR, Array, int]:
    """A limit that cuts most lists, some or none."""
    size = with_short_rows(draw, size)
    w = matrix(draw, size, size.n, size.d)
    return w, draw.numbers(size.n), draw.one_of(1, 3, 1000)


def search_arguments(draw: Draw, size: Sizes) -> tuple[InvertedIndex, CSR, CSR, int]:
    """An index of any lists, whether or not weights could have given them."""
    size = with_short_rows(draw, size)
    lists = matrix(draw, size, size.d, size.n)
    index = InvertedIndex(lists.indptr, lists.indices, lists.values, draw.numbers(size.n))
    x, excluded = matrix(draw, size, size.B, size.d), matrix(draw, size, size.B, size.n)
    return index, x, excluded, draw.whole(1, min(size.n, 60) + 2)


def masked_spgemm_arguments(draw: Draw, size: Sizes) -> tuple[CSR, CSR, CSR]:
    """Rows of w from empty to much longer than those of x, and the other way round."""
    size = with_short_rows(draw, size)
    x, w = matrix(draw, size, size.B, size.d), matrix(draw, size, size.n, size.d)
    return x, w, matrix(draw, size, size.B, size.n)


def update_entries_arguments(draw: Draw, size: Sizes) -> tuple[SparseParam, CSR, CSR, float]:
    """State above 0."""
    size = with_short_rows(draw, size)
    weight = matrix(draw, size, size.n, size.d)
    square = 1 + abs(draw.numbers(weight.nnz))
    dz, x = matrix(draw, size, size.B, size.n), matrix(draw, size, size.B, size.d)
    return SparseParam(weight, square), dz, x, draw.one_of(1.0, 0.25, 0.01)


def solve_rows_arguments(draw: Draw, size: Sizes) -> tuple[Any, ...]:
    """Rows that want none, few or many examples, some of which have no inputs; warm and cold."""
    size = with_short_rows(draw, size)
    x = matrix(draw, replace(size, longest=3 * size.longest), size.n, size.d)
    wanted = matrix(draw, size, size.B, size.n)
    wanted = wanted.with_values(costs(draw, wanted.nnz))
    duals = starting_duals(draw, wanted.nnz)
    start = matrix(draw, size, size.B, size.d)
    limits = np.array([1000, 0, 1, 3])[draw.below(4, size.B)]
    constant, passes = draw.one_of(*CONSTANTS), draw.one_of(*PASSES)
    base = draw.numbers(size.B)
    return x, wanted, duals, start, base, constant, limits, passes, salt(draw)


def costs(draw: Draw, n: int) -> Array:
    """Of both signs, over four orders of magnitude."""
    magnitudes: Array = COSTS[draw.below(len(COSTS), n)]
    signed: Array = magnitudes * SIGNS[draw.below(2, n)]
    return signed


def starting_duals(draw: Draw, n: int) -> Array:
    """Most of them 0, or all; none above 2."""
    duals: Array = np.minimum(abs(draw.numbers(n)), np.float32(2))
    duals[draw.mask(draw.one_of(100, 60), n)] = 0
    return duals
