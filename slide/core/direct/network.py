"""A network without hidden layer: sparse weights from features straight to labels.

This is a linear classifier of one label versus all others (one-vs-rest), as DiSMEC is one, with few
weights a label: which they are `slide.core.direct.connecting` chooses, and training keeps.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.backend import Backend
from slide.core.contract.concurrent import concurrently
from slide.core.contract.sparse import InvertedIndex, SparseParam
from slide.core.contract.state import State, csr_from, state_of_csr
from slide.core.direct.inputs import Inputs
from slide.core.direct.neighbours import Layer, layer_of
from slide.core.examples.dataset import features_of
from slide.core.examples.scratch import rows_of

PARTS = 4  # of all labels, whose logits are computed at once


@dataclass(frozen=True, slots=True)
class Direct:
    """The whole network.

    Args:
        inputs: how features become inputs.
        param: (n_labels, n_inputs + 1), one row per label, its bias in the last column, which
            every row stores.
        hidden: units beside the inputs, whose columns are between these and the constant; None
            without a hidden layer.
    """

    inputs: Inputs
    param: SparseParam
    hidden: Layer | None = None

    @property
    def n_features(self) -> int:
        return self.inputs.n_features

    @property
    def n_labels(self) -> int:
        return self.param.weight.n_rows

    @property
    def bias(self) -> Array:
        """f32 (n_labels,)."""
        return self.bias_of(slice(None))

    def bias_of(self, labels: Array | slice) -> Array:
        """Of some labels, f32."""
        weight = self.param.weight
        last: Array = weight.values[weight.indptr[1:][labels] - 1]
        return last

    @classmethod
    def of(
        cls,
        weight: CSR,
        bias: Array,
        inputs: Inputs,
        backend: Backend,
        hidden: Layer | None = None,
    ) -> Direct:
        """From weights on the host, without those of the constant input, and biases."""
        whole = with_bias(weight, bias)
        square = backend.put(np.ones_like(whole.values))
        return cls(inputs, SparseParam(whole.map(backend.put), square), hidden)

    @classmethod
    def answering(
        cls,
        weight: CSR,
        bias: Array,
        inputs: Inputs,
        backend: Backend,
        hidden: Layer | None = None,
    ) -> Direct:
        """The same, not to be trained: squares take no memory where `put` copies nothing."""
        whole = with_bias(weight, bias)
        square = backend.put(np.broadcast_to(np.float32(1), whole.values.shape))
        return cls(inputs, SparseParam(whole.map(backend.put), square), hidden)

    @classmethod
    def restored(cls, state: State, backend: Backend) -> Direct:
        """The network of such a state."""
        weight, square = csr_from(state["weight"]).map(backend.put), backend.put(state["square"])
        inputs = Inputs(state["input_weights"], state["pairs"])
        hidden = layer_of(dict(state["hidden"]), backend)
        return cls(inputs, SparseParam(weight, square), hidden)

    def state(self, backend: Backend) -> State:
        """Weights and their squares, and how features become inputs."""
        weight = self.param.weight.map(backend.get)
        return {
            "weight": state_of_csr(weight),
            "square": backend.get(self.param.square),
            "input_weights": self.inputs.weights,
            "pairs": self.inputs.pairs,
            "hidden": {} if self.hidden is None else self.hidden.tensors(backend),
        }

    def without_bias(self, backend: Backend) -> CSR:
        """The weights on the host, as `of` takes them."""
        return self.param.weight.map(backend.get).without_constant()

    def weights_of(self, label: int, backend: Backend) -> tuple[Array, Array]:
        """The inputs of a label, i32, ascending, and their weights, f32, on the host; bias last."""
        weight = self.param.weight
        start, end = backend.get(weight.indptr[label : label + 2]).tolist()
        return backend.get(weight.indices[start:end]), backend.get(weight.values[start:end])

    def n_weights_by(self, backend: Backend) -> tuple[Array, Array]:
        """How many weights each label has, and how many labels each input and each unit."""
        weight = self.param.weight
        indptr, indices = backend.get(weight.indptr), backend.get(weight.indices)
        return np.diff(indptr) - 1, np.bincount(indices, minlength=weight.n_cols)[:-1]

    def index(self, backend: Backend, limit: int | None = None) -> InvertedIndex:
        """Of all weights, or of the largest `limit` of each input; biases are its base."""
        whole = backend.invert(self.param.weight, self.bias, limit or self.n_labels)
        return whole.without_last()  # the constant input would add them once more

    def inputs_of(self, x: CSR | Block, backend: Backend) -> CSR:
        """Inputs of examples, and active units: CSR (B, n_inputs + n_units), on the host."""
        features = features_of(x)
        inputs = self.inputs.of(features)
        return inputs if self.hidden is None else self.hidden.joined(inputs, features, backend)

    def of_features(self, x: CSR | Block, backend: Backend) -> CSR:
        """The same with the constant one last, in arrays of the backend."""
        return self.inputs_of(x, backend).with_constant().map(backend.put)


def with_bias(weight: CSR, bias: Array) -> CSR:
    """The weights with those of the constant input, on the host."""
    whole = weight.with_constant()
    whole.values[whole.indptr[1:] - 1] = bias
    return whole


def logits(x: CSR, weight: CSR, backend: Backend) -> Array:
    """Of all labels, f32 (B, n_labels), on the host: x as `Direct.of_features` gives it.

    Args:
        x: CSR (B, n_inputs + 1), on the host; few examples beside the labels.
        weight: CSR (n_labels, n_inputs + 1), likewise.
        backend: whose threads compute.
    """
    by_input = x.to_scipy().T.tocsr()  # x is the small one to turn round, not the weights
    whole = np.empty((x.n_rows, weight.n_rows), np.float32)

    def write(labels: slice) -> None:
        product = rows_of(weight, labels).to_scipy() @ by_input
        whole[:, labels] = product.toarray(order="F").T

    edges = np.linspace(0, weight.n_rows, PARTS + 1).astype(int).tolist()
    concurrently(backend, [partial(write, slice(*both)) for both in pairwise(edges)])
    return whole
