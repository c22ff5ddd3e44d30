"""One training step and one inference, as a straight line through the layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block, RowGrad
from slide.core.contract.backend import Backend
from slide.core.contract.losses import LossName
from slide.core.examples.dataset import Dataset
from slide.core.examples.weights import of_rows
from slide.core.learner import StepReport, report_of
from slide.core.sampled.layers import SampledLayer
from slide.core.sampled.network import Network, input_of
from slide.core.sampled.retrieval import Retrieval
from slide.core.sampled.sampling import Sampler, log_weights
from slide.core.sampled.updating import Updates


def train_step(
    backend: Backend,
    network: Network,
    batch: Dataset,
    samplers: Sequence[Sampler | None],
    updates: Updates,
    loss_name: LossName,
    dropout: float,
    rng: np.random.Generator,
) -> StepReport:
    """Sample, forward, loss, backward, update: all of one mini-batch.

    Args:
        backend: whose kernels compute.
        network: updated in place, touched rows only.
        batch: B examples, on the host.
        samplers: choose the active neurons of each layer, the output last; None for all units.
        updates: optimizer, learning rate and number of this step.
        loss_name: which loss.
        dropout: share of hidden units to zero.
        rng: draws the uniform shares, the salts of the queries and the dropout masks.

    Source: SLIDE (arXiv 1903.03129) algorithm 1.
    """
    way = way_in(backend, network, batch, samplers, updates, dropout, rng)
    output, number = network.output, len(network.hidden)
    y, sampler, a = batch.y.map(backend.put), samplers[-1], way.a
    assert sampler is not None
    active = sampler.sample(backend, a, y, rng)
    updates.catch_up_rows(number, output, a, active)
    z = output.forward(backend, a, active)
    weights = log_weights(active)
    loss, dz = backend.loss(z, weights, y, loss_name)
    dz = of_rows(dz, batch.weights if batch.weights is None else backend.put(batch.weights))
    grad = output.gradient(backend, a, dz)
    grads = way_back(backend, network, way, output.input_gradient(backend, a, dz))
    apply_hidden(backend, network, samplers, updates, grads)
    updates.apply(number, output, grad)
    sampler.mark_touched(backend.get(grad.rows))
    return report_of(float(loss.mean()), active, weights, len(grad.rows))


@dataclass(frozen=True, slots=True)
class Way:
    """What a batch has left on its way through the hidden layers.

    Args:
        inputs: of each hidden layer.
        slopes: by which the gradient of its outputs is multiplied: of ReLU, and of dropout.
        a: inputs of the output layer (B, n_units + 1).
    """

    inputs: Sequence[CSR | Block]
    slopes: Sequence[Array]
    a: CSR | Block


def way_in(
    backend: Backend,
    network: Network,
    batch: Dataset,
    samplers: Sequence[Sampler | None],
    updates: Updates,
    dropout: float,
    rng: np.random.Generator,
) -> Way:
    """Through the hidden layers; see `train_step`."""
    a = input_of(batch.x, backend)  # (B, n_features + 1)
    inputs, slopes = [], []
    for number, layer in enumerate(network.hidden):
        sampler = samplers[number]
        nobody = CSR.empty(batch.n_samples, layer.n_units).map(backend.put)
        active = sampler.sample(backend, a, nobody, rng) if sampler else None
        updates.catch_up_rows(number, layer, a, active)
        z = layer.forward(backend, a, active)  # (B, n_units), or the active entries of it
        inputs.append(a)
        slopes.append((z.values > 0) * backend.put(dropout_mask(z.values.shape, dropout, rng)))
        a = z.with_values(z.values * slopes[-1]).with_constant()
    return Way(inputs, slopes, a)


def way_back(backend: Backend, network: Network, way: Way, dh: CSR | Block) -> list[RowGrad]:
    """The gradient of each hidden layer, of that of the inputs of the output layer."""
    grads: list[RowGrad] = []
    for number in reversed(range(len(network.hidden))):
        layer, inputs = network.hidden[number], way.inputs[number]
        dh = dh.without_constant()
        dz = dh.with_values(dh.values * way.slopes[number])
        grads.append(layer.gradient(backend, inputs, dz))
        if number:
            dh = layer.input_gradient(backend, inputs, dz)
    return grads[::-1]


def apply_hidden(
    backend: Backend,
    network: Network,
    samplers: Sequence[Sampler | None],
    updates: Updates,
    grads: Sequence[RowGrad],
) -> None:
    """Update the hidden layers."""
    for number, (layer, grad) in enumerate(zip(network.hidden, grads, strict=True)):
        updates.apply(number, layer, grad)
        if sampler := samplers[number]:
            sampler.mark_touched(backend.get(grad.rows))


def dropout_mask(shape: tuple[int, ...], dropout: float, rng: np.random.Generator) -> Array:
    """0 with probability `dropout`, else 1 / (1 - dropout), so that the mean stays; f32."""
    kept = rng.random(shape, dtype=np.float32) >= dropout
    return kept * np.float32(1 / (1 - dropout))


def infer(backend: Backend, network: Network, x: CSR | Block, k: int) -> tuple[Array, Array]:
    """Exact top k: every neuron is computed. The yardstick for `infer_sampled`.

    Returns:
        ids i32 (B, k) and logits f32 (B, k), best first; see `Backend.top_k`.
    """
    a = activations(backend, network, x)
    ids, scores = backend.top_k(a.dense(), network.output.param.weight, None, k)
    return backend.get(ids), backend.get(scores)


def logits_of(backend: Backend, network: Network, x: CSR | Block, wanted: CSR) -> CSR:
    """Exact logits of some labels of each example: `wanted`, CSR (B, n_labels), on the host."""
    a = activations(backend, network, x)
    z = backend.sddmm(a.dense(), network.output.param.weight, wanted.map(backend.put))
    assert isinstance(z, CSR)
    return z.map(backend.get)


def infer_sampled(
    backend: Backend, network: Network, x: CSR | Block, k: int, retrieval: Retrieval
) -> tuple[Array, Array]:
    """Top k among the neurons that hash tables retrieve, in every layer; see `infer`."""
    a = activations(backend, network, x, retrieval)
    found = retrieval.find(backend, -1, a)
    ids, scores = backend.top_k(a.dense(), network.output.param.weight, found, k)
    return backend.get(ids), backend.get(scores)


def activations(
    backend: Backend,
    network: Network,
    x: CSR | Block,
    retrieval: Retrieval | None = None,
    upto: int | None = None,
) -> CSR | Block:
    """Inputs of the output layer, without dropout: (B, n_units + 1), the last one constant.

    Args:
        backend: whose kernels compute.
        network: all layers.
        x: (B, n_features), on the host.
        retrieval: finds the active units of sampled layers; None to compute all.
        upto: number of another layer whose inputs are wanted.
    """
    a = input_of(x, backend)
    for number, layer in enumerate(network.hidden[:upto]):
        active: CSR | Block | None = None
        if retrieval is not None and isinstance(layer, SampledLayer):
            active = retrieval.find(backend, number, a)
        z = layer.forward(backend, a, active)
        a = z.with_values(np.maximum(z.values, 0)).with_constant()
    return a
