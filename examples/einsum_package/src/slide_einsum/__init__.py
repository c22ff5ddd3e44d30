"""A backend with two kernels of its own; the others it takes from `numba`."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from slide.backends.delegating import Delegating
from slide.core.contract.arrays import CSR, Array, Block, RowGrad


class EinsumBackend(Delegating):
    """Two of the products by NumPy's einsum."""

    name = "einsum"
    taken: ClassVar = {
        "numba": (
            "put", "get", "hash", "build", "reinsert", "query", "spmm", "loss", "update_rows",
            "top_k", "spgemm_t", "invert", "search", "masked_spgemm", "update_entries",
            "solve_rows",
        ),
    }  # fmt: skip

    def sddmm(self, h: Array, w: Array, active: CSR | Block) -> CSR | Block:
        """z[i, j] = h_i . w_j for the active j only."""
        if isinstance(active, Block):
            return active.with_values(np.einsum("bd,rd->br", h, w[active.ids]))
        rows = active.row_numbers()
        return active.with_values(np.einsum("ed,ed->e", h[rows], w[active.indices]))

    def spmm_t(self, z: CSR | Block, h: Array) -> RowGrad:
        """Row j = sum_i z[i, j] h_i, for the columns j that z stores."""
        if isinstance(z, Block):
            return RowGrad(z.ids, np.einsum("br,bd->rd", z.values, h))
        columns, places = np.unique(z.indices, return_inverse=True)
        values = np.zeros((len(columns), h.shape[1]), h.dtype)
        np.add.at(values, places, z.values[:, None] * h[z.row_numbers()])
        return RowGrad(columns, values)
