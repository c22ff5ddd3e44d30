"""How time and memory grow: with labels at a fixed active set, with threads, with all the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import slide
from bench.harness.fresh import in_fresh_process
from bench.harness.problems import BASE, BATCH, HIDDEN, Scale, settings, stepper
from slide.bench.drawn import draw_examples
from slide.core.contract.arrays import Array
from slide.core.contract.backend import Backend
from slide.core.contract.tables import Tables
from slide.core.sampled.mips import InnerProductHash

K, L = 12, 50  # of the tables that are rebuilt
N_BATCHES = 16


@pytest.fixture(scope="module")
def weights() -> Callable[[Backend, int], Array]:
    """Rows of an output layer, drawn once for each size."""
    kept: dict[int, Array] = {}

    def rows(backend: Backend, n: int) -> Array:
        if n not in kept:
            kept.clear()
            shape = n, HIDDEN + 1
            kept[n] = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
        return backend.put(kept[n])

    return rows


@pytest.fixture
def on_threads(on_cores: Backend, n_threads: int, threads: int) -> Iterator[Backend]:
    """The backend on fewer threads than the session's."""
    on_cores.set_threads(n_threads)
    yield on_cores
    on_cores.set_threads(threads)


def examples(scale: Scale, n_labels: int) -> slide.Dataset:
    return draw_examples(N_BATCHES * BATCH, scale.n_features, n_labels)


@pytest.mark.benchmark(group="Scaling with labels")
@pytest.mark.parametrize("scope", ["batch", "example"])
def bench_labels(
    timed: Callable[..., Any], backend: Backend, scale: Scale, scope: str, n_labels: int
) -> None:
    step = stepper(settings("uniform", scope), backend, examples(scale, n_labels))
    report = step()
    timed(step, rounds=4 * scale.rounds, active=report.n_active, rows=report.touched_rows)


@pytest.mark.benchmark(group="Scaling with threads")
@pytest.mark.parametrize("scope", ["batch", "example"])
def bench_threads(
    timed: Callable[..., Any], on_threads: Backend, scale: Scale, scope: str, n_threads: int
) -> None:
    n_labels = scale.n_labels[-1]
    step = stepper(settings("uniform", scope), on_threads, examples(scale, n_labels))
    step()
    timed(step, rounds=4 * scale.rounds, labels=n_labels)


@pytest.mark.benchmark(group="All rows")
def bench_rebuild(
    timed: Callable[..., Any], backend: Backend, scale: Scale, weights: Any, n_labels: int
) -> None:
    rows, rng = weights(backend, n_labels), np.random.default_rng(0)
    unfitted = InnerProductHash.draw(replace(BASE, K=K, L=L), HIDDEN + 1, rng, backend)

    def rebuild() -> Tables:
        functions = unfitted.fitted_to(rows, center=True)
        codes = functions.of_rows(backend, rows)
        return backend.build(codes, functions.family.n_buckets, 0, "reservoir")

    what = f"tables rebuilt, SimHash K = {K}, L = {L}"
    flops = 2 * n_labels * (HIDDEN + 1) * K * L
    rebuild()
    timed(rebuild, rounds=scale.rounds, what=what, flops=flops)


@pytest.mark.benchmark(group="All rows")
def bench_exact_top_5(
    timed: Callable[..., Any], backend: Backend, scale: Scale, weights: Any, n_labels: int
) -> None:
    shape = BATCH, HIDDEN + 1
    h = backend.put(np.random.default_rng(1).standard_normal(shape, dtype=np.float32))
    rows = weights(backend, n_labels)
    what, flops = f"exact top 5 of {BATCH}", 2 * BATCH * n_labels * (HIDDEN + 1)
    backend.top_k(h, rows, None, 5)
    timed(backend.top_k, h, rows, None, 5, rounds=2 * scale.rounds, what=what, flops=flops)


@pytest.mark.benchmark(group="Memory")
def bench_peak_memory(
    timed: Callable[..., Any],
    benchmark: Any,
    backend_name: str,
    threads: int,
    folder: Path | None,
    scale: Scale,
) -> None:
    options = [*scale.options, *(["--data", str(folder)] if folder else [])]
    seen = timed(in_fresh_process, backend_name, threads, "--size-a", *options, rounds=1)
    names = "labels", "steps", "before_training_mb", "weights_and_moments_mb", "peak_mb"
    benchmark.extra_info |= {
        name.replace("_mb", " MB").replace("_", " "): seen[name] for name in names
    }
