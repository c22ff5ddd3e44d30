"""What each feature adds to a label's logit through hidden layers: gradient times input.

Where ReLU lets the same units through the network is linear, so that the products, and those of the
biases on the way, add up to the logit itself. Whatever the example, a label has weights of units of
the last hidden layer alone; `strengths` tells what these have weights of.
"""

from __future__ import annotations

import numpy as np

from slide.core.attribution import Anatomy, Attribution, Layer, Strengths
from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.backend import Backend
from slide.core.examples.dataset import features_of
from slide.core.sampled.layers import SampledLayer
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


def dense_layers(network: Network, backend: Backend) -> list[tuple[Array, Array]]:
    """Weight (n_units, n_inputs) and bias of each layer, however it stores them."""
    weights = [backend.get(layer.param.weight) for layer in network.layers]
    by_unit = [
        weight if isinstance(layer, SampledLayer) else weight.T
        for weight, layer in zip(weights, network.layers, strict=True)
    ]
    return [(weight[:, :-1], weight[:, -1]) for weight in by_unit]


def strengths(network: Network, backend: Backend, label: int) -> Strengths:
    """The weights of one label, by its row, for units of the last hidden layer."""
    weights = network.weights_of(label, backend)
    below, _ = dense_layers(network, backend)[-2]
    features = np.full((len(weights) - 1, 2), -1)
    is_first = len(network.hidden) == 1
    return Strengths(features, weights[:-1], float(weights[-1]), below=below, is_first=is_first)


def anatomy(network: Network, backend: Backend) -> Anatomy:
    """Layers, and of each the units that no row can activate.

    Rows are of unit length, so that a unit of the first layer is at most the length of its weights
    and its bias; one of a later layer is at most what units below at their largest, those that
    speak for it, make of it.
    """
    layers, largest = [], np.zeros(0)
    for number, (weight, bias) in enumerate(dense_layers(network, backend)[:-1]):
        reached = np.maximum(weight, 0) @ largest if number else np.linalg.norm(weight, axis=1)
        largest = np.maximum(reached + bias, 0)
        layers.append(Layer("neurons", len(bias), int((largest == 0).sum())))
    n_cells = sum(layer.n_inputs * layer.n_units for layer in network.layers)
    return Anatomy(n_cells, tuple(layers))
