"""What a step on somebody's examples computes: measured by taking steps of the real trainer.

All of it on one core, by the clock of the process, so that other work on the machine does not
count. Steps are taken on a sample of the examples where there are many.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from slide.core.contract.backend import Backend
from slide.core.direct.settings import DirectSettings
from slide.core.errors import ConfigError, said
from slide.core.examples.dataset import Dataset, checked
from slide.core.examples.numbering import by_columns
from slide.core.learners.config import PARTS, Config
from slide.core.learners.recipe import recipe
from slide.core.runs.refusals import refuse_misfit, refuse_too_large
from slide.core.runs.rehearsal import rehearse
from slide.distributed.planning.counts import Counts, Work
from slide.distributed.planning.rates import Rates

SAMPLE = 50_000  # examples


def measured(data: Dataset, backend: Backend, mapped: bool, **chosen: Any) -> tuple[Work, Rates]:
    """What is to be trained, and what a step of it takes on one core.

    Args:
        data: the training set.
        backend: whose kernels compute; left with one thread.
        mapped: whether it stays on the disk.
        chosen: settings by name; others are chosen as `slide train --lr` chooses them.

    Raises:
        InputError, ConfigError: it cannot be trained on, by steps.
    """
    from slide.backends import use_threads
    from slide.distributed.planning.of_connections import measured_connections
    from slide.distributed.planning.of_layers import measured_layers

    use_threads(backend, 1)
    whole, _, _ = by_columns(checked(data, "the training set").counted())
    refuse_misfit(whole, None)
    config = alone(recipe(whole, by_steps=True, **chosen))
    sample = sampled(whole, config.training.seed)
    refuse_too_large(config, sample)
    rehearse(config, backend, sample)
    counts = counts_of(whole, mapped)
    if isinstance(config.learner, DirectSettings):
        return measured_connections(config, counts, whole, sample, backend)
    return measured_layers(config, counts, sample, backend)


def alone(config: Config) -> Config:
    """Connections without a hidden layer of examples beside them, which is not cut by labels.

    Raises:
        ConfigError: it is asked for.
    """
    if not isinstance(config.learner, DirectSettings):
        return config
    if config.learner.layers == 2:
        raise ConfigError(
            f"{said('layers', 2)} is a hidden layer of examples, which is not cut by labels: leave "
            "it out of a plan"
        )
    return Config(**{name: getattr(config, name) for name in PARTS}, layers=1)


def sampled(data: Dataset, seed: int) -> Dataset:
    """SAMPLE of the examples, in memory, or all if they are fewer."""
    if data.n_samples <= SAMPLE:
        return data
    rows = np.random.default_rng(seed).choice(data.n_samples, SAMPLE, replace=False)
    return data.take(np.sort(rows))


def counts_of(data: Dataset, mapped: bool) -> Counts:
    """What is counted in a training set."""
    n = data.n_samples
    return Counts(
        n, data.n_features, data.n_labels, data.features.nnz / n, data.y.positive().nnz / n, mapped
    )
