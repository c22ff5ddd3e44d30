"""Seconds to the accuracy of a dense softmax: `python -m bench.quality.time_to_accuracy`.

The table of the SLIDE paper, of the set in the DIR of --data, which holds X_train.npz, Y_train.npz,
X_test.npz, Y_test.npz. PyTorch trains the paper's network (128 hidden units, softmax over all
labels, Adam) for some epochs; slide trains the same network with neurons found by hashing, then
with the labels of the batch alone, and what it trains by default. All in one process on the same
threads, one after the other. P@1 is that of the first test examples, looked at some thirty times in
a run with the clock stopped. Drawing a network, building tables and choosing connections is on the
clock; compiling is not. Prints a Markdown table and, with --png, draws the curves. Needs PyTorch.

Source of the task: Chen et al., SLIDE (MLSys 2020), figure 5 and table 1.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

import slide
from bench.harness.options import parser, verified
from bench.harness.tables import Table
from bench.rivals.torch_networks import Dense
from slide.bench.devices import waiting_for_device
from slide.bench.machine import Busy
from slide.core.contract.backend import Backend
from slide.core.contract.optim import learning_rate
from slide.core.learners.kinds import kind_of
from slide.core.models.model import Model
from slide.core.runs.rehearsal import rehearse

HIDDEN = 128
N_TEST = 2000
N_POINTS = 30
SHARES = (0.9, 0.99)
"""Of the dense network's best P@1."""


@dataclass(slots=True)
class Curve:
    """P@1 over seconds of training.

    Args:
        score: evaluates the present network.
        every: steps between two evaluations.
    """

    score: Callable[[], float]
    every: int
    seconds: float = 0.0
    busy: float = 0.0
    points: list[tuple[float, float]] = field(default_factory=list)

    def follow(self, steps: Iterator[None]) -> Curve:
        """Take the steps; `steps` computes one each time it is asked, and before the first none."""
        number, done = 0, False
        while not done:
            clock = Busy()
            done = next(steps, self) is self
            self.busy += clock.cores() * clock.seconds()
            self.seconds += clock.seconds()
            if number % self.every == 0 or done:
                self.points.append((self.seconds, self.score()))
                print(f"  {self.seconds:8.1f} s  P@1 {100 * self.points[-1][1]:.2f}", flush=True)
            number += 1
        return self

    def best(self) -> float:
        return max(score for _, score in self.points)

    def seconds_to(self, score: float) -> float | None:
        """Until the first evaluation that is as good; None if there is none."""
        return next((seconds for seconds, each in self.points if each >= score), None)


def hits(best: np.ndarray, test: slide.Dataset) -> float:
    """P@1 of one label per example."""
    cells = test.y.row_numbers() * test.n_labels + test.y.indices
    return float(np.isin(np.arange(test.n_samples) * test.n_labels + best, cells).mean())


def batches(n_samples: int, size: int, epochs: int) -> Iterator[np.ndarray]:
    """Rows of one batch after the other, each epoch in an order of its own."""
    rng = np.random.default_rng(0)
    for _ in range(epochs):
        order = rng.permutation(n_samples)
        yield from (order[start : start + size] for start in range(0, n_samples, size))


