"""Training of a network with hidden layers: the state of a run, its steps and its diagnostics."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from slide.core.contract.arrays import CSR, Array, Param
from slide.core.contract.backend import Backend
from slide.core.contract.forms import demand_counts, demand_rng
from slide.core.contract.state import State, rng_from, state_of_rng
from slide.core.contract.tables import Tables
from slide.core.errors import ConfigError, said
from slide.core.examples.dataset import Dataset
from slide.core.learner import Earlier, Stepping, StepReport, monitored
from slide.core.sampled.layer_tables import Due, LayerTables
from slide.core.sampled.layers import DenseLayer
from slide.core.sampled.mips import InnerProductHash
from slide.core.sampled.monitor import RANK, Monitor
from slide.core.sampled.network import Network
from slide.core.sampled.occupancy import occupancy
from slide.core.sampled.restoring import (
    demand_catch_ups,
    demand_drawn,
    demand_params,
    demand_sampler,
)
from slide.core.sampled.sampling import Sampler
from slide.core.sampled.settings import SampledSettings
from slide.core.sampled.step import train_step
from slide.core.sampled.updating import Updates, optimizer_of
from slide.core.settings.settings import Settings


def silence_unused(network: Network, train: Dataset, backend: Backend) -> None:
    """Let features that no example has weigh nothing: no step will ever teach them better."""
    first = network.hidden[0]
    if isinstance(first, DenseLayer) and isinstance(train.x, CSR):
        unused = np.flatnonzero(train.x.column_counts() == 0)
        first.param.weight[backend.put(unused)] = 0


def carry(earlier: Earlier, network: Network, backend: Backend) -> None:
    """Put weights that were taught before into their places in a network."""
    inputs = np.append(earlier.features, network.n_features)  # the bias is that of the last one
    for number, (old, new) in enumerate(zip(earlier.network.layers, network.layers, strict=True)):
        weight, into = backend.get(old.param.weight), backend.get(new.param.weight).copy()
        rows, columns = np.arange(weight.shape[0]), np.arange(weight.shape[1])
        if number == 0 and isinstance(new, DenseLayer):
            rows = inputs
        elif number == 0:
            columns = inputs
        if new is network.output:
            rows = earlier.labels
        into[np.ix_(rows, columns)] = weight
        new.param.weight[:] = backend.put(into)


class Found(NamedTuple):
    """Hash functions of a layer, and the tables that they fill."""

    functions: InnerProductHash | None
    tables: Tables | None


@dataclass(slots=True)
class SampledRun(Stepping):
    """State of one training run of layers: weights, optimizer, tables and generator.

    Args:
        settings: of the run.
        backend: whose kernels compute; counts their seconds.
        rng: the one generator that everything random is drawn from.
        network: the layers.
        data: the training set.
        samplers: of each layer, the output last; None where all units are computed.
        updates: the optimizer, and the number of the present step.
        monitor: a fixed slice of the training set.
        order: the examples in an order that does not depend on that of the file.
    """

    settings: Settings[SampledSettings]
    backend: Backend
    rng: np.random.Generator
    network: Network
    data: Dataset
    samplers: Sequence[Sampler | None]
    updates: Updates
    monitor: Monitor
    order: Array

    @classmethod
    def begin(
        cls, settings: Settings[SampledSettings], backend: Backend, train: Dataset
    ) -> SampledRun:
        """Draw the network; nothing is trained yet."""
        own, training = settings.learner, settings.training
        layers, optimizer = own.layers, optimizer_of(own.optimization)
        rng = np.random.default_rng(training.seed)
        network = Network.draw(layers, train.n_features, train.n_labels, backend, optimizer, rng)
        silence_unused(network, train, backend)
        return cls.of(settings, backend, train, network, rng)

    @classmethod
    def of(
        cls,
        settings: Settings[SampledSettings],
        backend: Backend,
        train: Dataset,
        network: Network,
        rng: np.random.Generator,
    ) -> SampledRun:
        """A run of this network, whose optimizer and tables are as at the start."""
        own, layers = settings.learner, settings.learner.layers
        wanted = [layers.n_active_of(layer) for layer in range(len(layers.hidden))]
        samplers = [
            None if isinstance(layer, DenseLayer) else Sampler.of(settings, n, layer.param.shape)
            for layer, n in zip(network.layers, [*wanted, settings.training.active], strict=True)
        ]
        updates = Updates.of(own.optimization, backend, network)
        order = train.canonical_order()
        monitor = Monitor(monitored(train, order))
        return cls(settings, backend, rng, network, train, samplers, updates, monitor, order)

    @classmethod
    def go_on(
        cls,
        settings: Settings[SampledSettings],
        backend: Backend,
        train: Dataset,
        earlier: Earlier,
    ) -> SampledRun:
        """Begin with earlier weights; those of new features and labels are drawn."""
        run = cls.begin(settings, backend, train)
        carry(earlier, run.network, backend)
        return run

    @classmethod
    def resume(
        cls, settings: Settings[SampledSettings], backend: Backend, train: Dataset, state: State
    ) -> SampledRun:
        """Go on from such a state."""
        own = settings.learner
        demand_params(state["params"], own, train.n_features, train.n_labels)
        demand_counts(state, "n_steps")
        demand_rng(state["rng"])
        params = [Param(**each).map(backend.put) for each in state["params"]]
        network = Network.of_params(params, own.layers)
        run = cls.of(settings, backend, train, network, rng_from(state["rng"]))
        run.n_steps = state["n_steps"]
        for sampler, each in zip(run.samplers, state["samplers"], strict=True):
            demand_sampler(sampler, each)
            if sampler is not None:
                sampler.restore(each, backend)
            if sampler is not None and sampler.tables is not None:
                demand_drawn(sampler.tables)
        heights = [len(catch_up.last) for catch_up in run.updates.catch_ups]
        demand_catch_ups(state["catch_ups"], heights, run.n_steps)
        for catch_up, each in zip(run.updates.catch_ups, state["catch_ups"], strict=True):
            catch_up.restore(each)
        return run

    def state(self) -> State:
        """Weights, moments, tables, what rows are owed, and the generator."""
        params = [layer.param.map(self.backend.get) for layer in self.network.layers]
        return {
            "rng": state_of_rng(self.rng),
            "params": [
                {"weight": param.weight, "mean": param.mean, "square": param.square}
                for param in params
            ],
            "n_steps": self.n_steps,
            "samplers": [each and each.state(self.backend) for each in self.samplers],
            "catch_ups": [each.state() for each in self.updates.catch_ups],
        }

    def refresh(self) -> bool:
        """Whatever is due for the hash tables of each layer before the next step; if anything."""
        has_changed = False
        for number, (layer, sampler) in enumerate(
            zip(self.network.layers, self.samplers, strict=True)
        ):
            if sampler is None or sampler.tables is None:
                continue
            due = sampler.tables.due(self.n_steps)
            if any(due):
                has_changed = True
                self.updates.catch_up(self.network)
                self.renew(number, layer.param.weight, sampler.tables, due)
        return has_changed

    def renew(self, number: int, weight: Array, tables: LayerTables, due: Due) -> None:
        """Do what is due for one layer's tables."""
        recall = self.recall(number) if tables.asks_for_recall(due) else math.nan
        is_new = tables.refresh(self.backend, weight, due, self.n_steps, recall, self.rng)
        if is_new and tables.upkeep.stale_recall:
            tables.fresh_recall = self.recall(number)

    def train_on(self, batch: Dataset, lr: float) -> StepReport:
        """One training step on a batch, with the tables as they are."""
        self.updates.begin(lr)
        loss, dropout = self.settings.steps.loss, self.settings.learner.layers.dropout
        return train_step(
            self.backend, self.network, batch, self.samplers, self.updates, loss, dropout, self.rng
        )

    @property
    def n_steps(self) -> int:
        """That were taken."""
        return self.updates.step

    @n_steps.setter
    def n_steps(self, n: int) -> None:
        self.updates.step = n

    @property
    def output_weight(self) -> Array:
        """f32 (n_labels, n_inputs + 1)."""
        return self.network.output.param.weight

    def attach(self, backend: Backend) -> None:
        """Compute by the kernels of another backend from now on, on the same arrays."""
        self.backend = self.updates.backend = backend

    @property
    def found_by(self) -> list[Found | None]:
        """What finds the active neurons of each layer, and changes when something is due."""
        tables = [sampler.tables if sampler else None for sampler in self.samplers]
        return [Found(each.functions, each.tables) if each else None for each in tables]

    @found_by.setter
    def found_by(self, found: list[Found | None]) -> None:
        for sampler, each in zip(self.samplers, found, strict=True):
            if sampler and sampler.tables and each:
                sampler.tables.functions, sampler.tables.tables = each

    def catch_up(self) -> None:
        """Let all rows catch up with the steps that they missed."""
        self.updates.catch_up(self.network)

    def refuse_unordered(self) -> None:
        """Raise ConfigError if rows catch up with the steps before."""
        if self.settings.learner.optimization.catch_up:
            raise ConfigError(
                f"{said('catch_up')} is true: rows catch up with the steps before, which have no "
                f"order in mode hogwild; leave it out, or choose {said('mode', 'synchronous')}"
            )

    def weight_sum(self) -> float:
        """Of all weights: not finite if one is not."""
        return sum(float(layer.param.weight.sum()) for layer in self.network.layers)

    def recall(self, number: int) -> float:
        """Recall of a layer's tables on the probe."""
        sampler = self.samplers[number]
        assert sampler is not None
        return self.monitor.recall(self.backend, self.network, number, sampler)

    def diagnostics(self) -> dict[str, float]:
        """Full loss, dead neurons, and the state of the output tables (see `Trainer.fit`)."""
        sampler = self.samplers[-1]
        assert sampler is not None
        loss = self.settings.steps.loss
        figures = {
            "full_loss": self.monitor.full_loss(self.backend, self.network, loss),
            "dead_neurons": 1 - float(sampler.touched.mean()),
        }
        if (tables := sampler.tables) is None:
            return figures
        assert tables.tables is not None
        return (
            figures
            | {
                "table_age": self.updates.step - tables.built_at,
                f"probe_recall_at_{RANK}": self.recall(len(self.network.hidden)),
            }
            | occupancy(tables.tables.map(self.backend.get))
        )
