"""Networks as named tensors: what weights.safetensors holds, and whether it fits together."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from slide.core.arrays import CSR, Array
from slide.core.backend import Backend
from slide.core.config import Config
from slide.core.direct import Direct
from slide.core.errors import ModelError
from slide.core.extending import lacking
from slide.core.inputs import Inputs
from slide.core.network import Network

COUNTS = "label_counts"
DIRECT = ("indptr", "indices", "values", "bias", "input_weights", "pairs")


def tensors_of(network: Network | Direct, backend: Backend) -> dict[str, Array]:
    """All weights, by name, on the host.

    Raises:
        BackendError: the network is of another kind.
    """
    if isinstance(network, Direct):
        weight = network.without_bias(backend)
        arrays = [weight.indptr, weight.indices, weight.values, backend.get(network.bias)]
        inputs = network.inputs
        return dict(zip(DIRECT, [*arrays, inputs.weights, inputs.pairs], strict=True))
    if not isinstance(network, Network):
        raise lacking("network", type(network).__name__, __name__)
    weights = [backend.get(layer.param.weight) for layer in network.layers]
    return dict(zip(layer_names(len(network.hidden)), weights, strict=True))


def read_network(path: Path, config: Config, backend: Backend) -> tuple[Network | Direct, Array]:
    """Read weights.safetensors, and check that its arrays fit together.

    Returns:
        The network, and the training examples of each label, i64 (n_labels,).

    Raises:
        ModelError: it is missing, damaged, or not of a network with these settings.
    """
    try:
        tensors = load_file(path)
        counts = tensors.pop(COUNTS)
        fit = layers_fit if config.hidden else direct_fits
        fits = fit(tensors, config, counts)
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror or error}") from None
    except (SafetensorError, KeyError, TypeError, ValueError, IndexError) as error:
        raise ModelError(f"{path} is damaged ({error}): train the model again") from None
    if not fits:
        raise ModelError(f"{path} does not fit its config.json: train the model again")
    floats = [array for array in tensors.values() if array.dtype.kind == "f"]
    if not (all_finite(*floats) and counts.min() >= 0):
        raise ModelError(
            f"{path} is damaged (weights that are not finite, or negative counts): "
            "train the model again"
        )
    if config.hidden:
        weights = [tensors[name] for name in layer_names(len(config.hidden))]
        return Network.of(weights, config, backend), counts
    return direct_of(tensors, backend), counts


def layer_names(n_hidden: int) -> list[str]:
    """Names of the layers' weights, the output last."""
    return [f"hidden.{layer}" for layer in range(n_hidden)] + ["output"]


def layers_fit(tensors: dict[str, Array], config: Config, counts: Array) -> bool:
    """Whether these are the layers of such a network, and counts of its labels."""
    weights = [tensors[name] for name in layer_names(len(config.hidden))]
    return (
        [weight.shape for weight in weights] == shapes_of(config, weights)
        and all(weight.dtype == np.float32 for weight in weights)
        and counts.shape == weights[-1].shape[:1]
        and counts.dtype == np.int64
    )


def shapes_of(config: Config, weights: list[Array]) -> list[tuple[int, int]]:
    """Shapes that these weights must have, given the number of features and labels they show."""
    by_neuron = [config.n_active_of(layer) > 0 for layer in range(len(config.hidden))] + [True]
    n_features = max(weights[0].shape[-1 if by_neuron[0] else 0] - 1, 1)
    widths = (n_features, *config.hidden, max(len(weights[-1]), 1))
    return [
        (units, inputs + 1) if flipped else (inputs + 1, units)
        for (inputs, units), flipped in zip(pairwise(widths), by_neuron, strict=True)
    ]


def direct_fits(tensors: dict[str, Array], config: Config, counts: Array) -> bool:
    """Whether these are direct connections, and counts of their labels.

    Raises:
        ValueError: the matrix of weights is none, in a sentence.
    """
    indptr, indices, values, bias, weights, pairs = (tensors[name] for name in DIRECT)
    if len(tensors) > len(DIRECT) or any(array.ndim != 1 for array in (*tensors.values(), counts)):
        return False
    n_inputs = len(weights) + len(pairs)
    CSR(indptr, indices, values, n_inputs).check()
    of_labels = len(indptr) - 1 == len(bias) == len(counts) > 0
    dtypes = [array.dtype for array in (bias, weights, pairs, counts)]
    is_known = dtypes == [np.float32, np.float32, np.int64, np.int64]
    if len(pairs) and not config.pairs:
        return False
    ascending = not len(pairs) or bool((np.diff(pairs) > 0).all() and pairs[0] >= 0)
    return of_labels and is_known and ascending and bool(pairs.max(initial=-1) < len(weights) ** 2)


def direct_of(tensors: dict[str, Array], backend: Backend) -> Direct:
    """Direct connections."""
    indptr, indices, values, bias, weights, pairs = (tensors[name] for name in DIRECT)
    inputs = Inputs(weights, pairs)
    return Direct.of(CSR(indptr, indices, values, inputs.n_inputs), bias, inputs, backend)


def all_finite(*arrays: Array) -> bool:
    """True if no array holds NaN or infinity."""
    return all(bool(np.isfinite(array).all()) for array in arrays)
