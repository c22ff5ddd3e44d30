"""Which kind of run settings ask for."""

from __future__ import annotations

from slide.core.backend import Backend
from slide.core.config import Config
from slide.core.dataset import Dataset
from slide.core.direct_training import DirectRun
from slide.core.training import Run


def begin_run(config: Config, backend: Backend, train: Dataset) -> Run | DirectRun:
    """A run that has not taken a step: with hidden layers, or by direct connections."""
    kind = Run if config.hidden else DirectRun
    return kind.begin(config, backend, train)
