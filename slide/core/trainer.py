"""Epochs of training steps, an evaluation after each, and what was seen on the way."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any, Protocol, cast

import numpy as np

from slide.core.arrays import Array
from slide.core.backend import Backend
from slide.core.config import Config
from slide.core.dataset import Dataset
from slide.core.diagnostics import occupancy
from slide.core.layers import DenseLayer
from slide.core.model import Model
from slide.core.network import Network
from slide.core.optim import learning_rate
from slide.core.probe import RANK, Probe
from slide.core.refusals import (
    demand_time_budget,
    refuse_divergence,
    refuse_misfit,
    refuse_too_large,
)
from slide.core.sampling import Sampler
from slide.core.step import StepReport, train_step
from slide.core.tables import LayerTables
from slide.core.timing import TimedBackend
from slide.core.updating import Updates, optimizer_of


class Watcher(Protocol):
    """Is told how training goes; the base does not care."""

    def on_step(self, step: int, n_steps: int) -> None:
        """After each step; steps count from 1."""

    def on_evaluation(self, record: dict[str, Any]) -> None:
        """After each epoch: one line of metrics.jsonl (see `Trainer.fit`)."""


@dataclass(slots=True)
class Run:
    """What changes while a network is trained.

    Args:
        backend: whose kernels compute; counts their seconds.
        rng: the one generator that everything random is drawn from.
        network: the layers.
        samplers: of each layer, the output last; None where all units are computed.
        updates: the optimizer, and the number of the present step.
        probe: a fixed slice of the training set.
        order: the examples in an order that does not depend on that of the file.
    """

    backend: Backend
    rng: np.random.Generator
    network: Network
    samplers: Sequence[Sampler | None]
    updates: Updates
    probe: Probe
    order: Array

    @classmethod
    def begin(cls, config: Config, backend: Backend, train: Dataset) -> Run:
        """Draw the network; nothing is trained yet."""
        rng = np.random.default_rng(config.seed)
        network = Network.draw(
            config, train.n_features, train.n_labels, backend, optimizer_of(config), rng
        )
        wanted = [config.n_active_of(layer) for layer in range(len(config.hidden))]
        samplers = [
            None if isinstance(layer, DenseLayer) else Sampler.of(config, n, layer.param.shape)
            for layer, n in zip(network.layers, [*wanted, config.active], strict=True)
        ]
        updates = Updates.of(config, backend, network)
        order = train.canonical_order()
        return cls(backend, rng, network, samplers, updates, Probe.of(train, order), order)

    def keep_tables(self) -> None:
        """Whatever is due for the hash tables of each layer before the next step."""
        step = self.updates.step
        for number, (layer, sampler) in enumerate(
            zip(self.network.layers, self.samplers, strict=True)
        ):
            if sampler is None or sampler.tables is None:
                continue
            due = sampler.tables.due(step)
            if any(due):
                self.updates.settle(self.network)
                recall = partial(self.recall, number, sampler.tables)
                weight = layer.param.weight
                sampler.tables.keep(self.backend, weight, due, step, recall, self.rng)

    def recall(self, number: int, tables: LayerTables) -> float:
        """Recall of a layer's tables on the probe."""
        return self.probe.recall(self.backend, self.network, number, tables)

    def diagnostics(self, config: Config) -> dict[str, float]:
        """What is known to go wrong unseen, of the output layer (see `Trainer.fit`)."""
        sampler = self.samplers[-1]
        assert sampler is not None
        figures = {
            "full_loss": self.probe.full_loss(self.backend, self.network, config.loss),
            "dead_neurons": 1 - float(sampler.touched.mean()),
        }
        if (tables := sampler.tables) is None:
            return figures
        assert tables.tables is not None
        return (
            figures
            | {
                "table_age": self.updates.step - tables.built_at,
                f"probe_recall_at_{RANK}": self.recall(len(config.hidden), tables),
            }
            | occupancy(tables.tables)
        )


