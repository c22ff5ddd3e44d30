"""What only a fresh process can tell: seconds of the first warm-up, and the peak of its memory.

`python -m bench.harness.fresh` trains the network of size A for some seconds and prints one JSON
object.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

import slide
from bench import ROOT
from bench.harness.options import parser
from bench.harness.problems import FULL, QUICK, settings, train_set
from slide.bench.drawn import draw_examples
from slide.core.runs.to_folder import peak_rss_mb
from slide.core.sampled.network import n_cells

TINY = 64, 100, 100  # examples, features, labels: when nothing but the warm-up is wanted
SECONDS = {"quick": 2.0, "full": 10.0}  # of training; the first steps and tables reach the peak


def in_fresh_process(
    backend: str, threads: int, *options: str, cache: Path | None = None
) -> dict[str, Any]:
    """The object that this script prints.

    Args:
        backend: its name.
        threads: of the backend.
        options: further ones of this script.
        cache: an empty folder for compiled kernels, instead of where they are already.
    """
    script = [sys.executable, "-m", "bench.harness.fresh"]
    command = [*script, "--backend", backend, "--threads", str(threads), *options]
    caches = {"NUMBA_CACHE_DIR": str(cache), "CUPY_CACHE_DIR": str(cache)} if cache else {}
    output = subprocess.check_output(command, cwd=ROOT, env=os.environ | caches, text=True)
    seen: dict[str, Any] = json.loads(output)
    return seen


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--size-a", action="store_true", help="not only the warm-up")
    args = options.parse_args()
    backend = slide.load_backend(args.backend)  # verified by whoever starts this
    backend.set_threads(args.threads)
    data = (
        train_set(args.data, QUICK if args.quick else FULL) if args.size_a else draw_examples(*TINY)
    )
    before, config = peak_rss_mb(), settings("lsh", "batch")
    seconds = SECONDS["quick" if args.quick else "full"] if args.size_a else 0.1
    trainer = slide.Trainer(config, backend, time_budget=seconds)
    with threadpool_limits(1, "blas"):
        trainer.fit(data)
    seen = {
        "seconds_compile": trainer.seconds_compile,
        "labels": data.n_labels,
        "steps": trainer.step,
        "peak_mb": peak_rss_mb(),
        "before_training_mb": before,
        "weights_and_moments_mb": 12
        * n_cells(config.learner.layers, data.n_features, data.n_labels)
        / 1e6,
    }
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
