"""A small problem, its training steps, and the same network dense and differentiated by hand."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from conftest import csr_of

from slide.core.contract.arrays import Block
from slide.core.contract.optim import Adam
from slide.core.examples.dataset import Dataset
from slide.core.learners.config import Config
from slide.core.sampled.network import Network
from slide.core.sampled.sampling import Sampler
from slide.core.sampled.step import train_step
from slide.core.sampled.updating import Updates
from slide.reference.kernels import ReferenceBackend

N_FEATURES, N_LABELS = 5, 7
X = csr_of([{0: 1.0, 3: -2.0}, {1: 0.5}, {}, {2: 1.0, 3: 1.0, 4: 3.0}], N_FEATURES)
Y = csr_of([{2: 1.0}, {0: 1.0, 6: 1.0}, {1: 1.0}, {}], N_LABELS)
SHOWN = csr_of([{2: 1.0, 5: -1.0}, {0: 1.0, 6: 1.0}, {1: -1.0}, {}], N_LABELS)
DENSE = X.to_scipy().toarray().astype(np.float64)


class Recorder(ReferenceBackend):
    """Keeps gradients instead of applying them, and the active sets of all layers."""

    def __init__(self):
        self.grads, self.sets = [], []

    def query(self, *arguments):
        self.sets.append(super().query(*arguments))
        return self.sets[-1]

    def loss(self, z, log_weights, y, name):
        self.log_weights = log_weights
        return super().loss(z, log_weights, y, name)

    def update_rows(self, param, grad, optimizer, lr, step):
        self.grads.append(grad)


def config_of(**settings):
    return Config(**{"hidden": (4,), "K": 3, "L": 4, "dropout": 0.0} | settings)


@dataclass
class Steps:
    """A network with everything that its steps need."""

    config: Config
    dtype: type = np.float32
    backend: ReferenceBackend = field(default_factory=ReferenceBackend)
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def __post_init__(self):
        own = self.config.learner
        drawn = Network.draw(
            own.layers, N_FEATURES, N_LABELS, self.backend, Adam(), np.random.default_rng(0)
        )
        rng = np.random.default_rng(1)
        weights = [rng.standard_normal(layer.param.shape) for layer in drawn.layers]
        self.network = Network.of(
            [weight.astype(self.dtype) for weight in weights], own.layers, self.backend, Adam()
        )
        self.updates = Updates.of(own.optimization, self.backend, self.network)
        wanted = [*(self.config.hidden_active or [0] * len(self.config.hidden)), self.config.active]
        self.samplers = [
            Sampler.of(self.config, n, layer.param.shape) if n else None
            for n, layer in zip(wanted, self.network.layers, strict=True)
        ]
        for sampler, layer in zip(self.samplers, self.network.layers, strict=True):
            if sampler and sampler.tables:
                weight = layer.param.weight
                due = sampler.tables.due(0)
                sampler.tables.refresh(self.backend, weight, due, 0, 1.0, self.rng)

    @property
    def weights(self):
        return [layer.param.weight for layer in self.network.layers]

    def take(self, x=X, y=Y, lr=0.01):
        self.updates.begin(lr)
        values = x.values.astype(self.dtype)
        return train_step(
            self.backend, self.network, Dataset(x.with_values(values), y), self.samplers,
            self.updates, self.config.loss, self.config.dropout, self.rng,
        )  # fmt: skip


def masked_loss(steps, sets, y):
    """Mean loss of the same network with explicit biases, zeros for what is not active, no CSR."""
    h = DENSE / np.maximum(np.linalg.norm(DENSE, axis=1, keepdims=True), 1e-30)
    sets = list(sets)
    for layer, n_active in zip(
        steps.network.hidden,
        steps.config.hidden_active or [0] * len(steps.config.hidden),
        strict=True,
    ):
        w = layer.param.weight.T if n_active else layer.param.weight
        h = np.maximum(h @ w[:-1] + w[-1], 0)
        if n_active:
            h = h * mask_of(sets.pop(0), h.shape)
    w = steps.weights[-1]
    z = h @ w[:, :-1].T + w[:, -1]
    active = mask_of(sets.pop(0), z.shape)
    return sum(LOSSES[steps.config.loss](z[i], active[i], y.row(i)) for i in range(len(z))) / len(z)


def mask_of(active, shape):
    """The active set as an array of booleans."""
    if isinstance(active, Block):
        return np.isin(np.arange(shape[1]), active.ids)[None].repeat(shape[0], axis=0)
    mask = np.zeros(shape, bool)
    mask[active.row_numbers(), active.indices] = True
    return mask


def softmax_loss(z, active, labels):
    log_p = z - np.log(np.exp(z[active]).sum())
    wanted = [j for j, value in zip(*labels, strict=True) if value > 0]
    return -log_p[wanted].mean() if wanted else 0.0


def bce_loss(z, active, labels):
    wanted = [j for j, value in zip(*labels, strict=True) if value > 0]
    return np.log1p(np.exp(z[active])).sum() - z[wanted].sum()


def saros_loss(z, active, labels):
    clicked = [j for j, value in zip(*labels, strict=True) if value > 0]
    skipped = [j for j, value in zip(*labels, strict=True) if value <= 0]
    skipped = skipped or [j for j in np.flatnonzero(active) if j not in clicked]
    pairs = [np.log1p(np.exp(z[k] - z[j])) for j in clicked for k in skipped]
    return np.mean(pairs) if pairs else 0.0


LOSSES = {"softmax": softmax_loss, "bce": bce_loss, "saros": saros_loss}


def central_differences(weight, loss, epsilon=1e-6):
    grad = np.zeros_like(weight)
    for cell in np.ndindex(*weight.shape):
        old = weight[cell]
        weight[cell] = old + epsilon
        above = loss()
        weight[cell] = old - epsilon
        grad[cell] = (above - loss()) / (2 * epsilon)
        weight[cell] = old
    return grad


def agree_with_central_differences(steps, x, y):
    """One step's loss and gradients against the masked dense network's."""
    backend = steps.backend
    report = steps.take(x, y)
    sets = [one for one in backend.sets if one.nnz]
    assert report.loss == pytest.approx(masked_loss(steps, sets, y), rel=1e-12)
    for weight, grad in zip(steps.weights, backend.grads, strict=True):
        full = np.zeros_like(weight)
        full[grad.rows] = grad.values
        expected = central_differences(weight, lambda: masked_loss(steps, sets, y))
        np.testing.assert_allclose(full, expected, atol=1e-6)
