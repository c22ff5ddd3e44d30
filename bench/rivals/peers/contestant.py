"""What a contestant is given and what it hands back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bench.rivals.peers.measure import Usage
from slide.core.contract.arrays import Array


@dataclass(frozen=True, slots=True)
class Task:
    """One run.

    Args:
        data: folder of a prepared set.
        scratch: an empty folder for the model and whatever else.
        threads, seed: to compute with.
        k: labels to predict for each test example, beside the five that are timed.
        limit: seconds that a process may take.
    """

    data: Path
    scratch: Path
    threads: int
    seed: int
    k: int
    limit: float

    @property
    def model(self) -> Path:
        return self.scratch / "model"


@dataclass(frozen=True, slots=True)
class Training:
    """A model that lies in `task.model`.

    Args:
        seconds, cpu_seconds: of training, without starting, reading, compiling and saving.
        process: of the whole process.
        settings: whatever the contestant tells of itself.
    """

    seconds: float
    cpu_seconds: float
    process: Usage
    settings: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Prediction:
    """The best labels of the test examples.

    Args:
        seconds, cpu_seconds: of finding the best five, without reading and loading.
        top: i32 (n, 5), best first, -1 where there is none.
        deep: i32 (n, k), likewise.
    """

    seconds: float
    cpu_seconds: float
    top: Array
    deep: Array


class Contestant(Protocol):
    """Somebody who trains and predicts, each in a fresh process."""

    name: str

    def version(self) -> str | None:
        """What tells its runs from those of other versions; None if it is not installed."""

    def train(self, task: Task) -> Training:
        """Raises FailedError."""

    def predict(self, task: Task) -> Prediction:
        """Raises FailedError."""
