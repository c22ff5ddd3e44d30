"""Changes of patterns that wrong kernels have in common."""

from dataclasses import replace

import numpy as np

from slide.core.contract.arrays import CSR, Block, RowGrad


def kept(matrix, chosen):
    """A CSR without the entries that are not chosen, bool (nnz)."""
    places = np.flatnonzero(chosen)
    indptr = np.searchsorted(places, matrix.indptr)
    return CSR(indptr, matrix.indices[places], matrix.values[places], matrix.n_cols)


def places(matrix):
    """Where in its row each entry of a CSR is."""
    return np.arange(matrix.nnz) - matrix.indptr[matrix.row_numbers()]


def longest(matrix):
    """Entries of the longest row of a CSR."""
    return int(matrix.row_lengths().max(initial=0))


def first_of_rows(matrix, n):
    """A CSR of which each row has its first n entries."""
    return kept(matrix, places(matrix) < n)


def without_zeros(matrix):
    """A CSR or a Block without the entries or columns of stored zeros."""
    if isinstance(matrix, Block):
        used = matrix.values.any(axis=0)
        return Block(matrix.ids[used], matrix.values[:, used], matrix.n_cols)
    return kept(matrix, matrix.values != 0)


def with_values_from(z, answer):
    """The layout of z with the values of an answer to a part of it, 0 where it has none."""
    if isinstance(z, Block):
        values = np.zeros((len(answer.values), len(z.ids)), np.float32)
        values[:, np.isin(z.ids, answer.ids)] = answer.values
        return z.with_values(values)
    values = np.zeros(z.nnz, np.float32)
    values[np.isin(cells(z), cells(answer))] = answer.values
    return z.with_values(values)


def cells(matrix):
    """Each entry of a CSR as the number of its cell."""
    return matrix.row_numbers() * matrix.n_cols + matrix.indices


def wrapped(numbers, dtype, n):
    """Numbers below n after a type that is too narrow."""
    return (numbers.astype(dtype).astype(np.int64) % max(n, 1)).astype(np.int32)


def shifted(block):
    """A Block whose ids are one too small."""
    return replace(block, ids=np.maximum(block.ids - 1, 0))


def some_rows(grad, chosen):
    """A RowGrad of some of its rows."""
    return RowGrad(grad.rows[chosen], grad.values[chosen])


def bfloat16(numbers):
    """Numbers without their lower 16 bits."""
    upper = numbers.astype(np.float32).view(np.uint32) & np.uint32(0xFFFF0000)
    return upper.view(np.float32)
