"""Examples per second by batch size and threads: `python -m bench.training.throughput`.

PyTorch's dense softmax (128 hidden units), the same network by hashing, and slide's default. Tables
and index are built before the clock starts. Each figure is the median over rounds in which all
take turns. Prints a Markdown table; needs PyTorch.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

import slide
from bench.harness.machine import thread_counts
from bench.harness.options import parser, tell, verified
from bench.harness.problems import FULL, HIDDEN, QUICK, train_set
from bench.harness.tables import Table
from bench.rivals.torch_networks import Dense
from slide.bench.devices import waiting_for_device
from slide.bench.machine import Busy
from slide.core.contract.backend import Backend
from slide.core.learners.kinds import kind_of

BATCHES = (64, 128, 256, 1024)
NEVER = 1 << 20
Step = Callable[[np.ndarray], Any]


def ours(config: slide.Config, backend: Backend, data: slide.Dataset) -> Step:
    config = replace(config, rebuild_every=NEVER)
    run = kind_of(config).begin(config, backend, data)
    run.step(run.data.take(np.arange(64)), 1e-3)  # builds what is to be searched
    return waiting_for_device(backend, lambda rows: run.step(run.data.take(run.order[rows]), 1e-3))


def steps(backend: Backend, data: slide.Dataset) -> dict[str, tuple[int, Step]]:
    """Steps in a round, and one step on some rows."""
    network = Dense(data.n_features, data.n_labels, HIDDEN, 1e-3)

    def theirs(rows: np.ndarray) -> None:
        batch = data.take(rows)
        network.step(batch.features, batch.y)

    hashing = slide.recipe(data, hidden=(HIDDEN,), hash="simhash", dropout=0.0)
    return {
        "PyTorch dense softmax": (1, theirs),
        "slide, the same network by hashing": (8, ours(hashing, backend, data)),
        "slide by default": (8, ours(slide.recipe(data), backend, data)),
    }


def figures(backend: Backend, data: slide.Dataset, n_rounds: int, most: int) -> Table:
    """Examples per second and busy cores, one row for a contestant, batch and number of threads."""
    rng = np.random.default_rng(0)
    seen: dict[tuple[str, int, int], list[tuple[float, float]]] = {}
    everyone = steps(backend, data)
    for number in range(n_rounds + 1):
        for threads in thread_counts(most):
            torch.set_num_threads(threads)
            backend.set_threads(threads)
            for size in BATCHES:
                for name, (n_steps, step) in everyone.items():
                    drawn = [rng.integers(data.n_samples, size=size) for _ in range(n_steps)]
                    busy = Busy()
                    for rows in drawn:
                        step(rows)
                    rate = n_steps * size / busy.seconds()
                    if number:  # the round before the first warms up
                        seen.setdefault((name, threads, size), []).append((rate, busy.cores()))
    rows = []
    for name in everyone:
        for threads in thread_counts(most):
            rates = {size: statistics.median(r for r, _ in seen[name, threads, size])
                     for size in BATCHES}  # fmt: skip
            busy = [cores for size in BATCHES for _, cores in seen[name, threads, size]]
            rows.append({"examples/s": name, "threads": threads}
                        | {f"batch {size}": rate for size, rate in rates.items()}
                        | {"CPU / wall": statistics.median(busy)})  # fmt: skip
    note = f"{data.n_labels:,} labels, {data.n_features:,} features; medians of {n_rounds} rounds."
    return Table("Examples per second", rows, note)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--rounds", type=int, default=3)
    args = options.parse_args()
    backend = verified(args.backend, args.threads)
    data = train_set(args.data, QUICK if args.quick else FULL)
    tell([figures(backend, data, args.rounds, args.threads)], args.json)


if __name__ == "__main__":
    main()
