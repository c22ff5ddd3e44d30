"""What crosses the network in a step of label-sharded training, by the arrays that are sent.

A star: the coordinator sends to every shard and hears from every shard, and all of it crosses its
one link; shards never speak with each other.
"""

from __future__ import annotations

from dataclasses import dataclass

from slide.distributed.planning.counts import DIRECT, Work

ID, FLOAT, OFFSET = 4, 4, 8  # bytes of an i32, an f32 and an i64 (indptr of CSR)


@dataclass(frozen=True, slots=True)
class Traffic:
    """Of a step, with one shard.

    Args:
        bytes_out: from the coordinator.
        bytes_back: to it.
        rounds: there and back, one after the other.
        n_merged: answers, or numbers, that the coordinator puts together with those of others.
    """

    bytes_out: float
    bytes_back: float
    rounds: int
    n_merged: float


NONE = Traffic(0.0, 0.0, 0, 0.0)


def traffic(work: Work, n_shards: int) -> Traffic:
    """Of a step with one of so many shards."""
    return of_direct(work, n_shards) if work.learner == DIRECT else of_hidden(work, n_shards)


def rows_bytes(n: int, per_row: float, entry_bytes: int) -> float:
    """Of a CSR matrix of n rows."""
    return (n + 1) * OFFSET + n * per_row * entry_bytes


def of_direct(work: Work, n_shards: int) -> Traffic:
    """Inputs and own labels go out, each shard's best k come back, its share of the merged go out.

    A report of a few numbers comes back at last; it is as long as a message without arrays.
    """
    n, counts = work.batch_size, work.counts
    inputs = rows_bytes(n, work.inputs_per_example, ID + FLOAT)
    labels = rows_bytes(n, counts.labels_per_example / n_shards, ID)
    merged = rows_bytes(n, work.active / n_shards, ID)
    k = min(work.active, counts.n_labels / n_shards)
    best = n * k * (ID + FLOAT)
    return Traffic(inputs + labels + merged, best, 2, n * k)


def of_hidden(work: Work, n_shards: int) -> Traffic:
    """Activations and labels go out, softmax sums come back; totals go out, gradients come back."""
    n, d = work.batch_size, work.width
    labels = rows_bytes(n, work.counts.labels_per_example / n_shards, ID)
    sums = n * 2 * FLOAT  # the largest logit, and the sum of exponentials below it
    return Traffic(n * d * FLOAT + labels + sums, sums + n * d * FLOAT, 2, n * (d + 2))