def dense(train: slide.Dataset, test: slide.Dataset, args: Any) -> Curve:
    """PyTorch, with batches of `args.batch_size`."""

    def score() -> float:
        assert network is not None
        parts = (np.arange(start, min(start + 256, test.n_samples))
                 for start in range(0, test.n_samples, 256))  # fmt: skip
        return hits(
            np.concatenate([network.best(test.take(rows).features).numpy() for rows in parts]), test
        )

    def steps() -> Iterator[None]:
        nonlocal network
        network = Dense(train.n_features, train.n_labels, HIDDEN, args.lr)
        yield
        for rows in batches(train.n_samples, args.batch_size, args.epochs):
            batch = train.take(rows)
            network.step(batch.features, batch.y)
            yield

    network: Dense | None = None
    n_steps = args.epochs * -(-train.n_samples // args.batch_size)
    return Curve(score, max(n_steps // N_POINTS, 1)).follow(steps())


def ours(
    config: slide.Config, backend: Backend, train: slide.Dataset, test: slide.Dataset
) -> Curve:
    """slide, as `Trainer` trains it."""
    n_steps = config.epochs * math.ceil(train.n_samples / config.batch_size)
    counts = train.y.positive().column_counts()

    def score() -> float:
        run.catch_up()
        model = Model(config, run.network, backend, counts, train.n_samples)
        return model.evaluate(test)["precision_at_1"]

    def steps() -> Iterator[None]:
        nonlocal run
        run = waiting_for_device(backend, kind_of(config).begin)(config, backend, train)
        step = waiting_for_device(backend, run.step)
        yield
        for rows in batches(len(run.order), config.batch_size, config.epochs):
            lr = learning_rate(config.lr_schedule, config.lr, run.n_steps / n_steps, config.warmup)
            step(run.data.take(run.order[rows]), lr)
            yield

    run: Any = None
    rehearse(config, backend, train)
    return Curve(score, max(n_steps // N_POINTS, 1)).follow(steps())


def table(curves: dict[str, Curve], note: str) -> Table:
    """Who took how long; the first one is what the others are compared with."""
    first = next(iter(curves.values()))
    rows = []
    for name, curve in curves.items():
        row: dict[str, Any] = {"": name, "best P@1, %": 100 * curve.best(), "s": curve.seconds,
                               "CPU / wall": curve.busy / curve.seconds}  # fmt: skip
        for share in SHARES:
            ours, theirs = (each.seconds_to(share * first.best()) for each in (curve, first))
            reached = ours is not None and theirs is not None
            row[f"s to {100 * share:.0f} % of dense"] = ours
            row[f"times as fast ({100 * share:.0f} %)"] = theirs / ours if reached else None
        rows.append(row)
    return Table("Time to the accuracy of a dense softmax", rows, note)


def draw(curves: dict[str, Curve], title: str, path: Path) -> None:
    """All curves in one panel."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot, ticker

    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    for name, curve in curves.items():
        seconds, scores = zip(*curve.points, strict=True)
        axes.plot(seconds, [100 * score for score in scores], ".-", label=name)
    best = 100 * next(iter(curves.values())).best()
    for share, style in zip(SHARES, (":", "--"), strict=True):
        axes.axhline(share * best, color="gray", linestyle=style, linewidth=1)
    axes.set(xscale="log", xlabel="seconds of training", ylabel="P@1, percent", title=title)
    axes.xaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--epochs", type=int, default=2, help="of PyTorch (2)")
    options.add_argument("--lr", type=float, default=0.002, help="of PyTorch (0.002)")
    options.add_argument("--batch-size", type=int, default=256, help="of PyTorch (256)")
    options.add_argument("--active", type=int, help="neurons that hashing proposes for a batch")
    options.add_argument(
        "--only", choices=("dense", "hashing", "in-batch", "default"), help="one alone"
    )
    options.add_argument("--png", type=Path, metavar="FILE", help="draw the curves there")
    args = options.parse_args()
    if not args.data:
        options.error("--data is missing: expected a folder with X_train.npz and so on")
    torch.set_num_threads(args.threads)
    backend = verified(args.backend, args.threads)
    train = slide.read(args.data / "X_train.npz")
    test = slide.read(args.data / "X_test.npz")
    test = test.take(np.arange(min(N_TEST, test.n_samples)))
    more = {"active": args.active} if args.active else {}
    hidden = {"hidden": (HIDDEN,), "dropout": 0.0}
    hashing = slide.recipe(train, hash="simhash", **hidden, **more)
    in_batch = slide.recipe(train, sampler="in-batch", **hidden)
    contestants = {
        "dense": ("PyTorch dense softmax", lambda: dense(train, test, args)),
        "hashing": ("slide, the same network by hashing",
                    lambda: ours(hashing, backend, train, test)),
        "in-batch": ("slide, the same network, in-batch negatives",
                     lambda: ours(in_batch, backend, train, test)),
        "default": ("slide by default", lambda: ours(slide.recipe(train), backend, train, test)),
    }  # fmt: skip
    curves = {}
    for key, (name, run) in contestants.items():
        if args.only in (None, key):
            print(name, flush=True)
            curves[name] = run()
            if args.json:
                told = {each: curve.points for each, curve in curves.items()}
                args.json.write_text(json.dumps(told))
    note = (
        f"{train.n_samples:,} examples, {train.n_features:,} features, {train.n_labels:,} labels; "
        f"PyTorch {torch.__version__}: {args.epochs} epochs, batch {args.batch_size}, "
        f"lr {args.lr:g}; {args.threads} threads, backend {backend.name}."
    )
    print(table(curves, note).markdown())
    if args.png:
        draw(curves, f"{train.n_labels:,} labels, {train.n_samples:,} examples", args.png)


if __name__ == "__main__":
    main()
