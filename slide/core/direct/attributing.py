"""What each input adds to a label's score: its value times the label's weight; and all weights."""

from __future__ import annotations

import numpy as np

from slide.core.attribution import Anatomy, Attribution, Layer, Strengths
from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.backend import Backend
from slide.core.direct.inputs import Inputs
from slide.core.direct.network import Direct
from slide.core.examples.dataset import features_of


def attribution(network: Direct, backend: Backend, x: CSR | Block, label: int) -> Attribution:
    """Of one example (1, n_features) and one label, by its row."""
    columns, inputs = network.inputs_of(x, backend).row(0)
    connected, weights = network.weights_of(label, backend)
    bias = float(weights[-1])  # the constant input is the last one of every label
    places = np.searchsorted(connected, columns)  # none beyond it: features come before
    slopes = np.where(connected[places] == columns, weights[places], 0)
    features, hidden = features_behind(network.inputs, columns), network.hidden
    behind = columns.astype(np.int64) - network.inputs.n_inputs
    units = None if hidden is None else hidden.labels_behind(behind)
    values, slopes = inputs.astype(np.float64), slopes.astype(np.float64)
    return Attribution(features, values, slopes, bias, units=units)


def features_behind(inputs: Inputs, columns: Array) -> Array:
    """The features that inputs are made of: i64 (m, 2), the second -1 where there is one."""
    features = np.stack([columns.astype(np.int64), np.full(len(columns), -1)], axis=1)
    are_pairs = (columns >= inputs.n_features) & (columns < inputs.n_inputs)
    pairs = inputs.pairs[columns[are_pairs] - inputs.n_features]
    features[are_pairs] = np.stack(np.divmod(pairs, max(inputs.n_features, 1)), axis=1)
    features[columns >= inputs.n_inputs] = -1
    return features


def representation(network: Direct, backend: Backend, x: CSR | Block) -> CSR:
    """What examples are to the labels: their inputs, CSR (B, n_inputs)."""
    return network.inputs.of(features_of(x))


def strengths(network: Direct, backend: Backend, label: int) -> Strengths:
    """The weights of one label, by its row."""
    columns, weights = network.weights_of(label, backend)
    columns, hidden = columns[:-1], network.hidden  # the constant input is the last one
    features = features_behind(network.inputs, columns)
    behind = columns.astype(np.int64) - network.inputs.n_inputs
    units = None if hidden is None else hidden.labels_behind(behind)
    return Strengths(features, weights[:-1], float(weights[-1]), units)


def anatomy(network: Direct, backend: Backend) -> Anatomy:
    """Weights, pairs, a hidden layer of labels, and labels and inputs without weights."""
    of_labels, of_inputs = network.n_weights_by(backend)
    n_inputs, hidden = network.inputs.n_inputs, network.hidden
    layers: tuple[Layer, ...] = ()
    if hidden is not None:
        n_dead = int((of_inputs[n_inputs:] == 0).sum())
        layers = (Layer("labels", hidden.n_units, n_dead),)
    return Anatomy(
        n_weights=int(of_inputs.sum()),
        layers=layers,
        n_pairs=len(network.inputs.pairs),
        n_unused=int((of_inputs[:n_inputs] == 0).sum()),
        n_examples=0 if hidden is None else len(hidden.examples.base),
        unconnected=of_labels == 0,
    )
