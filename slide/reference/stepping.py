"""Training a small network with the kernels of a backend, a step at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np

from slide.core.contract.arrays import Array, Param
from slide.core.contract.backend import Backend
from slide.core.examples.dataset import Dataset
from slide.core.learners.config import Config
from slide.core.sampled.layers import SampledLayer
from slide.core.sampled.network import Network
from slide.core.sampled.run import SampledRun


class RecordingGenerator(np.random.Generator):
    """A generator that remembers what it drew for the dropout masks: alone they are float32."""

    def __init__(self, seed: int) -> None:
        super().__init__(np.random.PCG64(seed))
        self.masks: list[Array] = []

    def random(self, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        """As drawn by any generator."""
        drawn = super().random(size, dtype, out)
        if dtype is np.float32:
            self.masks.append(drawn)
        return drawn


class Stepper:
    """A run of `slide.core.sampled.run` somewhere in its middle, that goes on a step at a time.

    Args:
        backend: whose kernels compute.
        config: settings.
        params: of all layers, f32, on the host.
        data: as many batches as it holds are trained on in turn.
        steps_before: number of the last step that was done.
        seed: of all that is drawn.
    """

    def __init__(
        self,
        backend: Any,
        config: Config,
        params: tuple[Param, ...],
        data: Dataset,
        steps_before: int,
        seed: int,
    ) -> None:
        self.config, self.data = config, data
        self.run = SampledRun.begin(config, cast(Backend, backend), data)
        self.rng = self.run.rng = RecordingGenerator(seed)
        self.run.updates.step = steps_before
        self.set_params(params)

    def set_params(self, params: tuple[Param, ...]) -> None:
        """Go on from these parameters."""
        put = self.run.backend.put
        *hidden, output = [
            replace(layer, param=Param(*(put(array.copy()) for array in arrays_of(param))))
            for layer, param in zip(self.run.network.layers, params, strict=True)
        ]
        self.run.network = Network(tuple(hidden), cast(SampledLayer, output))

    def step(self) -> Dataset:
        """One step; the batch that it was done on."""
        batch = self.batch(self.run.updates.step)
        self.rng.masks = []
        self.run.step(batch, self.config.steps.lr)
        return batch

    def batch(self, number: int) -> Dataset:
        """The batch whose turn it is."""
        B = self.config.steps.batch_size
        start = number * B % self.data.n_samples
        return self.data.take(np.arange(start, start + B))

    @property
    def params(self) -> tuple[Param, ...]:
        """Those of all layers, on the host."""
        get = self.run.backend.get
        return tuple(
            Param(*(get(array).copy() for array in arrays_of(layer.param)))
            for layer in self.run.network.layers
        )


def arrays_of(param: Param) -> tuple[Array, Array, Array]:
    """Weight and state."""
    return param.weight, param.mean, param.square
