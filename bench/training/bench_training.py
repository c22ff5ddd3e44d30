"""Training as a whole: steps at size A, runs with the P@1 that they buy, seconds to compile.

Two baselines are always there: `full` is a dense softmax, `uniform` a sampled one without tables.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import slide
from bench.harness.fresh import in_fresh_process
from bench.harness.problems import Scale, settings, stepper
from bench.harness.watchers import Last
from slide.core.contract.backend import Backend

STEPS = (("full", "batch"), ("uniform", "batch"), ("lsh", "batch"), ("uniform", "example"),
         ("lsh", "example"))  # fmt: skip
"""Sampler and scope; `full` with a set for each example computes the same, only slower."""

RUNS = (("full", "batch", 2000), ("uniform", "batch", 2000), ("lsh", "batch", 2000),
        ("uniform", "example", 500), ("lsh", "example", 500))  # fmt: skip
"""Sampler, scope, and neurons proposed beside the labels."""


def outcome(trainer: slide.Trainer, model: slide.Model, test: slide.Dataset) -> dict[str, Any]:
    """What a run took and what it bought."""
    assert isinstance(trainer.watcher, Last)
    record, seconds = trainer.watcher.record, trainer.seconds
    split = sorted(record["seconds_by_kernel"].items(), key=lambda item: -item[1])[:4]
    return {
        "P@1 %": 100 * model.evaluate(test)["precision_at_1"],
        "epochs": record["epoch"],
        "examples/s": trainer.examples / seconds,
        "ms a step": 1000 * seconds / trainer.step,
        "active": record["mean_active"],
        "kernels": ", ".join(f"{name} {100 * spent / seconds:.0f} %" for name, spent in split),
    }


@pytest.mark.benchmark(group="Training runs")
@pytest.mark.parametrize(("sampler", "scope", "proposed"), RUNS)
def bench_run_on_demo(
    timed: Callable[..., Any],
    benchmark: Any,
    backend: Backend,
    demo: slide.data.Demo,
    scale: Scale,
    sampler: str,
    scope: str,
    proposed: int,
) -> None:
    chosen = {"epochs": scale.epochs, "sampler": sampler, "scope": scope, "active": proposed}
    config = slide.recipe(demo.train, hidden=(256,), **chosen)
    trainer = slide.Trainer(config, backend, watcher=Last())
    model = timed(trainer.fit, demo.train, rounds=1, data="demo")
    benchmark.extra_info |= outcome(trainer, model, demo.test)


@pytest.mark.benchmark(group="Training runs")
@pytest.mark.parametrize("sampler", ["uniform", "lsh"])
def bench_run_on_data(
    timed: Callable[..., Any],
    benchmark: Any,
    backend: Backend,
    folder: Path | None,
    large: slide.Dataset,
    sampler: str,
) -> None:
    if folder is None:
        pytest.skip("drawn examples have nothing to learn: P@1 would say nothing")
    config = slide.recipe(large, hidden=(256,), epochs=1, sampler=sampler)
    trainer = slide.Trainer(config, backend, watcher=Last())
    notes = {"scope": config.scope, "proposed": config.active, "data": "given"}
    model = timed(trainer.fit, large, rounds=1, **notes)
    benchmark.extra_info |= outcome(trainer, model, slide.read(folder / "X_test.npz"))


@pytest.mark.benchmark(group="Training steps")
@pytest.mark.parametrize(("sampler", "scope"), STEPS)
def bench_one_step(
    timed: Callable[..., Any],
    backend: Backend,
    large: slide.Dataset,
    scale: Scale,
    sampler: str,
    scope: str,
) -> None:
    step = stepper(settings(sampler, scope), backend, large)
    report = step()  # builds the tables
    notes = {"labels": large.n_labels, "active": report.n_active, "rows": report.touched_rows}
    timed(step, rounds=scale.rounds if sampler == "full" else 4 * scale.rounds, **notes)


@pytest.mark.benchmark(group="Compilation")
@pytest.mark.parametrize("cache", ["empty", "filled"])
def bench_warm_up(
    timed: Callable[..., Any],
    benchmark: Any,
    backend_name: str,
    threads: int,
    scale: Scale,
    tmp_path_factory: pytest.TempPathFactory,
    cache: str,
) -> None:
    if cache == "empty" and "--quick" in scale.options:
        pytest.skip("compiling all kernels takes longer than the whole quick run")
    kept = tmp_path_factory.mktemp("cache") if cache == "empty" else None
    seen = timed(partial(in_fresh_process, cache=kept), backend_name, threads, rounds=1)
    benchmark.extra_info |= {"s before the first step": seen["seconds_compile"]}
