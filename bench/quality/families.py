"""Every hash family with every strategy on a planted problem: `python -m bench.quality.families`.

Twenty examples of each of 10,000 labels, or of `--labels`; the best answer is right for all
(`bench.harness.planted`). All runs of a scope propose the same number of neurons; `full` is a dense
softmax, `uniform` a sampled one. Prints a Markdown table; core-seconds are of a whole run, its
evaluations included.
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
from bench.harness.planted import planted
from bench.harness.watchers import Last
from slide.core.contract.families import HASH_NAMES
from slide.core.sampled.settings import SampledSettings
from slide.reference.kernels import ReferenceBackend

STRATEGIES = ("topk", "vanilla", "threshold")
DIGITS = {"simhash": 8, "sparse-simhash": 8, "wta": 3, "dwta": 3, "doph": 3}
SHARE = {"batch": 10, "example": 50}  # of the labels one in so many is proposed
TABLES = {"batch": 24, "example": 24}


def run(config: slide.Config, train: slide.Dataset, test: slide.Dataset) -> dict[str, Any]:
    last, began = Last(), time.process_time()
    slide.Trainer(config, ReferenceBackend(), watcher=last).fit(train, test)
    return last.record | {"core_seconds": time.process_time() - began}


def line(name: str, strategy: str, record: dict[str, Any]) -> str:
    recall = record.get("probe_recall_at_10")
    return (
        f"| {name} | {strategy} | {100 * record['precision_at_1']:.1f} | "
        f"{record['full_loss']:.3f} | {record['mean_active']:,.0f} | "
        f"{100 * record['from_tables']:.0f} % | "
        f"{'' if recall is None else f'{recall:.2f}'} | "
        f"{record['core_seconds']:.1f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scope", default="batch", choices=["batch", "example"])
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--labels", type=int, default=10_000)
    parser.add_argument("--samples", type=int, help="20 a label if not given")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    n = args.samples or 20 * args.labels
    (train, _), (test, best) = planted(n, 1, args.labels), planted(4_000, 2, args.labels)
    base = slide.Config(
        learner=SampledSettings(), hidden=(64,), epochs=args.epochs, batch_size=256, lr=0.01,
        dropout=0.0, scope=args.scope,
        active=args.labels // SHARE[args.scope], L=TABLES[args.scope], seed=args.seed,
    )  # fmt: skip
    print(
        f"{platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}, "
        f"slide {slide.__version__}, backend reference, 1 thread; {args.labels:,} labels, "
        f"{n:,} examples, scope {args.scope}, {base.active} proposed, L = {base.L}; best answer "
        f"P@1 {100 * best:.1f}\n"
    )
    columns = "P@1 | full loss | active | from tables | recall@10 | core-seconds"
    print(f"| family | strategy | {columns} |")
    print("|---|---|---|---|---|---|---|---|")
    with threadpool_limits(1):
        for sampler in ("full", "uniform"):
            print(line(sampler, "", run(replace(base, sampler=sampler), train, test)), flush=True)
        for family in HASH_NAMES:
            for strategy in STRATEGIES:
                config = replace(base, hash=family, K=DIGITS[family], strategy=strategy)
                print(line(family, strategy, run(config, train, test)), flush=True)


if __name__ == "__main__":
    main()
