"""Which inputs a label is connected to, and the weights that training starts from.

A label is connected to the inputs that its examples have most of, and to those that weigh most
against it among the examples that look like its own but are not. Training starts from the labels'
centroids.
"""

from __future__ import annotations

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.backend import Backend
from slide.core.contract.sparse import SparseParam
from slide.core.direct.active import found_set
from slide.core.direct.inputs import Inputs
from slide.core.direct.mapped import AsInputs, centroids
from slide.core.direct.network import Direct
from slide.core.direct.settings import DirectSettings
from slide.core.errors import ConfigError, said
from slide.core.examples.dataset import Dataset
from slide.core.examples.scratch import by_rows, few_at_a_time, rows_of
from slide.core.examples.weights import of_rows
from slide.core.learner import Earlier
from slide.core.settings.settings import Settings

SCALE = 8.0  # length of a label's row at the start: the cosine to its centroid decides then
LABELS_AT_A_TIME = 1 << 17  # found for some examples
EXAMPLES_FOR_GROWTH = 1 << 14  # at most: what weighs against a label shows in few (docs/direct.md)


def connect(
    settings: Settings[DirectSettings], inputs: Inputs, backend: Backend, data: Dataset
) -> Direct:
    """Choose the connections of every label, and start them from its centroid.

    Args:
        settings: how many connections.
        inputs: as fitted to the training set.
        backend: computes.
        data: the training set in an order of its own, its features replaced by inputs; or on disk
            in the order of the file, and replaced when they are taken.
    """
    x, y = data.x, data.y.positive()
    assert isinstance(x, CSR)
    if isinstance(data, AsInputs):
        y = y.take(data.order)
    counts = y.column_counts()
    ones = of_rows(y.with_values(np.ones_like(y.values)), data.weights)
    limits = limits_of(settings.learner, counts)
    if isinstance(data, AsInputs):
        sums = data.centroids(backend, y, limits)
    else:
        sums = centroids(backend, x, ones, limits)
    frequent = shares(counts, y.n_rows, weighed(y, data.weights))
    return begun(settings, inputs, backend, sums, frequent, data)


def limits_of(settings: DirectSettings, counts: Array) -> Array:
    """How many inputs labels of so many examples are connected to, i64 (n_labels,)."""
    return settings.connections + (settings.connections_per_example * counts).astype(np.int64)


def begun(
    settings: Settings[DirectSettings],
    inputs: Inputs,
    backend: Backend,
    sums: CSR,
    frequent: Array,
    data: Dataset,
) -> Direct:
    """The network that training starts from.

    Args:
        settings: how low a bias may be, and how many connections weigh against a label.
        inputs: as fitted to the training set.
        backend: computes.
        sums: CSR (n_labels, n_inputs), the inputs of the examples of each label, added up; the
            largest of them.
        frequent: f64 (n_labels,), see `shares`.
        data: see `connect`; of examples in memory, the first EXAMPLES_FOR_GROWTH are enough.
    """
    directions = by_rows(backend, CSR.with_unit_rows, sums).values
    weight = sums.with_values(np.float32(SCALE) * directions)
    bias = np.maximum(np.log(frequent), settings.learner.bias_floor).astype(np.float32)
    if settings.learner.grown:
        grown = grown_connections(settings, backend, data, weight, bias)
        weight = by_rows(backend, CSR.union, weight, grown)
    return Direct.of(weight, bias, inputs, backend)


def refuse_layers(settings: Settings[DirectSettings], earlier: Earlier) -> None:
    """Raise ConfigError if there is a hidden layer of neighbours, or is to be.

    What they count beside weights that are trained on is not to be learned.
    """
    if settings.learner.layers == 2:
        raise ConfigError(
            f"begin_with goes on with connections alone, and not with {said('layers', 2)}: "
            f"expected {said('layers', 1)}, or leave it out"
        )
    if earlier.network.hidden is not None:
        raise ConfigError(
            "begin_with is a model with a hidden layer of examples: expected one of connections "
            f"alone, trained with {said('layers', 1)}"
        )


