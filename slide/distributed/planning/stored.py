"""Bytes that a node holds, as the kinds of learners count their own (`Kind.n_bytes`)."""

from __future__ import annotations

from slide.distributed.planning.counts import DIRECT, Work

PROCESS = 400e6  # interpreter, compiled kernels and Ray, of coordinator or shard
CONNECTION = 24  # weight, column and square, and an entry of the index and what it is made of
FEATURE = 32  # the weight of an input, and zeros for the kernels
WEIGHT = 12  # with two moments of the optimizer
ENTRY = 8  # an id and a number of an example
PER_EXAMPLE = 40  # where each begins, its key, and two orders of all
TOTAL = 4  # of a label in a search, on each core


def shard_bytes(work: Work, n_shards: int, cores: float) -> float:
    """Of one of so many shards: its labels' weights with their optimizer, index or tables."""
    n = work.counts.n_labels / n_shards
    if work.learner == DIRECT:
        own = n * work.connections_per_label * CONNECTION + work.counts.n_features * FEATURE
        return PROCESS + own + n * TOTAL * max(cores, 1)
    tables = work.n_tables * (n * 4 + work.n_buckets * 8)
    return PROCESS + n * (work.width + 1) * WEIGHT + tables


def coordinator_bytes(work: Work) -> float:
    """Of the coordinator: hidden layers, the order of the examples, and these unless mapped."""
    counts, widths = work.counts, (work.counts.n_features, *work.hidden)
    layers = sum((n + 1) * m * WEIGHT for n, m in zip(widths, widths[1:], strict=False))
    entries = counts.features_per_example + counts.labels_per_example
    held = PER_EXAMPLE + (0.0 if counts.mapped else entries * ENTRY)
    return PROCESS + layers + counts.n_examples * held


def checkpoint_bytes(work: Work, n_shards: int) -> float:
    """What a shard writes of itself: weights, columns and squares, or weights and two moments."""
    n = work.counts.n_labels / n_shards
    if work.learner == DIRECT:
        return n * work.connections_per_label * 12
    return n * (work.width + 1) * WEIGHT
