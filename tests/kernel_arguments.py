"""Small arguments for kernels, written by hand."""

import numpy as np

from slide.core.contract.arrays import CSR, Block
from slide.reference import plain
from slide.reference.kernels import ReferenceBackend

BACKEND = ReferenceBackend()


F64_EPS = np.finfo(np.float64).eps


def f32(*rows):
    return np.array(rows, np.float32)


def csr(n_cols, *rows):
    """A CSR from one {column: value} per row."""
    return CSR(
        np.cumsum([0] + [len(row) for row in rows]),
        np.array([j for row in rows for j in row], np.int32),
        np.array([v for row in rows for v in row.values()], np.float32),
        n_cols,
    )


def labels(n_cols, *rows):
    return csr(n_cols, *(dict.fromkeys(row, 1.0) for row in rows))


def block(n_cols, ids, *rows):
    return Block(np.array(ids, np.int32), f32(*rows).reshape(len(rows), len(ids)), n_cols)


def densed(z):
    """The matrix that a CSR or Block stands for, and which of its cells are stored."""
    ids = plain.patterns(z, z.n_rows)
    stored = np.zeros((z.n_rows, z.n_cols), bool)
    matrix = np.zeros(stored.shape)
    for i, row in enumerate(plain.rows_of(z)):
        stored[i, ids[i]] = True
        matrix[i, ids[i]] = list(row.values())
    return matrix, stored


def random_layouts(rng, B, n):
    """A CSR and a Block of quarters over the same sizes."""
    dense = rng.integers(-16, 17, (B, n)) / 4
    rows = [{j: v for j, v in enumerate(row) if rng.random() < 0.4} for row in dense]
    ids = np.flatnonzero(rng.random(n) < 0.5)
    return csr(n, *rows), Block(ids.astype(np.int32), dense[:, ids].astype(np.float32), n)
