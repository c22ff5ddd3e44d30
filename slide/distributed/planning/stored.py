"""Bytes that a node holds, as the kinds of learners count their own (`Kind.n_bytes`)."""

from __future__ import annotations

from itertools import pairwise

from slide.distributed.planning.counts import DIRECT, Work

PROCESS = 400e6  # interpreter, compiled kernels and Ray, of coordinator or shard
CONNECTION = 36  # weight, column, square, an entry of the index, and of one that is made anew
SAVED = 20  # of them in a checkpoint: what the index is made of is not
FEATURE = 32  # the weight of an input, and zeros for the kernels
WEIGHT = 12  # with two moments of the optimizer
ENTRY = 8  # an id and a number of an example
PER_EXAMPLE = 40  # where each begins, its key, and two orders of all
ID, OFFSET = 4, 8  # of an entry of a table, and of where a bucket begins
TOTAL = 4  # of a label in a search, on each core


def labels_bytes(work: Work, n_shards: int, cores: float) -> float:
    """Of the labels of one of so many shards: weights with their optimizer, index or tables."""
    n = work.counts.n_labels / n_shards
    if work.learner == DIRECT:
        return n * (work.connections_per_label * CONNECTION + TOTAL * max(cores, 1))
    return n * (work.width + 1) * WEIGHT


def shard_bytes(work: Work, n_shards: int, cores: float) -> float:
    """Of one of so many shards: its labels, what does not depend on them, and the examples.

    Shards choose connections by all examples, which Ray holds once on each node until they have,
    unless they lie in a data folder.
    """
    own = work.n_inputs * FEATURE if work.learner == DIRECT else 0
    return PROCESS + own + labels_bytes(work, n_shards, cores) + examples_bytes(work)


def coordinator_bytes(work: Work) -> float:
    """Of the coordinator: hidden layers, hash tables, the order of the examples, and these."""
    widths = (work.counts.n_features, *work.hidden)
    layers = sum((n + 1) * m * WEIGHT for n, m in pairwise(widths))
    layers += work.n_tables * (work.counts.n_labels * ID + work.n_buckets * OFFSET)
    return PROCESS + layers + work.counts.n_examples * PER_EXAMPLE + examples_bytes(work)


def examples_bytes(work: Work) -> float:
    """Of the examples; 0 where they stay on the disk."""
    counts = work.counts
    if counts.mapped:
        return 0.0
    return counts.n_examples * (counts.features_per_example + counts.labels_per_example) * ENTRY


def checkpoint_bytes(work: Work, n_shards: int) -> float:
    """What a shard writes of itself."""
    n = work.counts.n_labels / n_shards
    if work.learner == DIRECT:
        return n * work.connections_per_label * SAVED
    return labels_bytes(work, n_shards, 1)
