"""What each feature adds to a label's logit through hidden layers: gradient times input.

Where ReLU lets the same units through the network is linear, so that the products, and those of the
biases on the way, add up to the logit itself.
"""

from __future__ import annotations

import numpy as np

from slide.core.attribution import Attribution
from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.backend import Backend
from slide.core.examples.dataset import features_of
from slide.core.sampled.network import Network, input_of
from slide.core.sampled.step import activations


def attribution(network: Network, backend: Backend, x: CSR | Block, label: int) -> Attribution:
    """Of one example (1, n_features) and one label, by its row."""
    sparse = features_of(x)
    inputs: list[CSR | Block] = [input_of(sparse, backend)]
    slopes: list[Array] = []
    for layer in network.hidden:
        z = layer.forward(backend, inputs[-1], None)  # (1, n_units)
        slopes.append(z.values > 0)
        inputs.append(z.with_values(z.values * slopes[-1]).with_constant())
    weights = network.weights_of(label, backend)
    gradient: CSR | Block = Block.of(backend.put(weights[None, :-1].copy()))
    bias = float(weights[-1])
    for number in reversed(range(len(network.hidden))):
        gradient = gradient.with_values(gradient.values * slopes[number])
        gradient = network.hidden[number].input_gradient(backend, inputs[number], gradient)
        bias += float(gradient.values.ravel()[-1])  # of the constant input, the last entry
        gradient = gradient.without_constant()
    columns, values = sparse.with_unit_rows().row(0)
    features = np.stack([columns.astype(np.int64), np.full(len(columns), -1)], axis=1)
    slope = backend.get(gradient.values).ravel().astype(np.float64)
    return Attribution(features, values.astype(np.float64), slope, bias, by_gradient=True)


def representation(network: Network, backend: Backend, x: CSR | Block) -> CSR | Block:
    """What examples are to the labels: units of the last hidden layer, (B, n_units)."""
    return activations(backend, network, x).without_constant().map(backend.get)
