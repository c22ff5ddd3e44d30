"""What a step of direct connections computes, and how long the lists are that it reads."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle
from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.backend import Backend
from slide.core.direct.kind import most_connections
from slide.core.direct.run import DirectRun
from slide.core.examples.dataset import Dataset
from slide.core.learner import StepReport
from slide.core.settings.settings import Settings
from slide.distributed.planning.clocking import LARGER, batches, core_seconds, taking
from slide.distributed.planning.counts import DIRECT, Counts, Lists, Work, stepping_of
from slide.distributed.planning.rates import NOTHING, Phase, Rates, line_through
from slide.distributed.questions import best, cuts
from slide.distributed.ranges import Range
from slide.distributed.talking import Talk

BINS = 64  # of list lengths that are told apart
PART = 8  # one of so many labels is indexed by itself, to see what fewer labels save


def measured_connections(
    config: Settings[Any], counts: Counts, whole: Dataset, sample: Dataset, backend: Backend
) -> tuple[Work, Rates]:
    """What is to be trained, and what a step takes on one core (see `measured`)."""
    run = DirectRun.begin(config, backend, sample)
    rebuild = core_seconds(lambda: index_of(run, 1))
    run.refresh()
    work = work_of(config, counts, whole, run)
    keeping, entry = line_through(*(search(run, work, part) for part in (1, PART)))
    small, large = work.batch_size, LARGER * work.batch_size
    asking = keeping + entries(work, 1) * entry
    steps = {n: stepping(run, n) - n * asking for n in (1, small, large)}
    overhead = max(steps[1], 0.0)
    pairs = Phase.through(
        *((n * work.products_per_example, max(steps[n] - overhead, 0.0)) for n in (small, large))
    )
    rates = Rates(
        take=Phase.through(*((n, taking(run, n)) for n in (small, large))),
        layers=NOTHING,
        ask=Phase(overhead, keeping),
        entry_seconds=entry,
        pairs=pairs,
        rebuild_label_seconds=rebuild / run.connections.n_labels,
        merge_seconds=merging(backend, small, config.training.active),
        cut_seconds=cutting(backend, config.learner.list_limit),
        source=f"measured on one core, on {sample.n_samples:,} examples",
    )
    return work, rates


def work_of(config: Settings[Any], counts: Counts, whole: Dataset, run: DirectRun) -> Work:
    """What is to be trained: connections are counted if the sample is all, else bounded."""
    weight, n = run.connections.param.weight, counts.n_labels
    is_all = run.data.n_samples == whole.n_samples
    connections = weight.nnz / n if is_all else most_connections(config, whole) / n
    sample = run.data.take(run.order).features
    lengths = weight.column_counts()[:-1]
    return Work(
        counts,
        sample.n_cols,
        sample.nnz / max(sample.n_rows, 1),
        DIRECT,
        **stepping_of(config),
        connections_per_label=connections,
        list_limit=config.learner.list_limit,
        lists=lists_of(lengths / n, sample.column_counts()),
        n_long_lists=int((lengths > config.learner.list_limit).sum()),
    )


def lists_of(lengths: Array, asked: Array) -> Lists:
    """Lists by their length, in BINS of as many questions each; the constant input asks none.

    Args:
        lengths: f64 (n_inputs,), of the list of each input, over the number of labels.
        asked: i64 (n_inputs + 1,), how often examples ask for it; for the constant one at last.
    """
    order = np.argsort(lengths, kind="stable")
    lengths, shares = lengths[order], asked[:-1][order] / asked.sum()
    bins = np.minimum((np.cumsum(shares) * BINS).astype(np.int64), BINS - 1)
    totals = np.bincount(bins, shares, BINS)
    means = np.bincount(bins, shares * lengths, BINS) / np.maximum(totals, 1e-300)
    kept = totals > 0
    return Lists(
        (*totals[kept].tolist(), float(asked[-1] / asked.sum())), (*means[kept].tolist(), 0.0)
    )


def entries(work: Work, part: int) -> float:
    """Entries that a search reads for an example, if one of `part` labels is indexed."""
    per_feature = work.lists.entries_per_feature(work.counts.n_labels / part, work.list_limit)
    return work.inputs_per_example * per_feature


def index_of(run: DirectRun, part: int) -> Any:
    """The index of every `part`-th label."""
    weight, bias = run.connections.param.weight, run.connections.bias
    rows = np.arange(0, weight.n_rows, part)
    some = weight if part == 1 else weight.take(rows)
    limit = run.settings.learner.list_limit
    return run.backend.invert(some, bias[rows], limit).without_last()


def search(run: DirectRun, work: Work, part: int) -> tuple[float, float]:
    """Entries read for an example where every `part`-th label is indexed, and core-seconds."""
    index = index_of(run, part)
    xs = [batch.features for batch in batches(run, work.batch_size)]
    nobody = CSR.empty(xs[0].n_rows, len(index.base))
    k, turns = min(work.active, len(index.base)), cycle(xs)
    seconds = core_seconds(lambda: run.backend.search(index, next(turns), nobody, k))
    return entries(work, part), seconds / xs[0].n_rows


def stepping(run: DirectRun, size: int) -> float:
    """Core-seconds of a step on so many examples, as a shard takes it, with the index as it is."""
    turns, lr = cycle(list(batches(run, size))), run.settings.steps.lr
    talk, labels = Talk(), Range(0, run.connections.n_labels)

    def step() -> StepReport:
        batch = next(turns)
        return run.train_on(replace(batch, y=labels.columns_of(batch.y)), lr)

    return core_seconds(lambda: talk.begin(step))


def merging(backend: Backend, size: int, k: int) -> float:
    """Core-seconds of a score that is compared, of two shards' k best of each example."""
    scores = -np.sort(-np.random.default_rng(0).random((2, size, k), np.float32))
    return core_seconds(lambda: best(backend, [*scores])) / scores.size


def cutting(backend: Backend, limit: int) -> float:
    """Core-seconds of a list that is cut, of each of two shards that have so many entries of it."""
    n_lists = 100
    offsets = [limit * np.arange(n_lists + 1)] * 2
    scores = np.random.default_rng(0).random((2, limit * n_lists), np.float32)
    return core_seconds(lambda: cuts(backend, offsets, [*scores], [limit] * 2)) / (2 * n_lists)
