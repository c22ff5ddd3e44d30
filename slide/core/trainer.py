"""Epochs of training steps, an evaluation after each, and what was seen on the way."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import numpy as np

from slide.core.arrays import Dataset
from slide.core.backend import Backend
from slide.core.config import Config, demand_float
from slide.core.errors import ConfigError
from slide.core.hashing import SimHash
from slide.core.model import Model
from slide.core.network import Network, n_bytes
from slide.core.optim import Adam, linear_decay
from slide.core.sampling import Sampler
from slide.core.step import StepReport, train_step
from slide.core.timing import TimedBackend


class Watcher(Protocol):
    """Is told how training goes; the base does not care."""

    def on_step(self, step: int, n_steps: int) -> None:
        """After each step; steps count from 1."""

    def on_evaluation(self, record: dict[str, Any]) -> None:
        """After each epoch: one line of metrics.jsonl (see `Trainer.fit`)."""


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

        Each evaluation is a dict of: step, epoch, seconds (of training), examples (so far), loss
        (mean over the epoch, over the active sets), precision_at_k, ndcg_at_k, psp_at_k (fractions
        on `valid`, if there is one), mean_active, from_labels, from_tables (shares of the active
        set), touched_rows (of the output layer, mean) and seconds_by_kernel (of training so far).

        Raises:
            ConfigError: the two sets differ in features or labels, there is nothing to learn,
                network and tables would not fit into this machine's memory, or training diverges.
        """
        refuse_misfit(train, valid)
        refuse_too_large(self.config, train)
        self.seconds, self.examples, self.step = 0.0, 0, 0
        rng = np.random.default_rng(self.config.seed)
        timed = TimedBackend(self.backend)
        backend = cast(Backend, timed)
        network = Network.draw(train.n_features, self.config.hidden, train.n_labels, backend, rng)
        sampler = Sampler(self.config, self._draw_family(network, rng))
        model = Model(self.config, network, self.backend, train.y.column_counts(), train.n_samples)
        for epoch in range(1, self.config.epochs + 1):
            reports = list(self._epoch(backend, network, sampler, train, rng))
            scores = model.evaluate(valid) if valid is not None else {}
            if self.watcher:
                self.watcher.on_evaluation(
                    self._progress(epoch) | summary(reports) | scores
                    | {"seconds_by_kernel": dict(timed.seconds)}
                )  # fmt: skip
            if self._used() >= 1:
                break
        weights = network.hidden.weight.sum() + network.output.weight.sum()
        refuse_divergence(float(weights), self.step)
        return model

    def _draw_family(self, network: Network, rng: np.random.Generator) -> SimHash | None:
        if self.config.sampler != "lsh":
            return None
        family = SimHash.draw(network.output.shape[1], self.config.K, self.config.L, rng)
        return family.map(self.backend.put)

    def _epoch(
        self,
        backend: Backend,
        network: Network,
        sampler: Sampler,
        train: Dataset,
        rng: np.random.Generator,
    ) -> Iterator[StepReport]:
        """One pass over the training set in a fresh random order, or what time allows of it."""
        size, n_steps = self.config.batch_size, n_steps_of(self.config, train.n_samples)
        order = rng.permutation(train.n_samples)
        for start in range(0, train.n_samples, size):
            began = time.perf_counter()
            batch = train.take(order[start : start + size])
            sampler.keep_tables(backend, network.output.weight, self.step)
            lr = linear_decay(self.config.lr, max(self.step / n_steps, self._used()))
            self.step += 1
            report = train_step(
                backend, network, batch, sampler, Adam(), lr, self.step, self.config.dropout, rng
            )
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


def demand_time_budget(seconds: float) -> None:
    """Raise ConfigError unless it is a sensible number of seconds."""
    demand_float("time budget", seconds, 1e-3, 1e9)


def n_steps_of(config: Config, n_samples: int) -> int:
    """Steps of a whole run."""
    return config.epochs * math.ceil(n_samples / config.batch_size)


def refuse_divergence(figure: float, step: int) -> None:
    """Raise ConfigError if a loss or a sum of weights is not finite: nothing is learned then."""
    if not math.isfinite(figure):
        raise ConfigError(
            f"training diverged: the loss or the weights are {figure} after step {step}, expected "
            "finite numbers; choose a smaller --lr"
        )


def summary(reports: list[StepReport]) -> dict[str, float]:
    """Means over the steps of an epoch, by their names in metrics.jsonl."""

    def mean(name: str) -> float:
        return float(np.mean([getattr(report, name) for report in reports]))

    return {
        "loss": mean("loss"),
        "mean_active": mean("n_active"),
        "from_labels": mean("from_labels"),
        "from_tables": mean("from_tables"),
        "touched_rows": mean("touched_rows"),
    }


def refuse_misfit(train: Dataset, valid: Dataset | None) -> None:
    """Raise ConfigError unless there is something to learn and both sets share one numbering."""
    if not (train.n_samples and train.x.nnz and train.y.nnz):
        raise ConfigError(
            f"nothing to learn from {train.n_samples} examples with {train.x.nnz} features and "
            f"{train.y.nnz} labels in all: expected at least one of each"
        )
    if valid is not None and (valid.n_features, valid.n_labels) != (
        train.n_features,
        train.n_labels,
    ):
        raise ConfigError(
            f"the validation set has {valid.n_features} features and {valid.n_labels} labels, the "
            f"training set {train.n_features} and {train.n_labels}: use files of one numbering"
        )


def refuse_too_large(config: Config, train: Dataset) -> None:
    """Raise ConfigError if network and tables would take more than this machine's memory."""
    wanted = n_bytes(train.n_features, config.hidden, train.n_labels)
    if config.sampler == "lsh":
        wanted += config.L * (4 * train.n_labels + 8 * 2**config.K)  # ids i32, offsets i64
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if wanted > memory:
        raise ConfigError(
            f"a network of {train.n_features} features, {config.hidden} hidden units and "
            f"{train.n_labels} labels with its {config.L} tables of 2**{config.K} buckets takes "
            f"{wanted / 2**30:.1f} GiB, but this machine has {memory / 2**30:.1f}: choose a "
            "smaller --hidden, --K or --L, or check the data's header"
        )
