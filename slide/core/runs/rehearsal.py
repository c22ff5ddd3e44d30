"""A rehearsal before training: what a backend compiles is compiled before the clock starts."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from slide.core.contract.arrays import CSR, Block
from slide.core.contract.backend import Backend
from slide.core.examples.dataset import Dataset
from slide.core.learners.kinds import kind_of
from slide.core.models.model import Model
from slide.core.settings.config import Config

N_EXAMPLES, WIDTH = 4, 4  # as small as a problem can be that calls every kernel of a run


def warm_up(config: Config, backend: Backend, train: Dataset) -> float:
    """Train a tiny network by the same settings, evaluate it, and forget it.

    Args:
        config: settings, of which only sizes are changed.
        backend: whose kernels compute.
        train: whose features are sparse or dense.

    Returns:
        Seconds that it took: of compilation, or of loading what was compiled before.
    """
    began = time.perf_counter()
    data = tiny_like(train)
    settings = tiny(config)
    learner = kind_of(settings).begin(settings, backend, data)
    for _ in range(2):  # tables are built before the first step, and moved before the second
        learner.step(settings, learner.data, settings.lr)
    learner.catch_up()
    learner.diagnostics(settings)
    counts = data.y.positive().column_counts()
    Model(settings, learner.network, backend, counts, data.n_samples).evaluate(data)
    return time.perf_counter() - began


def tiny(config: Config) -> Config:
    """The same settings in little, with tables that are due at every step."""
    return replace(
        config,
        hidden=(WIDTH,) * len(config.hidden),
        hidden_active=tuple(min(n, WIDTH - 1) for n in config.hidden_active),
        active=WIDTH,
        K=1,
        L=2,
        rebuild_every=2 if config.reinsert_every else 1,
        reinsert_every=min(config.reinsert_every, 1),
        list_limit=1,  # long lists are cut by code of their own
    )


def tiny_like(train: Dataset) -> Dataset:
    """N_EXAMPLES examples with a feature and a label each, in the layout of the training set."""
    ones = np.ones(N_EXAMPLES, np.float32)
    ids = np.arange(N_EXAMPLES, dtype=np.int32)
    y = CSR(np.arange(N_EXAMPLES + 1), ids, ones, 2 * WIDTH)
    x = y if isinstance(train.x, CSR) else Block.of(np.eye(N_EXAMPLES, 2 * WIDTH, dtype=np.float32))
    return Dataset(x, y)
