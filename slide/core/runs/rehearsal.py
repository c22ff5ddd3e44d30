"""A rehearsal before training: what a backend compiles is compiled before the clock starts."""

from __future__ import annotations

import time

import numpy as np

from slide.core.contract.arrays import CSR, Block
from slide.core.contract.backend import Backend
from slide.core.examples.dataset import Dataset
from slide.core.learners.config import Config
from slide.core.learners.kinds import kind_of

N_EXAMPLES, WIDTH = 4, 8  # as small as a problem can be that calls every kernel of a run


def rehearse(config: Config, backend: Backend, train: Dataset) -> float:
    """Train a tiny network by the same settings, look for its labels, and forget it.

    Args:
        config: settings, of which only sizes are changed.
        backend: whose kernels compute.
        train: whose features are sparse or dense.

    Returns:
        Seconds that it took: of compilation, or of loading what was compiled before.
    """
    began = time.perf_counter()
    kind, data = kind_of(config), tiny_like(train)
    learner = kind.begin(kind.tiny(config), backend, data)
    for _ in range(2):  # tables are built before the first step, and moved before the second
        learner.step(learner.data, learner.learning_rate(0.0))
    learner.catch_up()
    while learner.finish():
        pass
    learner.diagnostics()
    kind.exact(learner.network, backend).top_k(backend, data.x, WIDTH // 2)
    return time.perf_counter() - began


def tiny_like(train: Dataset) -> Dataset:
    """N_EXAMPLES examples with a feature and a label each, in the layout of the training set."""
    ones = np.ones(N_EXAMPLES, np.float32)
    ids = np.arange(N_EXAMPLES, dtype=np.int32)
    y = CSR(np.arange(N_EXAMPLES + 1), ids, ones, WIDTH)
    x = y if isinstance(train.x, CSR) else Block.of(np.eye(N_EXAMPLES, WIDTH, dtype=np.float32))
    return Dataset(x, y)
