"""Recall against time against staleness: `python -m bench.quality.staleness DIR KEEP`.

DIR is a set as `bench.data.embedded` writes it. A network with a hidden layer is trained by its
recipe on one thread; KEEP gets the rows of its output layer and their inputs for 1,000 test
examples, after 100 steps, 10, 50 and 200 later, and at the end, unless they are there. Indexes
(`bench.quality.indexes`) are built of the rows of step 100, asked at the smallest width that finds
95 % of the exact top 10 (else the widest), and asked the same of the later rows; then of the rows
at the end. Needs hnswlib and faiss. Times are CPU time of one thread. Prints two Markdown tables,
and draws recall against time into KEEP/recall.png where there is matplotlib.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

import slide
from bench.harness.machine import in_one_line
from bench.harness.problems import pair_in
from bench.harness.tables import Table
from bench.quality.indexes import Build, Index, all_for
from slide.core.contract.arrays import Array
from slide.core.contract.backend import Backend
from slide.core.contract.optim import learning_rate
from slide.core.examples.metrics import recall_at
from slide.core.sampled.run import SampledRun
from slide.core.sampled.step import activations

K, WANTED, ASKED = 10, 0.95, 1000
FEW = 8192  # rows
BUILT, LATER, END = 100, (110, 150, 300), "end"


class Moment(NamedTuple):
    """f32 rows (n, d) of the output layer and queries (ASKED, d) at one time of a run."""

    rows: Array
    queries: Array

    @classmethod
    def load(cls, folder: Path, name: str) -> Moment:
        """As `keep` left it."""
        return cls(*(np.load(folder / f"{what}-{name}.npy") for what in ("rows", "queries")))


class Point(NamedTuple):
    """What an index does at one width."""

    width: int
    recall: float
    microseconds: float
    candidates: float


def kept(data: Path, folder: Path, backend: Backend, **said: Any) -> None:
    """Train, and keep moments."""
    folder.mkdir(parents=True, exist_ok=True)
    train, test = pair_in(data)
    config = slide.recipe(train, **said)
    run, asked = SampledRun.begin(config, backend, train), test.take(np.arange(ASKED))
    total = config.epochs * -(-train.n_samples // config.batch_size)

    def keep(name: str) -> None:
        np.save(folder / f"rows-{name}.npy", run.output_weight)
        inputs = activations(backend, run.network, asked.x).dense()
        np.save(folder / f"queries-{name}.npy", inputs)

    for rows in batches_of(run, config.batch_size, config.epochs):
        if run.n_steps in (BUILT, *LATER):
            keep(str(run.n_steps))
        progress = run.n_steps / total
        run.step(train.take(rows), learning_rate(config.lr_schedule, config.lr, progress, 0.0))
    keep(END)


def batches_of(run: SampledRun, size: int, epochs: int) -> Iterator[Array]:
    """Rows of each step."""
    for _ in range(epochs):
        order = run.order[run.rng.permutation(len(run.order))]
        yield from (order[start : start + size] for start in range(0, len(order), size))


def asked_at(backend: Backend, index: Index, width: int, now: Moment) -> Point:
    """Candidates of all queries at once, ranked by the rows of now."""
    began = time.process_time()
    found = index.find(now.queries, width)
    ids, _ = backend.top_k(now.queries, now.rows, found, K)
    spent = time.process_time() - began
    exact, _ = backend.top_k(now.queries, now.rows, None, K)
    n = len(now.queries)
    return Point(width, recall_at(ids, exact, K), 1e6 * spent / n, found.nnz / n)


def up_to_wanted(backend: Backend, index: Index, now: Moment) -> list[Point]:
    """Points of ascending width, the last of which finds enough if one does."""
    points: list[Point] = []
    for width in index.widths:
        index.find(now.queries[:2], width)  # compiles
        points.append(asked_at(backend, index, width, now))
        if points[-1].recall >= WANTED:
            break
    return points


def one_at_a_time(backend: Backend, index: Index, width: int, now: Moment) -> float:
    """Microseconds of a query by itself."""
    began, some = time.process_time(), now.queries[:200]
    for row in range(len(some)):
        query = some[row : row + 1]
        backend.top_k(query, now.rows, index.find(query, width), K)
    return 1e6 * (time.process_time() - began) / len(some)


def built(backend: Backend, build: Build, rows: Array) -> tuple[Index, float]:
    """An index, and the CPU seconds that it took once all was compiled."""
    build(backend, rows[:FEW])
    began = time.process_time()
    index = build(backend, rows)
    return index, time.process_time() - began


def exact_row(backend: Backend, now: Moment) -> dict[str, Any]:
    """All rows, by BLAS."""
    began = time.process_time()
    backend.top_k(now.queries, now.rows, None, K)
    batch = 1e6 * (time.process_time() - began) / len(now.queries)
    began = time.process_time()
    for row in range(50):
        backend.top_k(now.queries[row : row + 1], now.rows, None, K)
    one = 1e6 * (time.process_time() - began) / 50
    return {"index": "none: all rows", "recall@10": "1", "us, many": batch, "us, one": one}


def going_stale(
    backend: Backend, build: Build, first: Moment, later: list[Moment]
) -> dict[str, Any]:
    """An index of the first moment, asked then and later."""
    index, seconds = built(backend, build, first.rows)
    point = up_to_wanted(backend, index, first)[-1]
    recalls = [asked_at(backend, index, point.width, now).recall for now in later]
    told = {
        "build s": seconds,
        "width": point.width,
        "recall@10": f"{point.recall:.3f}",
        "us, many": point.microseconds,
    }
    return told | {
        f"{step - BUILT} steps later": f"{recall:.3f}"
        for step, recall in zip(LATER, recalls, strict=True)
    }


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("data", type=Path, metavar="DIR")
    parser.add_argument("keep", type=Path, metavar="KEEP")
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--dropout", type=float, default=0.5)
    parser.add_argument("--only", default="", help="indexes whose names contain one of these, A,B")
    parser.add_argument("--at-end", action="store_true", help="only of rows at the end")
    args = parser.parse_args()
    backend = slide.load_backend()
    backend.set_threads(1)
    if not (args.keep / f"rows-{END}.npy").exists():
        kept(args.data, args.keep, backend, hidden=args.hidden, dropout=args.dropout)
    first, last = Moment.load(args.keep, str(BUILT)), Moment.load(args.keep, END)
    later = [Moment.load(args.keep, str(step)) for step in LATER]
    backend.top_k(first.queries[:2], first.rows, None, K)  # compiles
    stale, served, curves = [], [exact_row(backend, last)], {}
    for name, build in all_for(len(first.rows)).items():
        if not any(part in name for part in args.only.split(",")):
            continue
        if not args.at_end:
            stale.append({"index": name} | going_stale(backend, build, first, later))
            print(stale[-1], flush=True)
        index, seconds = built(backend, build, last.rows)
        curves[name] = points = up_to_wanted(backend, index, last)
        point = points[-1]
        served.append({
            "index": name, "build s": seconds, "width": point.width,
            "candidates": point.candidates, "recall@10": f"{point.recall:.3f}",
            "us, many": point.microseconds,
            "us, one": one_at_a_time(backend, index, point.width, last),
        })  # fmt: skip
        print(served[-1], flush=True)
    shape = f"{len(last.rows):,} rows of {last.rows.shape[1]}. {in_one_line()}"
    if stale:
        print(Table(f"Built at step {BUILT}, {args.data.name}", stale, shape).markdown())
    print(Table(f"At the end, {args.data.name}", served, shape).markdown())
    draw(curves, stale, args.keep / "recall.png", args.data.name)


def draw(
    curves: dict[str, list[Point]], stale: list[dict[str, Any]], path: Path, title: str
) -> None:
    """Recall against microseconds, and against steps, where matplotlib is there."""
    try:
        import matplotlib
    except ImportError:
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    for number, (name, points) in enumerate(curves.items()):
        style = {"label": name, "color": f"C{number % 10}", "marker": "o", "ms": 3}
        recalls = [point.recall for point in points]
        left.semilogx([point.microseconds for point in points], recalls, **style)
        for row in (each for each in stale if each["index"] == name):
            drift = [float(row["recall@10"])]
            drift += [float(row[f"{step - BUILT} steps later"]) for step in LATER]
            right.plot([0, *(step - BUILT for step in LATER)], drift, **style)
    left.axhline(WANTED, color="0.7", lw=0.8)
    left.set(xlabel="µs of CPU a query, 1,000 at once", ylabel=f"recall@{K}", title=title)
    right.set(xlabel=f"steps since the index was built, at step {BUILT}", title="rows move on")
    for axes in (left, right):
        axes.grid(alpha=0.3)
    left.legend(fontsize=7)
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
