"""Which kind of run settings ask for, and the order of its steps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from slide.core.arrays import Array
from slide.core.backend import Backend
from slide.core.config import Config
from slide.core.dataset import Dataset
from slide.core.direct_training import DirectRun
from slide.core.step import StepReport
from slide.core.training import Run

Batches = Iterable[tuple[Array, float]]
"""Rows of the training set, and the learning rate that they are trained with."""


def begin_run(config: Config, backend: Backend, train: Dataset) -> Run | DirectRun:
    """A run that has not taken a step: with hidden layers, or by direct connections."""
    kind = Run if config.hidden else DirectRun
    return kind.begin(config, backend, train)


def one_by_one(run: Run | DirectRun, config: Config, batches: Batches) -> Iterator[StepReport]:
    """A training step on each batch, and its report; a backend may have another way."""
    for rows, lr in batches:
        yield run.step(config, run.data.take(rows), lr)
