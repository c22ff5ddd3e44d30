"""What the benches train on: the bundled set, a folder of the user's, or examples drawn by chance.

Drawn ones have the sizes and the skew of a real problem and nothing to learn: they are for time
alone, P@1 comes from the other two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

import slide
from slide.bench.drawn import draw_examples
from slide.core.contract.arrays import CSR, Block
from slide.core.contract.backend import Backend
from slide.core.sampled.run import SampledRun
from slide.core.sampled.settings import SampledSettings

HIDDEN, BATCH = 128, 256
ACTIVE = {"batch": 8000, "example": 1000}
"""Neurons proposed beside the labels: one set for the batch, or a set for each example."""

BASE = slide.Config(
    learner=SampledSettings(), hidden=(HIDDEN,), batch_size=BATCH, lr=0.01, dropout=0.0,
    lr_schedule="constant", rebuild_every=1000, rebuild_growth=0.0,
)  # fmt: skip
"""The network of all benches at size A; tables are rebuilt outside of what is timed."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How large and how thorough.

    Args:
        kernels: problem sizes of bench_kernels, by name.
        n_features: of drawn examples.
        n_labels: of drawn examples, ascending; the last one is used where one is wanted.
        n_drawn: examples to draw.
        n_demo: training examples of the bundled set.
        epochs: over them.
        rounds: of what takes seconds.
        options: of a script, to be as thorough.
    """

    kernels: tuple[str, ...]
    n_features: int
    n_labels: tuple[int, ...]
    n_drawn: int
    n_demo: int
    epochs: int
    rounds: int
    options: tuple[str, ...] = ()


QUICK = Scale(
    kernels=("small", "demo"), n_features=13_591, n_labels=(10_000, 67_009), n_drawn=4_000,
    n_demo=20_000, epochs=1, rounds=3, options=("--quick",),
)  # fmt: skip
FULL = Scale(
    kernels=("small", "demo", "large"), n_features=135_909, n_labels=(67_009, 670_091),
    n_drawn=20_000, n_demo=43_334, epochs=3, rounds=5,
)  # fmt: skip


def train_set(folder: Path | None, scale: Scale) -> slide.Dataset:
    """The user's, or a drawn one of the largest size."""
    if folder:
        return slide.read(folder / "X_train.npz")
    return draw_examples(scale.n_drawn, scale.n_features, scale.n_labels[-1])


def pair_in(folder: Path) -> tuple[slide.Dataset, slide.Dataset]:
    """Training and test set of a folder, in either form: X_train.npz and so on, or text.

    Features of which none is left out in any row are arrays: files hold sparse ones alone.
    """
    if (folder / "X_train.npz").exists():
        pair = slide.read(folder / "X_train.npz"), slide.read(folder / "X_test.npz")
        return as_given(pair[0]), as_given(pair[1])
    return slide.data.read_pair(folder / "train.txt.gz", folder / "test.txt.gz")


def as_given(data: slide.Dataset) -> slide.Dataset:
    """The same, with features as an array where all are there."""
    x = data.x
    if not isinstance(x, CSR) or x.nnz < x.n_rows * x.n_cols:
        return data
    return replace(data, x=Block.of(x.values.reshape(x.shape)))


def stepper(config: slide.Config, backend: Backend, data: slide.Dataset) -> Callable[[], Any]:
    """A function that trains one step, each time on another batch of a few."""
    run = SampledRun.begin(config, backend, data)
    rng = np.random.default_rng(config.seed)
    rows = (rng.integers(data.n_samples, size=config.batch_size) for _ in range(16))
    batches = cycle([data.take(some) for some in rows])
    return lambda: run.step(next(batches), config.lr)


def settings(sampler: str, scope: str) -> slide.Config:
    """The network of size A with this sampler."""
    return replace(BASE, sampler=sampler, scope=scope, active=ACTIVE[scope])
