"""slide itself, by its command line and with its defaults, or with the options of a variant."""

from __future__ import annotations

import hashlib
import json
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import slide
from bench.rivals.peers.contestant import Prediction, Task, Training
from bench.rivals.peers.measure import Usage, measured
from bench.rivals.peers.peer import WORKERS
from bench.rivals.peers.scores import DEPTH
from slide.core.contract.arrays import Array

Points = list[dict[str, float]]


@dataclass(frozen=True, slots=True)
class Slide:
    """Args: its name in tables, and options of `slide train`."""

    name: str = "slide"
    options: str = ""

    @classmethod
    def variant(cls, text: str) -> Slide:
        """From `NAME: OPTIONS`, such as `wide: --hidden 512`."""
        name, colon, options = text.partition(":")
        if not (colon and name.strip() and options.strip()):
            raise ValueError(f"--variant got {text!r}: expected NAME: OPTIONS of slide train")
        return cls(f"slide {name.strip()}", options.strip())

    def version(self) -> str:
        """Changes with every change of the source, committed or not."""
        return f"{slide.__version__}+{source_digest()} {self.options}".strip()

    def train(self, task: Task) -> Training:
        usage, figures = self._train(task)
        seconds = figures["seconds_train"]
        return Training(seconds, cpu_of_training(task, usage, seconds), usage, figures)

    def predict(self, task: Task) -> Prediction:
        """The labels from `slide predict`; the time from a worker, since that prints none."""
        lines = task.scratch / "predictions.txt"
        test, threads = str(task.data / "X_test.npz"), str(task.threads)
        command = ["predict", str(task.model), test, "--k", str(task.k), "--out", str(lines)]
        self._slide(task, "predict", *command, "--threads", threads)
        ids = ids_of(lines, task.k)
        worker = [sys.executable, "-m", f"{WORKERS}.slide_model", "predict", "--k", str(DEPTH)]
        places = ["--data", str(task.data), "--scratch", str(task.scratch), "--threads", threads]
        measured([*worker, *places], task.scratch / "rate.log", task.limit, {})
        said = json.loads((task.scratch / "predict.json").read_text())
        return Prediction(said["seconds"], said["cpu_seconds"], ids[:, :DEPTH], ids)

    def curve(self, task: Task) -> Points:
        """A run of its own that evaluates after each epoch: the lines of its metrics.jsonl."""
        self._train(task, "--valid", str(task.data / "X_test.npz"))
        lines = (task.model / "metrics.jsonl").read_text().splitlines()
        wanted = ("seconds", "epoch", "precision_at_1", "precision_at_3", "precision_at_5")
        return [{name: json.loads(line)[name] for name in wanted} for line in lines]

    def _train(self, task: Task, *more: str) -> tuple[Usage, dict[str, Any]]:
        files = [str(task.data / "X_train.npz"), "--model", str(task.model), "--json"]
        numbers = ["--threads", str(task.threads), "--seed", str(task.seed)]
        options = [*numbers, *more, *shlex.split(self.options)]
        usage = self._slide(task, "train", "train", *files, *options)
        return usage, json.loads((task.scratch / "train.log").read_text())

    def _slide(self, task: Task, log: str, *arguments: str) -> Usage:
        command = [sys.executable, "-m", "slide", *arguments]
        return measured(command, task.scratch / f"{log}.log", task.limit, {})


def source_digest() -> str:
    """Eight digits that stand for all Python files of the package."""
    digest = hashlib.sha256()
    for path in sorted(Path(slide.__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:8]


def cpu_of_training(task: Task, usage: Usage, seconds: float) -> float:
    """CPU seconds of training, seen from outside: those spent until the last line of the metrics.

    It is written when training is done, so training began `seconds` before.
    """
    end = (task.model / "metrics.jsonl").stat().st_mtime
    return usage.cpu_between(end - seconds, end)


def ids_of(file: Path, k: int) -> Array:
    """The labels of `slide predict`, i32 (n, k), -1 where a line is shorter."""
    lines = file.read_text().splitlines()
    ids = np.full((len(lines), k), -1, np.int32)
    for row, line in zip(ids, lines, strict=True):
        labels = [int(pair.partition(":")[0]) for pair in line.split()]
        row[: len(labels)] = labels
    return ids
