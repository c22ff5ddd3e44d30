"""What a step of a network with hidden layers computes: by the coordinator, and by shards."""

from __future__ import annotations

from itertools import cycle
from typing import Any, cast

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.contract.backend import Backend
from slide.core.contract.timed import TimedBackend
from slide.core.examples.dataset import Dataset
from slide.core.sampled.kind import most_buckets
from slide.core.sampled.network import input_of
from slide.core.sampled.run import SampledRun
from slide.core.settings.settings import Settings
from slide.distributed.planning.clocking import (
    LARGER,
    batches,
    core_seconds,
    process_seconds,
    taking,
)
from slide.distributed.planning.counts import Counts, Work, stepping_of
from slide.distributed.planning.rates import NOTHING, Phase, Rates

ASKING = "hash", "query"  # kernels that choose who is active, which the coordinator does


def measured_layers(
    config: Settings[Any], counts: Counts, sample: Dataset, backend: Backend
) -> tuple[Work, Rates]:
    """What is to be trained, and what a step takes on one core (see `measured`)."""
    timed = TimedBackend(backend, process_seconds)
    run = SampledRun.begin(config, cast(Backend, timed), sample)
    began = process_seconds()
    run.refresh()
    rebuild = process_seconds() - began
    work = work_of(config, counts)
    sizes = 1, work.batch_size, LARGER * work.batch_size
    in_layers = {n: hidden_layers(run, n) for n in sizes}
    whole, asking = {}, {}
    for n in sizes:
        whole[n], asking[n] = stepping(run, timed, n)
    rest = {n: max(whole[n] - asking[n] - in_layers[n], 0.0) for n in sizes}
    _, *larger = sizes
    rates = Rates(
        take=NOTHING,
        layers=Phase.through(*((n, in_layers[n] + asking[n] + taking(run, n)) for n in larger)),
        ask=Phase(rest[1], 0.0),
        entry_seconds=0.0,
        pairs=Phase.through(
            *((n * work.products_per_example, max(rest[n] - rest[1], 0.0)) for n in larger)
        ),
        rebuild_label_seconds=rebuild / counts.n_labels,
        merge_seconds=adding(work.batch_size, work.width),
        cut_seconds=0.0,
        source=f"measured on one core, on {sample.n_samples:,} examples",
    )
    return work, rates


def work_of(config: Settings[Any], counts: Counts) -> Work:
    """What is to be trained."""
    own, has_tables = config.learner, config.learner.sampling.sampler == "lsh"
    return Work(
        counts,
        counts.n_features + 1,
        counts.features_per_example + 1,
        "sampled",
        **stepping_of(config),
        hidden=own.layers.hidden,
        n_tables=own.hashing.L if has_tables else 0,
        n_buckets=most_buckets(own.hashing) if has_tables else 0,
    )


def stepping(run: SampledRun, timed: TimedBackend, size: int) -> tuple[float, float]:
    """Core-seconds of a step on so many examples, and of its kernels that ask."""
    turns, lr = cycle(list(batches(run, size))), run.settings.steps.lr
    asked: list[float] = []

    def step() -> None:
        before = sum(timed.seconds[name] for name in ASKING)
        run.train_on(next(turns), lr)
        asked.append(sum(timed.seconds[name] for name in ASKING) - before)

    return core_seconds(step), sorted(asked)[len(asked) // 2]


def hidden_layers(run: SampledRun, size: int) -> float:
    """Core-seconds of the hidden layers in a step on so many examples: forth, back, update."""
    turns, backend = cycle(list(batches(run, size))), run.backend

    def forth_and_back() -> None:
        a, passed = input_of(next(turns).x, backend), []
        for layer in run.network.hidden:
            z = layer.forward(backend, a, None)
            passed.append((layer, a, z))
            a = z.with_values(np.maximum(z.values, 0)).with_constant()
        for number, (layer, inputs, z) in enumerate(passed):
            none = z.with_values(np.zeros_like(z.values))
            if number:
                layer.input_gradient(backend, inputs, none)
            run.updates.apply(number, layer, layer.gradient(backend, inputs, none))

    run.updates.begin(run.settings.steps.lr)
    return core_seconds(forth_and_back)


def adding(size: int, width: int) -> float:
    """Core-seconds of a number of a gradient that is added to that of another shard."""
    one, other = (np.ones((size, width), np.float32) for _ in range(2))

    def add() -> Array:
        total: Array = one + other
        return total

    return core_seconds(add) / one.size
