"""Networks with hidden layers, as the engine asks for them: stored, searched, and their size."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.backend import Backend
from slide.core.contract.families import kind_of
from slide.core.errors import ConfigError, said
from slide.core.examples.dataset import Dataset, batches
from slide.core.learner import LAST, Kind, Searcher
from slide.core.sampled.attributing import (
    anatomy,
    attribution,
    dense_layers,
    representation,
    strengths,
)
from slide.core.sampled.layers import SampledLayer
from slide.core.sampled.network import Network, n_cells
from slide.core.sampled.retrieval import Retrieval
from slide.core.sampled.rules import rules, tiny
from slide.core.sampled.run import SampledRun
from slide.core.sampled.settings import Hashing, Layers, SampledSettings
from slide.core.sampled.step import activations, infer, infer_sampled, logits_of
from slide.core.settings.plan import Plan
from slide.core.settings.settings import Settings

EXAMPLES_AT_A_TIME = 1024
OUTPUT = "output"


@dataclass(frozen=True, slots=True)
class AllNeurons:
    """Computes every logit."""

    network: Network

    def top_k(self, backend: Backend, x: CSR | Block, k: int) -> tuple[Array, Array]:
        """See `Searcher`."""
        return infer(backend, self.network, x, k)

    def scores(self, backend: Backend, x: CSR | Block, wanted: CSR) -> CSR:
        """See `Searcher`."""
        return logits_of(backend, self.network, x, wanted)

    def naming_last(self, labels: Array, backend: Backend) -> AllNeurons:
        """See `Searcher`; the biases of these labels are `LAST`, in a copy of their layer."""
        output = self.network.output.param
        weight = backend.get(output.weight).copy()
        weight[labels, -1] = LAST
        layer = SampledLayer(replace(output, weight=backend.put(weight)))
        return AllNeurons(replace(self.network, output=layer))


@dataclass(frozen=True, slots=True)
class Retrieved:
    """Computes the logits of the neurons that hash tables retrieve, in every layer.

    Where those are fewer than k, an id is -1 and its logit -inf.
    """

    network: Network
    retrieval: Retrieval

    def top_k(self, backend: Backend, x: CSR | Block, k: int) -> tuple[Array, Array]:
        """See `Searcher`."""
        return infer_sampled(backend, self.network, x, k, self.retrieval)

    def scores(self, backend: Backend, x: CSR | Block, wanted: CSR) -> CSR:
        """See `Searcher`; nothing is to be retrieved."""
        return logits_of(backend, self.network, x, wanted)

    def naming_last(self, labels: Array, backend: Backend) -> Retrieved:
        """See `Searcher`; these labels are never found."""
        hidden = np.zeros(self.network.n_labels, bool)
        hidden[labels] = True
        output = replace(self.retrieval.output, hidden=backend.put(hidden))
        return replace(self, retrieval=Retrieval([*self.retrieval.layers[:-1], output]))


def exact_searcher(network: Network, backend: Backend) -> Searcher:
    """A searcher among all labels."""
    return AllNeurons(network)


def sampled_searcher(
    network: Network,
    backend: Backend,
    settings: Settings[SampledSettings],
    plan: Plan,
    examples: Dataset | None,
) -> Searcher:
    """A searcher in hash tables of the weights, or of examples' labels (*insert, then freeze*).

    Raises:
        ConfigError: none of the examples has a label.
    """
    retrieval = Retrieval.build(backend, network, settings, plan)
    if examples is None:
        return Retrieved(network, retrieval)
    labels = examples.y.positive()
    if not labels.nnz:
        raise ConfigError(
            f"nothing to insert: {examples.n_samples} examples without a label; expected some with "
            "labels, those of the training set for instance"
        )
    codes = [
        retrieval.output.codes(backend, activations(backend, network, examples.x.take(rows)))
        for rows in batches(examples.n_samples, EXAMPLES_AT_A_TIME)
    ]
    output = retrieval.output.filled_by(backend, np.concatenate(codes), labels)
    return Retrieved(network, Retrieval([*retrieval.layers[:-1], output]))


def tensors(network: Network, backend: Backend) -> dict[str, Array]:
    """The weight of each layer."""
    weights = [backend.get(layer.param.weight) for layer in network.layers]
    return dict(zip(tensor_names(len(network.hidden)), weights, strict=True))


def tensor_names(n_hidden: int) -> list[str]:
    """Names of the layers' weights, the output last."""
    return [f"hidden.{layer}" for layer in range(n_hidden)] + [OUTPUT]


def network_from(
    stored: dict[str, Array], settings: Settings[SampledSettings], counts: Array, backend: Backend
) -> Network | None:
    """A network of stored weights; None if their shapes are not those of the settings."""
    layers = settings.learner.layers
    weights = [stored[name] for name in tensor_names(len(layers.hidden))]
    fits = (
        [weight.shape for weight in weights] == shapes_of(layers, weights)
        and all(weight.dtype == np.float32 for weight in weights)
        and counts.shape == weights[-1].shape[:1]
    )
    return Network.of(weights, layers, backend) if fits else None


def shapes_of(layers: Layers, weights: list[Array]) -> list[tuple[int, int]]:
    """Shapes that these weights must have, given the number of features and labels they show."""
    by_neuron = [layers.n_active_of(layer) > 0 for layer in range(len(layers.hidden))] + [True]
    n_features = max(weights[0].shape[-1 if by_neuron[0] else 0] - 1, 1)
    widths = (n_features, *layers.hidden, max(len(weights[-1]), 1))
    return [
        (units, inputs + 1) if flipped else (inputs + 1, units)
        for (inputs, units), flipped in zip(pairwise(widths), by_neuron, strict=True)
    ]


def n_bytes(settings: Settings[SampledSettings], train: Dataset) -> float:
    """Of weights, the state of their optimizer, and tables."""
    own = settings.learner
    wanted = 12 * n_cells(own.layers, train.n_features, train.n_labels)  # three float32
    if own.sampling.sampler == "lsh":  # ids and offsets
        wanted += own.hashing.L * (4 * train.n_labels + 8 * most_buckets(own.hashing))
    return wanted


def most_buckets(hashing: Hashing) -> int:
    """Buckets per table at most."""
    return min(hashing.max_buckets, 1 << hashing.K * kind_of(hashing.hash).bits)


def describe_size(settings: Settings[SampledSettings], train: Dataset) -> tuple[str, str]:
    """What takes memory, and what would take less, in words."""
    hidden, hashing = settings.learner.layers.hidden, settings.learner.hashing
    return (
        f"a network of {train.n_features} features, {'-'.join(map(str, hidden))} hidden "
        f"units and {train.n_labels} labels with its {hashing.L} tables of "
        f"{most_buckets(hashing)} buckets takes",
        f"choose a smaller {said('hidden')}, {said('K')} or {said('L')}, or check the data's "
        "header",
    )


SAMPLED = Kind(
    name="sampled",
    title="networks with hidden layers",
    settings=SampledSettings,
    suits=lambda traits: True,
    rules=rules,
    tiny=tiny,
    begin=SampledRun.begin,
    resume=SampledRun.resume,
    tensors=tensors,
    read=network_from,
    exact=exact_searcher,
    sampled=sampled_searcher,
    n_bytes=n_bytes,
    size=describe_size,
    attribution=attribution,
    representation=representation,
    strengths=strengths,
    anatomy=anatomy,
    dense_layers=dense_layers,
    go_on=SampledRun.go_on,
    by_label=(OUTPUT,),
)