@dataclass(slots=True)
class Trainer:
    """Trains one network.

    Args:
        config: all settings.
        backend: whose kernels compute.
        time_budget: seconds of training (evaluations apart) after which to stop, even within an
            epoch; the learning rate then decays with the time used. None for no limit.
        watcher: is told of each step and evaluation.
    """

    config: Config
    backend: Backend
    time_budget: float | None = None
    watcher: Watcher | None = None
    seconds: float = field(default=0.0, init=False)
    examples: int = field(default=0, init=False)
    step: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.time_budget is not None:
            demand_time_budget(self.time_budget)

    def fit(self, train: Dataset, valid: Dataset | None = None) -> Model:
        """Train on `train`, evaluating on `valid` after each epoch.

        Each evaluation is a dict of

        * step, epoch, seconds (of training), examples (so far), seconds_by_kernel (of training);
        * loss (mean over the epoch, over the active sets), mean_active, from_labels, from_tables,
          from_uniform (shares of the active set), inclusion_probability (of the uniform ones),
          touched_rows (of the output layer), all means over the steps of the epoch;
        * precision_at_k, ndcg_at_k, psp_at_k (fractions on `valid`, if there is one);
        * full_loss (over all neurons, on the probe: 64 training examples), dead_neurons (share of
          output neurons never updated so far), and of the output layer's tables, if there are
          any: table_age (steps since the last rebuild), probe_recall_at_10 (of the exact top 10,
          on the probe, within 1 % of the neurons), bucket_mean, bucket_largest, bucket_gini,
          bucket_empty (see `slide.core.diagnostics.occupancy`).

        The same seed gives the same network, whatever the order of the examples in `train`.

        Raises:
            ConfigError: the two sets differ in features or labels, there is nothing to learn,
                network and tables would not fit into this machine's memory, or training diverges.
        """
        refuse_misfit(train, valid)
        refuse_too_large(self.config, train)
        self.seconds, self.examples, self.step = 0.0, 0, 0
        timed = TimedBackend(self.backend)
        run = Run.begin(self.config, cast(Backend, timed), train)
        counts = train.y.positive().column_counts()
        model = Model(self.config, run.network, self.backend, counts, train.n_samples)
        for epoch in range(1, self.config.epochs + 1):
            reports = list(self._epoch(run, train))
            seconds_by_kernel = dict(timed.seconds)
            run.updates.settle(run.network)
            if self.watcher:
                self.watcher.on_evaluation(
                    self._progress(epoch)
                    | {"seconds_by_kernel": seconds_by_kernel}
                    | summary(reports)
                    | (model.evaluate(valid) if valid is not None else {})
                    | run.diagnostics(self.config)
                )
            timed.seconds |= seconds_by_kernel  # those of training alone
            if self._used() >= 1:
                break
        weights = sum(float(layer.param.weight.sum()) for layer in run.network.layers)
        refuse_divergence(weights, self.step)
        return model

    def _epoch(self, run: Run, train: Dataset) -> Iterator[StepReport]:
        """One pass over the training set in a fresh random order, or what time allows of it."""
        config, size = self.config, self.config.batch_size
        n_steps = n_steps_of(config, train.n_samples)
        order = run.order[run.rng.permutation(train.n_samples)]
        for start in range(0, train.n_samples, size):
            began = time.perf_counter()
            batch = train.take(order[start : start + size])
            run.keep_tables()
            progress = max(self.step / n_steps, self._used())
            run.updates.begin(learning_rate(config.lr_schedule, config.lr, progress, config.warmup))
            self.step = run.updates.step
            report = train_step(
                run.backend, run.network, batch, run.samplers, run.updates, config.loss,
                config.dropout, run.rng,
            )  # fmt: skip
            refuse_divergence(report.loss, self.step)
            self.examples += batch.n_samples
            self.seconds += time.perf_counter() - began
            if self.watcher:
                self.watcher.on_step(self.step, n_steps)
            yield report
            if self._used() >= 1:
                return

    def _used(self) -> float:
        """Share of the time budget that is gone; 0 if there is no budget."""
        return self.seconds / self.time_budget if self.time_budget else 0.0

    def _progress(self, epoch: int) -> dict[str, Any]:
        return {
            "step": self.step,
            "epoch": epoch,
            "seconds": self.seconds,
            "examples": self.examples,
        }


def n_steps_of(config: Config, n_samples: int) -> int:
    """Steps of a whole run."""
    return config.epochs * math.ceil(n_samples / config.batch_size)


def summary(reports: list[StepReport]) -> dict[str, float]:
    """Means over the steps of an epoch, by their names in metrics.jsonl."""
    means = {
        name: float(np.mean([getattr(report, name) for report in reports]))
        for name in (field.name for field in fields(StepReport))
    }
    return {"mean_active" if name == "n_active" else name: mean for name, mean in means.items()}
