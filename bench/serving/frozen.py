"""Frozen models: loading, memory of four processes, latency: `python -m bench.serving.frozen`.

Models are drawn, and asked in processes of their own on one thread; or DIR, a frozen model, is
asked what is in FILE. PSS is the kernel's: a page that four processes map counts a quarter in each.
CPU is what the thread itself took, wall what passed, on a machine that others may use meanwhile.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

import slide
from bench.harness.machine import in_one_line
from bench.harness.tables import Table
from slide.bench.drawn import draw_examples, zipf
from slide.core.contract.arrays import CSR
from slide.core.direct.inputs import Inputs
from slide.core.direct.network import Direct
from slide.core.direct.settings import DirectSettings

LABELS = "67000,670091,1000000"
FEATURES_PER_LABEL = 135_909 / 670_091  # as Amazon-670K has them
WEIGHTS_PER_LABEL = 50
QUESTIONS, WARM, K = 1000, 100, 5
PROCESSES = 4
SPAWN = multiprocessing.get_context("spawn")


class Asked(NamedTuple):
    """A frozen folder and questions for it."""

    folder: Path
    x: CSR


def drawn(n_labels: int, n_features: int) -> slide.Model:
    """A model with so many weights a label, more of them of features that examples have often."""
    rng, backend = np.random.default_rng(0), slide.load_backend("numba")
    columns = zipf(n_features, n_labels * WEIGHTS_PER_LABEL, rng)
    cells = np.sort(np.repeat(np.arange(n_labels), WEIGHTS_PER_LABEL) * n_features + columns)
    cells = cells[np.flatnonzero(np.diff(cells, prepend=-1))]
    values = rng.standard_normal(len(cells), dtype=np.float32)
    weight = CSR.of_cells(cells, values, (n_labels, n_features))
    inputs = Inputs(np.ones(n_features, np.float32), np.zeros(0, np.int64))
    network = Direct.of(weight, -4 - rng.random(n_labels, dtype=np.float32), inputs, backend)
    config = slide.Config(learner=DirectSettings())
    return slide.Model(config, network, backend, np.ones(n_labels, np.int64), n_labels)


def seconds(call: Callable[..., Any], *given: Any) -> float:
    began = time.perf_counter()
    call(*given)
    return time.perf_counter() - began


def latency(predictor: slide.Predictor, x: CSR) -> dict[str, float]:
    """Milliseconds of one row a call, and answers a second of all rows in one."""
    predictor.predict(x, K)  # maps the pages that questions look at, as a service has soon done
    wall, cpu = np.zeros((2, x.n_rows))
    for i in range(x.n_rows):
        row, began = x.row(i), time.thread_time()
        wall[i] = seconds(predictor.predict, row, K)
        cpu[i] = time.thread_time() - began
    wall, cpu = 1e3 * wall[WARM:], 1e3 * cpu[WARM:]
    return {
        "p50 ms": float(np.median(wall)),
        "p99 ms": float(np.percentile(wall, 99)),
        "CPU p50 ms": float(np.median(cpu)),
        "CPU p99 ms": float(np.percentile(cpu, 99)),
        "batch, rows/s": x.n_rows / seconds(predictor.predict, x, K),
    }


def asked_alone(asked: Asked) -> dict[str, Any]:
    """In a process of its own: load, the first answer, then all."""
    slide.Predictor  # noqa: B018 - imports the compiler
    began = time.perf_counter()
    predictor = slide.Predictor.load(asked.folder)
    load = time.perf_counter() - began
    first = seconds(predictor.predict, asked.x.row(0), K)
    lists = predictor.model.exact
    offsets = getattr(lists, "index", getattr(lists, "lists", None)).offsets
    met = [int(np.diff(offsets)[asked.x.row(i)[0]].sum()) for i in range(0, asked.x.n_rows, 20)]
    return {
        "labels": predictor.n_labels,
        "features": predictor.n_features,
        "dtype": predictor.dtype,
        "MB": predictor.nbytes / 1e6,
        "load ms": 1e3 * load,
        "first ms": 1e3 * first,
        "weights met": float(np.mean(met)),
        **latency(predictor, asked.x),
    }


def pss(asked: Asked, barrier: Barrier) -> tuple[float, float]:
    """Proportional and whole resident memory in MB, while all processes have answered."""
    predictor = slide.Predictor.load(asked.folder)
    predictor.predict(asked.x, K)
    barrier.wait()
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]
    fields = {name: float(value.split()[0]) for name, value in (line.split(":") for line in lines)}
    barrier.wait()
    return 1.024e-3 * fields["Pss"], 1.024e-3 * fields["Rss"]


def memory(asked: Asked, n: int) -> tuple[float, float]:
    """Sums over n processes."""
    with SPAWN.Manager() as manager, ProcessPoolExecutor(n, SPAWN) as pool:
        barrier = manager.Barrier(n)
        found = [pool.submit(pss, asked, barrier) for _ in range(n)]
        shares, wholes = zip(*(each.result() for each in found), strict=True)
    return sum(shares), sum(wholes)


def measured(asked: Asked) -> dict[str, Any]:
    """A row of the table."""
    with ProcessPoolExecutor(1, SPAWN) as pool:
        row: dict[str, Any] = pool.submit(asked_alone, asked).result()
    one, _ = memory(asked, 1)
    shares, wholes = memory(asked, PROCESSES)
    return row | {"PSS of 1": one, "PSS of 4": shares, "RSS of 4": wholes}


def of_size(
    n_labels: int, n_features: int, dtypes: list[str], folder: Path
) -> list[dict[str, Any]]:
    """Rows of a drawn model."""
    model, x = drawn(n_labels, n_features), draw_examples(QUESTIONS, n_features, 10).x
    assert isinstance(x, CSR)
    rows = []
    for dtype in dtypes:
        place = folder / f"{n_labels}-{n_features}-{dtype}"
        model.freeze(place, dtype)  # type: ignore[arg-type]
        rows.append(measured(Asked(place, x)))
    return rows


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--labels", default=LABELS, help="of drawn models")
    parser.add_argument("--features", type=int, help="at all sizes; else as large sets have them")
    parser.add_argument("--dtypes", default="float32,int8")
    parser.add_argument("--model", type=Path, metavar="DIR", help="a frozen model")
    parser.add_argument("--questions", type=Path, metavar="FILE", help="for it")
    return parser.parse_args()


def main() -> None:
    """Print the table."""
    args, rows = options(), []
    if args.model:
        x = slide.read(args.questions).features
        rows = [measured(Asked(args.model, x.take(np.arange(min(QUESTIONS, x.n_rows)))))]
    with tempfile.TemporaryDirectory() as folder:
        for n in [] if args.model else map(int, args.labels.split(",")):
            n_features = args.features or round(FEATURES_PER_LABEL * n)
            rows += of_size(n, n_features, args.dtypes.split(","), Path(folder))
    print(Table("Frozen models", rows, in_one_line()).markdown())


if __name__ == "__main__":
    with threadpool_limits(1, "blas"):
        main()
