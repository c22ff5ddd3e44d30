"""What worker processes cost and bring: `python -m bench.training.processes [--data DIR]`.

overhead  a step of the network of size A by the kernels themselves, and by one worker; and what
          a call that has nothing to do takes longer by a worker, times the calls of a step
memory    what workers have of their own, against what they share
speed     examples per second for 1, 2 and 4 workers, one step after the other and HOGWILD
accuracy  HOGWILD against steps one after the other on the sets in DIR (NAME/{train,test}.txt.gz)

Prints a Markdown table for each part. Needs psutil.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from threadpoolctl import threadpool_limits

import slide
from bench.harness.problems import BASE, FULL, QUICK, pair_in, settings, stepper
from bench.harness.tables import Table, shown
from bench.harness.watchers import Last
from slide.backends.processes import CompiledProcessesBackend, ProcessesBackend
from slide.bench.drawn import draw_examples
from slide.bench.machine import Busy
from slide.core.contract.timed import TimedBackend

KINDS = {"NumPy": ProcessesBackend, "Numba": CompiledProcessesBackend}
DIRECT = {"NumPy": "reference", "Numba": "numba"}
SEEDS = range(3)


class Called(TimedBackend):
    """Counts the calls of kernels that workers compute."""

    n_calls = 0

    def _timed(self, kernel: str, function: Any) -> Any:
        timed = super()._timed(kernel, function)

        def called(*arguments: Any) -> Any:
            self.n_calls += kernel not in ("put", "get")
            return timed(*arguments)

        return called


def seconds(step: Any) -> float:
    began = time.perf_counter()
    step()
    return time.perf_counter() - began


def overhead(args: argparse.Namespace) -> Table:
    """One worker against the same kernels called directly."""
    scale = QUICK if args.quick else FULL
    data = draw_examples(4000, scale.n_features, scale.n_labels[-1])
    rows = []
    for kernels, kind in KINDS.items():
        for scope in ("batch", "example"):
            config = settings("lsh", scope)
            worker, plain = kind(), slide.load_backend(DIRECT[kernels])
            counted = Called(worker)
            steps = [stepper(config, one, data) for one in (plain, counted)]
            for step in steps:
                step()
            before = counted.n_calls
            found = [[seconds(step) for step in steps] for _ in range(args.rounds)]
            calls = (counted.n_calls - before) / args.rounds
            direct, by_worker = (statistics.median(column) for column in zip(*found, strict=True))
            empty = round_trip(worker) - round_trip(plain)
            rows.append({
                "kernels": kernels, "scope": scope, "direct, ms": 1e3 * direct,
                "one worker, ms": 1e3 * by_worker, "ratio": by_worker / direct,
                "calls a step": round(calls), "coordination a call, ms": 1e3 * empty,
                "coordination a step, ms": 1e3 * empty * calls,
            })  # fmt: skip
            worker.pool.close()
    title = f"A step at {data.n_labels:,} labels, medians of {args.rounds} in turns"
    return Table(title, rows)


def round_trip(worker: ProcessesBackend) -> float:
    """Seconds of a kernel that has nothing to do."""
    eye = worker.put(np.eye(2, dtype=np.float32))
    return statistics.median(seconds(lambda: worker.top_k(eye, eye, None, 1)) for _ in range(300))


def memory(args: argparse.Namespace) -> Table:
    """What N workers have of their own after some steps."""
    scale = QUICK if args.quick else FULL
    data = draw_examples(4000, scale.n_features, scale.n_labels[-1])
    rows = []
    for mode in ("synchronous", "hogwild"):
        for n in (1, 2, 4):
            worker = ProcessesBackend(mode)
            worker.set_threads(n)
            config = replace(settings("lsh", "batch"), epochs=1)
            model = slide.Trainer(config, worker).fit(data)
            bytes_of_model = sum(
                array.nbytes
                for layer in model.network.layers
                for array in (layer.param.weight, layer.param.mean, layer.param.square)
            )
            own = [
                psutil.Process(one.process.pid).memory_full_info() for one in worker.pool.workers
            ]
            rows.append({
                "mode": mode, "workers": n, "model and optimizer, MB": bytes_of_model / 1e6,
                "their own, MB": sum(one.uss for one in own) / 1e6,
                "share of the model": sum(one.uss for one in own) / bytes_of_model,
            })  # fmt: skip
            worker.pool.close()
    return Table("Memory that workers do not share", rows)


def speed(args: argparse.Namespace) -> Table:
    """Examples per second, medians of seeds."""
    scale = QUICK if args.quick else FULL
    data = draw_examples(args.examples, scale.n_features, scale.n_labels[0])
    rows = []
    for kernels, kind in KINDS.items():
        found: dict[tuple[str, int], list[tuple[float, float]]] = {}
        for _ in SEEDS:
            for mode in ("synchronous", "hogwild"):
                for n in (1, 2, 4):
                    config = replace(BASE, active=2000, epochs=1)
                    rate, busy = run_of(kind(mode), n, config, data)
                    found.setdefault((mode, n), []).append((rate, busy))
        for (mode, n), seen in found.items():
            rates, busies = zip(*seen, strict=True)
            rows.append({
                "kernels": kernels, "mode": mode, "workers": n,
                "examples/s": statistics.median(rates), "busy cores": statistics.median(busies),
            })  # fmt: skip
    return Table(f"Examples per second at {data.n_labels:,} labels, hashing", rows)


def run_of(
    backend: ProcessesBackend, n: int, config: slide.Config, data: slide.Dataset
) -> tuple[float, float]:
    """Examples per second of training, and cores that were ours."""
    backend.set_threads(n)
    trainer = slide.Trainer(config, backend)
    busy = Busy()
    trainer.fit(data)
    wall = busy.seconds()
    cpu = sum(sum(psutil.Process(one.process.pid).cpu_times()[:2]) for one in backend.pool.workers)
    backend.pool.close()
    return trainer.examples / trainer.seconds, cpu / wall


def accuracy(args: argparse.Namespace) -> Table:
    """P@1 of both modes: medians of seeds, and how far they lie apart."""
    rows = []
    for name in args.sets:
        train, test = pair_in(args.data / name)
        for network, chosen in (("direct", {}), ("hidden layer", {"hidden": (128,), "epochs": 3})):
            for mode, n in (("synchronous", 2), ("hogwild", 2), ("hogwild", 4)):
                scores, rates, lost = [], [], []
                for seed in SEEDS:
                    backend = CompiledProcessesBackend(mode)
                    backend.set_threads(n)
                    config, last = slide.recipe(train, seed=seed, **chosen), Last()
                    trainer = slide.Trainer(config, backend, watcher=last)
                    scores.append(trainer.fit(train).evaluate(test)["precision_at_1"] * 100)
                    rates.append(trainer.examples / trainer.seconds)
                    lost.append(last.record.get("lost_updates", 0.0))
                    backend.pool.close()
                rows.append({
                    "set": name, "network": network, "mode": mode, "workers": n,
                    "P@1": f"{statistics.median(scores):.2f}",
                    "from": f"{min(scores):.2f}", "to": f"{max(scores):.2f}",
                    "examples/s": statistics.median(rates),
                    "updates lost, at most": f"{100 * statistics.median(lost):.2f} %",
                })  # fmt: skip
                print({key: shown(key, value) for key, value in rows[-1].items()}, flush=True)
    return Table(f"Accuracy of HOGWILD, medians of {len(SEEDS)} seeds", rows)


PARTS = {"overhead": overhead, "memory": memory, "speed": speed, "accuracy": accuracy}


def names(text: str) -> list[str]:
    return text.split(",")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, metavar="DIR", help="of real sets, for accuracy")
    parser.add_argument("--sets", type=names, default=["bibtex", "debian-depends", "gowalla-41k"])
    parser.add_argument("--parts", type=names, default=list(PARTS), metavar="A,B")
    parser.add_argument("--quick", action="store_true", help="small sizes")
    parser.add_argument("--rounds", type=int, default=15, help="of steps, for overhead (15)")
    parser.add_argument("--examples", type=int, default=10_000, help="drawn, for speed (10000)")
    args = parser.parse_args()
    if unknown := set(args.parts) - set(PARTS):
        parser.error(f"no part named {', '.join(unknown)}: expected {', '.join(PARTS)}")
    if "accuracy" in args.parts and not args.data:
        parser.error("accuracy needs --data, or choose others by --parts")
    with threadpool_limits(limits=1, user_api="blas"):
        for part in args.parts:
            print(PARTS[part](args).markdown(), flush=True)


if __name__ == "__main__":
    main()
