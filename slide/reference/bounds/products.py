"""Rounding bounds of the products."""

from __future__ import annotations

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block, RowGrad
from slide.reference import plain
from slide.reference.bounds.comparing import EPS, TINY


def sddmm_bound(h: Array, w: Array, active: CSR | Block) -> CSR | Block:
    """d terms."""
    z = plain.sddmm(abs(h), abs(w), active)
    return z.with_values(h.shape[1] * EPS * z.values + TINY)


def spmm_bound(z: CSR | Block, w: Array) -> Array:
    """As many terms as the row has entries."""
    terms = np.array([len(row) for row in plain.rows_of(z)])[:, None]
    return terms * EPS * plain.spmm(z.with_values(abs(z.values)), abs(w)) + TINY


def spmm_t_bound(z: CSR | Block, h: Array) -> RowGrad:
    """As many terms as the column has entries."""
    grad = plain.spmm_t(z.with_values(abs(z.values)), abs(h))
    ids = z.ids if isinstance(z, Block) else z.indices
    terms = z.n_rows if isinstance(z, Block) else np.unique(ids, return_counts=True)[1][:, None]
    return RowGrad(grad.rows, terms * EPS * grad.values + TINY)
