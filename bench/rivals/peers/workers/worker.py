"""What the process of every peer does: read, train and save, or load and predict.

Runs in the environment of the peer, so it needs nothing but NumPy and SciPy. Only training and
only the search for the best five labels are timed; what was found out goes to train.json or
predict.json and ids.npz in the scratch folder.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import scipy.sparse

DEPTH = 5
WARM_UP = 64


class Worker(Protocol):
    """A peer, as its users would call it."""

    settings: dict[str, Any]
    """What is worth telling beside the numbers."""

    def read(self, data: Path) -> Any:
        """The training set in the form that `train` takes."""

    def train(self, inputs: Any, model: Path, threads: int, seed: int) -> Any:
        """Timed. Something to save."""

    def save(self, trained: Any, model: Path) -> None:
        """Leave the model in a folder."""

    def load(self, model: Path, threads: int) -> None:
        """Get ready to predict."""

    def top(self, x: scipy.sparse.csr_matrix, k: int) -> Any:
        """Timed. The k best labels of each row, in the peer's own form."""

    def ids(self, found: Any, k: int) -> np.ndarray:
        """What `top` returned as (n, k), best first, -1 where there is none."""


def main(worker: Worker) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("train", "predict"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--k", type=int, default=DEPTH)
    args = parser.parse_args()
    model = args.scratch / "model"
    if args.what == "train":
        figures = train(worker, args.data, model, args.threads, args.seed)
    else:
        figures = predict(worker, args.data, model, args.threads, args.k, args.scratch / "ids.npz")
    (args.scratch / f"{args.what}.json").write_text(json.dumps(figures))


def train(worker: Worker, data: Path, model: Path, threads: int, seed: int) -> dict[str, Any]:
    inputs = worker.read(data)
    model.mkdir()
    trained, figures = timed(lambda: worker.train(inputs, model, threads, seed))
    worker.save(trained, model)
    return {**figures, "settings": worker.settings}


def predict(
    worker: Worker, data: Path, model: Path, threads: int, k: int, file: Path
) -> dict[str, Any]:
    """The best five, timed, and the best k, untimed, which may search more widely."""
    x = load(data / "X_test.npz")
    worker.load(model, threads)
    worker.top(x[:WARM_UP], DEPTH)
    found, figures = timed(lambda: worker.top(x, DEPTH))
    top = worker.ids(found, DEPTH)
    deep = worker.ids(worker.top(x, k), k) if k > DEPTH else top
    np.savez(file, top=top.astype(np.int32), deep=deep.astype(np.int32))
    return figures


def timed(function: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    wall, cpu = time.perf_counter(), time.process_time()
    result = function()
    seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    return result, {"seconds": seconds, "cpu_seconds": cpu_seconds}


def load(path: Path) -> scipy.sparse.csr_matrix:
    return scipy.sparse.csr_matrix(scipy.sparse.load_npz(path))


def pair(data: Path) -> tuple[scipy.sparse.csr_matrix, scipy.sparse.csr_matrix]:
    """Features and labels of the training set."""
    return load(data / "X_train.npz"), load(data / "Y_train.npz")


def padded(rows: list[list[int]], k: int) -> np.ndarray:
    """Lists of at most k labels as (n, k), -1 where a list is shorter."""
    ids = np.full((len(rows), k), -1, np.int32)
    for row, labels in zip(ids, rows, strict=True):
        row[: len(labels)] = labels
    return ids


def beam(k: int) -> int:
    """Width of a beam search for k labels in a tree with up to 100 labels a leaf.

    10, the default of both packages that search so, until k needs more than a quarter of what
    that finds.
    """
    return max(10, -(-k // 25))
