"""What it costs to check what is handed over: `python -m bench.serving.border [BACKEND]`.

A model of the bundled set answers queries, one and many at a time; beside it stands the check of
the same features, as `Model.predict` makes it once a call. Calls of both take turns, so that a
machine that slows down slows both. Prints a Markdown table of medians.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import slide
from slide.core.contract import handed

QUERIES = (1, 10, 100, 1000, 10_000)
SECONDS = 2.0  # of calls, for each number of queries
FEWEST = 11  # calls


def seconds(call: Callable[..., Any], *given: Any) -> float:
    """Of one call."""
    began = time.perf_counter()
    call(*given)
    return time.perf_counter() - began


def taking_turns(first: Callable[[], Any], second: Callable[[], Any]) -> tuple[float, float]:
    """Median seconds of each of two calls."""
    first(), second()
    pairs: list[tuple[float, float]] = []
    began = time.perf_counter()
    while time.perf_counter() - began < SECONDS or len(pairs) < FEWEST:
        pairs.append((seconds(first), seconds(second)))
    one, other = zip(*pairs, strict=True)
    return median(one), median(other)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("backend", nargs="?", help="as `slide predict --backend` takes it")
    args = parser.parse_args()
    demo = slide.load_demo()
    model = slide.Trainer(slide.Config(epochs=1), args.backend).fit(demo.train)
    print("| queries | predict (us) | check (us) | share (%) |")
    print("|---|---|---|---|")
    for n in QUERIES:
        x = demo.test.x.take(np.arange(min(n, demo.test.n_samples)))
        whole, check = taking_turns(lambda x=x: model.predict(x, 5), lambda x=x: handed.features(x))
        print(f"| {x.n_rows} | {1e6 * whole:.0f} | {1e6 * check:.1f} | {100 * check / whole:.2f} |")


if __name__ == "__main__":
    with threadpool_limits(1, "blas"):
        main()