def carried(earlier: Earlier, begun: Direct, backend: Backend) -> Direct:
    """Weights of labels that were taught before, with what they have moved; others as they begin.

    Connections that only the new examples ask for start from 0 where a label was taught before.

    Args:
        earlier: the weights before.
        begun: those that the new examples start from; of the same inputs, or more.
        backend: whose arrays they are.
    """
    old, new = earlier.network, begun.param.weight.map(backend.get)
    weight, square = old.param.weight.map(backend.get), backend.get(old.param.square)
    shift = begun.n_features - old.n_features  # pairs and the constant come after the features
    columns = np.arange(weight.n_cols) + shift
    columns[: old.n_features] = earlier.features
    rows = earlier.labels[weight.row_numbers()]
    kept = earlier.taught[rows]
    cells = (rows.astype(np.int64) * new.n_cols + columns[weight.indices])[kept]
    others = ~np.isin(new.cells(), cells)
    values = np.where(earlier.taught[new.row_numbers()], np.float32(0), new.values)[others]
    cells = np.concatenate([cells, new.cells()[others]])
    order = np.argsort(cells)
    values = np.concatenate([weight.values[kept], values])[order]
    squares = np.concatenate([square[kept], np.ones_like(values, shape=int(others.sum()))])[order]
    whole = CSR.of_cells(cells[order], values, new.shape)
    return Direct(begun.inputs, SparseParam(whole.map(backend.put), backend.put(squares)))


def shares(counts: Array, n_samples: int, weighed: tuple[Array, float] | None = None) -> Array:
    """Of all examples those that have each label, as if one had labels that none has: f64.

    Args:
        counts: i64 (n_labels,), examples of each label.
        n_samples: examples.
        weighed: f64 (n_labels,), what the examples of each label weigh, and what all do; None where
            each counts for one.
    """
    if weighed is None:
        return np.maximum(counts, 1) / max(n_samples, 1)
    sums, total = weighed
    return np.where(counts > 0, sums, total / max(n_samples, 1)) / total


def weighed(y: CSR, weights: Array | None) -> tuple[Array, float] | None:
    """What examples weigh, see `shares`: labels y, CSR (n_samples, n_labels), of such weights."""
    if weights is None:
        return None
    of_entries = of_rows(y.with_values(np.ones_like(y.values)), weights).values
    return np.bincount(y.indices, of_entries, y.n_cols), float(weights.sum(dtype=np.float64))


def grown_connections(
    settings: Settings[DirectSettings], backend: Backend, data: Dataset, weight: CSR, bias: Array
) -> CSR:
    """Connections to inputs that weigh against a label, with weight 0: CSR (n_labels, n_inputs).

    They are those along which the loss falls fastest at the start, among the absent ones: most of
    them inputs that no example of the label has.

    Source: growing by gradient magnitude, Evci et al. (ICML 2020).
    """
    weight, bias = weight.map(backend.put), backend.put(bias)
    index = backend.invert(weight, bias, settings.learner.list_limit)
    if isinstance(data, AsInputs):
        sample = data.take_many(data.order[:EXAMPLES_FOR_GROWTH])
    else:
        sample = data.take(np.arange(min(data.n_samples, EXAMPLES_FOR_GROWTH)))
    k = min(settings.training.active, data.n_labels)
    at_a_time = max(LABELS_AT_A_TIME // max(k, 1), 1)
    parts = []
    for some in few_at_a_time(np.arange(sample.n_samples + 1), at_a_time):
        x, y = (rows_of(of, some).map(backend.put) for of in (sample.features, sample.y))
        found, _ = backend.search(index, x, y, k)
        negatives = found_set(found, y.n_cols)
        z = backend.masked_spgemm(x, weight, negatives)
        scores = z.values + bias[negatives.indices]
        parts.append(negatives.with_values(1 / (1 + np.exp(-scores))))
    wrong = CSR.stack(parts, data.n_labels)
    limits = backend.put(np.full(y.n_cols, settings.learner.grown, np.int64))
    grown = backend.spgemm_t(wrong, sample.features.map(backend.put), limits, weight)
    grown = grown.map(backend.get)
    return grown.with_values(np.zeros_like(grown.values))
