"""The two kinds of layer, and the way through each: forward, and backward along the same entries.

What flows between layers is a sparse matrix of activations, one row per example, as CSR or Block:
features, units of a layer, or the few active ones of them; all else is 0. A bias is a weight like
any other: it belongs to one more input that is always 1, so that no kernel has to know about
biases and hashing a neuron's row hashes its bias along with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block, Param, RowGrad
from slide.core.contract.backend import Backend


@dataclass(frozen=True, slots=True)
class DenseLayer:
    """All units are computed; a sparse input costs, and touches, only the rows of its entries.

    Args:
        param: (n_inputs + 1, n_units), one row per input and a last one for the bias.
    """

    param: Param

    @property
    def n_inputs(self) -> int:
        return self.param.shape[0] - 1

    @property
    def n_units(self) -> int:
        return self.param.shape[1]

    def forward(self, backend: Backend, a: CSR | Block, active: CSR | Block | None) -> Block:
        """z = a W for all units; `active` is None."""
        return Block.of(backend.spmm(a, self.param.weight))

    def gradient(self, backend: Backend, a: CSR | Block, dz: CSR | Block) -> RowGrad:
        """The gradient of W."""
        assert isinstance(dz, Block)
        return backend.spmm_t(a, dz.values)

    def input_gradient(self, backend: Backend, a: CSR | Block, dz: CSR | Block) -> CSR | Block:
        """The gradient of the entries of a."""
        assert isinstance(dz, Block)
        return backend.sddmm(dz.values, self.param.weight, a)


@dataclass(frozen=True, slots=True)
class SampledLayer:
    """Only active neurons are computed; the gradient touches their rows alone.

    Args:
        param: (n_units, n_inputs + 1), one row per neuron, its bias in the last column.
    """

    param: Param

    @property
    def n_inputs(self) -> int:
        return self.param.shape[1] - 1

    @property
    def n_units(self) -> int:
        return self.param.shape[0]

    def forward(self, backend: Backend, a: CSR | Block, active: CSR | Block | None) -> CSR | Block:
        """z = a W' for the active neurons, in their layout; None is all of them."""
        if active is None:
            active = Block.of(np.zeros_like(a.values, shape=(1, self.n_units)))
        return backend.sddmm(a.dense(), self.param.weight, active)

    def gradient(self, backend: Backend, a: CSR | Block, dz: CSR | Block) -> RowGrad:
        """The gradient of W."""
        return backend.spmm_t(dz, a.dense())

    def input_gradient(self, backend: Backend, a: CSR | Block, dz: CSR | Block) -> CSR | Block:
        """The gradient of the entries of a."""
        return a.with_values_of(backend.spmm(dz, self.param.weight))


Layer = DenseLayer | SampledLayer


def rows_read(a: CSR | Block, active: CSR | Block | None) -> Array:
    """The rows of a layer's weight that a step reads, and updates: i32, ascending."""
    return (a if active is None else active).column_ids()
