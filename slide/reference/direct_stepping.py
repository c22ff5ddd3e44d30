"""Training a small network of direct connections with a backend's kernels, a step at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.contract.backend import Backend
from slide.core.contract.sparse import SparseParam
from slide.core.direct.run import DirectRun
from slide.core.examples.dataset import Dataset
from slide.core.learners.config import Config


class DirectStepper:
    """A run of `slide.core.direct.run` from its beginning, a step at a time.

    Args:
        backend: whose kernels compute.
        config: settings.
        data: as many batches as it holds are trained on in turn.
        drift: how far the weights are from where the run begins, as if they had been trained; 0
            for the beginning itself.
        seed: of the drift.
    """

    def __init__(
        self, backend: Any, config: Config, data: Dataset, drift: float, seed: int
    ) -> None:
        self.config = config
        self.run = DirectRun.begin(config, cast(Backend, backend), data)
        self.begun = self.params
        self.first = self.begun
        if drift:
            self.first = drifted(self.begun, drift, seed)
            self.set_params(self.first)

    def set_params(self, params: SparseParam) -> None:
        """Go on from these weights, whose pattern is that of the network."""
        put = self.run.backend.put
        placed = SparseParam(
            params.weight.map(lambda array: put(array.copy())), put(params.square.copy())
        )
        run = self.run
        run.connections = replace(run.connections, param=placed)
        if run.index is not None:  # which has biases as they were
            run.index.move(put(np.arange(run.connections.n_labels)), run.connections.bias)

    def step(self) -> Dataset:
        """One step; the batch that it was done on."""
        batch = self.batch(self.run.n_steps)
        self.run.step(batch, self.config.steps.lr)
        return batch

    def batch(self, number: int) -> Dataset:
        """The batch whose turn it is."""
        data, B = self.run.data, self.config.steps.batch_size
        start = number * B % data.n_samples
        return data.take(np.arange(start, start + B))

    @property
    def params(self) -> SparseParam:
        """Weights and their state, on the host."""
        param = self.run.connections.param

        def copied(array: Array) -> Array:
            return np.array(self.run.backend.get(array))

        return SparseParam(param.weight.map(copied), copied(param.square))


def drifted(params: SparseParam, drift: float, seed: int) -> SparseParam:
    """Other weights of the same pattern, as after gradients of size `drift`."""
    rng = np.random.default_rng(seed)
    moves, gradients = drift * rng.standard_normal((2, params.weight.nnz), dtype=np.float32)
    weight = params.weight.with_values(params.weight.values + moves)
    return SparseParam(weight, params.square + np.square(gradients))
