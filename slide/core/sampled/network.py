"""The network: sparse or dense features -> ReLU hidden layers -> one output neuron per label."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block, Param
from slide.core.contract.backend import Backend
from slide.core.contract.optim import SGD, Optimizer
from slide.core.sampled.layers import DenseLayer, Layer, SampledLayer
from slide.core.sampled.settings import Layers

OUTPUT_SCALE = 0.1  # of a standard normal over sqrt(inputs): logits start near zero


@dataclass(frozen=True, slots=True)
class Network:
    """All layers' parameters, as arrays of one backend.

    Args:
        hidden: first to last; a hidden layer has hash tables if it is a `SampledLayer`.
        output: one neuron per label.
    """

    hidden: tuple[Layer, ...]
    output: SampledLayer

    @property
    def layers(self) -> tuple[Layer, ...]:
        return (*self.hidden, self.output)

    @property
    def n_features(self) -> int:
        return self.hidden[0].n_inputs

    @property
    def n_labels(self) -> int:
        return self.output.n_units

    def weights_of(self, label: int, backend: Backend) -> Array:
        """The weights of a label for the units of the last hidden layer, and its bias: f32."""
        weights: Array = backend.get(self.output.param.weight[label])
        return weights

    @classmethod
    def draw(
        cls,
        wanted: Layers,
        n_features: int,
        n_labels: int,
        backend: Backend,
        optimizer: Optimizer,
        rng: np.random.Generator,
    ) -> Network:
        """Normal weights, biases zero, optimizer state zero."""
        weights = [
            draw_weights(*sizes, layer, wanted, rng)
            for layer, sizes in enumerate(pairwise((n_features, *wanted.hidden, n_labels)))
        ]
        return cls.of(weights, wanted, backend, optimizer)

    @classmethod
    def of(
        cls,
        weights: list[Array],
        wanted: Layers,
        backend: Backend,
        optimizer: Optimizer | None = None,
    ) -> Network:
        """From the weight of each layer, the output last; without optimizer not to be trained."""
        begin = (optimizer or SGD()).begin
        return cls.of_params([begin(weight).map(backend.put) for weight in weights], wanted)

    @classmethod
    def of_params(cls, params: list[Param], wanted: Layers) -> Network:
        """From the parameter of each layer, the output last."""
        *hidden, output = params
        layers = [
            SampledLayer(param) if wanted.n_active_of(layer) else DenseLayer(param)
            for layer, param in enumerate(hidden)
        ]
        return cls(tuple(layers), SampledLayer(output))


def draw_weights(
    n_inputs: int, n_units: int, layer: int, wanted: Layers, rng: np.random.Generator
) -> Array:
    """Weights of one layer as it stores them, the bias last: by input, or by neuron if sampled.

    Features have rows of unit length, so the first layer's units start with variance 1 / n_units
    and all of them together with length 1; later hidden layers keep the length of what comes in,
    though ReLU takes half of it (He et al., ICCV 2015).
    """
    is_output = layer == len(wanted.hidden)
    scale = OUTPUT_SCALE * n_inputs**-0.5 if is_output else n_units**-0.5
    if 0 < layer < len(wanted.hidden):
        scale *= 2**0.5
    by_neuron, shape = stored_as(n_inputs, n_units, layer, wanted)
    weight = rng.standard_normal(shape, dtype=np.float32)
    weight *= np.float32(scale)
    weight[(slice(None), -1) if by_neuron else -1] = 0
    return weight


def stored_as(
    n_inputs: int, n_units: int, layer: int, wanted: Layers
) -> tuple[bool, tuple[int, int]]:
    """Whether a layer stores its weights by neuron, and their shape."""
    by_neuron = layer == len(wanted.hidden) or wanted.n_active_of(layer) > 0
    return by_neuron, (n_units, n_inputs + 1) if by_neuron else (n_inputs + 1, n_units)


def shapes_of_layers(wanted: Layers, n_features: int, n_labels: int) -> list[tuple[int, int]]:
    """Of the weight of each layer, the output last."""
    widths = pairwise((n_features, *wanted.hidden, n_labels))
    return [stored_as(*sizes, layer, wanted)[1] for layer, sizes in enumerate(widths)]


def n_cells(wanted: Layers, n_features: int, n_labels: int) -> int:
    """Weights of a network, biases included."""
    widths = (n_features, *wanted.hidden, n_labels)
    return sum((inputs + 1) * units for inputs, units in pairwise(widths))


def input_of(x: CSR | Block, backend: Backend) -> CSR | Block:
    """Features as the network takes them: rows of unit length, and the constant column."""
    return x.with_unit_rows().with_constant().map(backend.put)
