"""Training speed on the bundled set: `python bench/step.py [--backend NAME] [--threads N]`.

One epoch by each sampler and scope, in one process: examples a second with the P@1 that they
bought, and the share of the time that each kernel took. `full` is a dense softmax, `uniform` a
sampled one: the baselines. A backend that `slide verify` refuses is not timed.
"""

from __future__ import annotations

import argparse
import platform
import time
from dataclasses import replace
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import slide
from slide.core.backend import Backend
from slide.reference.checks import passed, verify

RUNS = (
    ("lsh", "batch", 2000),
    ("uniform", "batch", 2000),
    ("full", "batch", 2000),
    ("lsh", "example", 500),
    ("uniform", "example", 500),
)
"""Sampler, scope, and neurons proposed beside the labels."""


class Last:
    def on_step(self, step: int, n_steps: int) -> None:
        pass

    def on_evaluation(self, record: dict[str, Any]) -> None:
        self.record = record


def run(demo: slide.data.Demo, backend: Backend, sampler: str, scope: str, active: int) -> str:
    config = slide.recipe(demo.train.n_samples, demo.train.n_labels, epochs=1, sampler=sampler)
    config = replace(config, scope=scope, active=active)
    last = Last()
    cpu = time.process_time()
    model = slide.Trainer(config, backend, watcher=last).fit(demo.train)
    cpu = time.process_time() - cpu
    precision = model.evaluate(demo.test)["precision_at_1"]
    record = last.record
    seconds = record["seconds"]
    split = sorted(record["seconds_by_kernel"].items(), key=lambda item: -item[1])[:4]
    shares = ", ".join(f"{name} {100 * spent / seconds:.0f}%" for name, spent in split)
    return (
        f"{sampler:8} {scope:8} {record['examples']:8,d} {record['examples'] / seconds:11,.0f} "
        f"{1000 * seconds / record['step']:8.1f} {cpu / seconds:8.2f} "
        f"{record['mean_active']:8,.0f} {100 * precision:6.1f}%  {shares}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backend", default="numba")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    backend = slide.load_backend(args.backend)
    if not passed(verify(backend, 5)):
        parser.error(f"backend {args.backend} is not verified: see slide verify {args.backend}")
    demo = slide.load_demo()
    print(
        f"{platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}", end=""
    )
    print(f", slide {slide.__version__}, backend {backend.name}, {args.threads} thread(s)")
    print("sampler  scope    examples  examples/s  ms/step cpu/wall   active    P@1  kernels")
    backend.set_threads(args.threads)
    with threadpool_limits(1, "blas"):
        for sampler, scope, active in RUNS:
            print(run(demo, backend, sampler, scope, active), flush=True)


if __name__ == "__main__":
    main()
