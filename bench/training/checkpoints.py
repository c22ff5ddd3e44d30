"""What checkpoints cost beside training: `python -m bench.training.checkpoints --data DIR`.

A run of hidden layers with Adam and one of direct connections write one every so many seconds. Told
are seconds between two steps, when nothing else is done, and CPU seconds of the thread that writes.
Prints a Markdown table.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import slide
from bench.harness.options import parser, tell, verified
from bench.harness.problems import FULL, HIDDEN, QUICK, train_set
from bench.harness.tables import Table
from slide.core.checkpoints.every import Checkpoints
from slide.core.checkpoints.writer import Writer
from slide.core.contract.backend import Backend
from slide.core.runs.trainer import Trainer

N_WRITTEN = 2  # checkpoints of a run
EPOCHS = 1000  # more than there is time for
ON_THREAD = "obtain", "write"


class Watched:
    """Seconds of all that a writer does, and the size of a checkpoint.

    Args:
        folder: of the checkpoints.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seconds: dict[str, list[float]] = {"begin": [], "obtain": [], "write": []}
        self.n_bytes = 0
        self.before = {name: getattr(Writer, name) for name in self.seconds}

    def __enter__(self) -> Watched:
        for name in self.seconds:
            setattr(Writer, name, self.timed(name, self.before[name]))
        return self

    def __exit__(self, *error: object) -> None:
        for name, function in self.before.items():
            setattr(Writer, name, function)
        step = next(self.folder.glob("step-*"))
        self.n_bytes = sum(path.stat().st_size for path in step.iterdir())

    def timed(self, name: str, function: Callable[..., None]) -> Callable[..., None]:
        """The method of a writer, and its seconds: of the clock, or of its own thread alone."""
        clock = time.thread_time if name in ON_THREAD else time.perf_counter

        def method(*arguments: Any, **named: Any) -> None:
            began = clock()
            function(*arguments, **named)
            self.seconds[name].append(clock() - began)

        return method


def row_of(name: str, config: slide.Config, backend: Backend, data: slide.Dataset, every: float,
           threads: int) -> dict[str, Any]:  # fmt: skip
    """A line of the table: a run that lasts for N_WRITTEN checkpoints."""
    with TemporaryDirectory(dir=Path.cwd()) as folder, Watched(Path(folder)) as watched:
        checkpoints = Checkpoints(Path(folder), f"{every}s", fresh=True)
        budget = every * (N_WRITTEN + 0.5)
        Trainer(config, backend, time_budget=budget, checkpoints=checkpoints).fit(data)
    between, on_thread = watched.seconds["begin"], watched.seconds["write"]
    usual = statistics.median(between), statistics.median(on_thread)
    return {
        "learner": name,
        "MB": watched.n_bytes / 1e6,
        "memory, once: CPU s": sum(watched.seconds["obtain"]),
        "checkpoints": len(between),
        "between two steps: s": usual[0],
        "the longest": max(between),
        "on the thread: CPU s": usual[1],
        f"% of {every:g} s x {threads}": 100 * (usual[0] + usual[1] / threads) / every,
    }


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--every", type=float, default=30.0, help="seconds")
    chosen = options.parse_args()
    data = train_set(chosen.data, QUICK if chosen.quick else FULL)
    backend = verified(chosen.backend, chosen.threads)
    configs = {
        f"{HIDDEN} hidden units, Adam": {"hidden": (HIDDEN,), "hash": "simhash"},
        "direct connections": {"lr": 2.0},
    }
    rows = [
        row_of(name, slide.recipe(data, epochs=EPOCHS, **settings), backend, data, chosen.every,
               chosen.threads)
        for name, settings in configs.items()
    ]  # fmt: skip
    note = f"{data.n_samples:,} examples, {data.n_features:,} features, {data.n_labels:,} labels."
    tell([Table("Checkpoints beside training", rows, note)], chosen.json)


if __name__ == "__main__":
    main()
