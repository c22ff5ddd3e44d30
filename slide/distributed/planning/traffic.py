"""What crosses the network in a step of label-sharded training, by the arrays that are sent.

A star: the coordinator sends to every shard and hears from every shard, and all of it crosses its
one link; shards never speak with each other.
"""

from __future__ import annotations

from dataclasses import dataclass

from slide.distributed.planning.counts import DIRECT, Work

ID, FLOAT, OFFSET = 4, 4, 8  # bytes of an i32, an f32 and an i64 (indptr of CSR)
KEPT = ID + OFFSET  # bytes of the bound of a list that is cut, and how many ties are kept


@dataclass(frozen=True, slots=True)
class Traffic:
    """Of a step, with one shard.

    Args:
        bytes_ahead: to it, while the step before computes: the examples of the batch.
        bytes_out: to it in the middle of a step.
        bytes_back: from it.
        rounds: there and back, one after the other.
        n_merged: scores, or numbers, that the coordinator puts together with those of others.
    """

    bytes_ahead: float
    bytes_out: float
    bytes_back: float
    rounds: float
    n_merged: float

    @property
    def n_bytes(self) -> float:
        """All of them."""
        return self.bytes_ahead + self.bytes_out + self.bytes_back


NONE = Traffic(0.0, 0.0, 0.0, 0, 0.0)


def traffic(work: Work, n_shards: int) -> Traffic:
    """Of a step with one of so many shards."""
    return of_direct(work, n_shards) if work.learner == DIRECT else of_hidden(work, n_shards)


def rows_bytes(n: int, per_row: float) -> float:
    """Of a CSR matrix of n rows, whose entries have an id and a value each."""
    return (n + 1) * OFFSET + n * per_row * (ID + FLOAT)


def of_direct(work: Work, n_shards: int) -> Traffic:
    """Inputs and all labels of the batch go out; scores come back, and how many count goes out.

    A shard asks in the middle of a step: it sends the scores of its k best of each example, and is
    told how many of them are among the k best of all. Where an index is rebuilt, shards send how
    long their lists are and the scores of those that are too long over all shards, and are told
    where to cut them. One shard alone asks nothing, nor do loose ones.
    """
    n, k = work.batch_size, min(work.active, work.counts.n_labels)
    batch = rows_bytes(n, work.inputs_per_example) + rows_bytes(n, work.counts.labels_per_example)
    if n_shards == 1 or work.loose:
        return Traffic(batch, 0.0, 0.0, 1, 0.0)
    rebuilds, long_lists = work.rebuilds_per_step, work.n_long_lists
    lengths = ID * work.n_inputs
    scores = long_lists * (OFFSET + work.list_limit * FLOAT)
    return Traffic(
        batch,
        n * ID + rebuilds * long_lists * (OFFSET + KEPT),
        n * k * FLOAT + rebuilds * (lengths + scores),
        2 + 2 * rebuilds,
        n * k,
    )


def of_hidden(work: Work, n_shards: int) -> Traffic:
    """Activations, active labels and labels go out; normalisers, then gradients come back.

    The coordinator has hidden layers and hash tables, and chooses one active set for a batch. Of a
    softmax a shard sends three numbers an example, and is told those of all. Where tables are
    built, shards send the codes of their rows.
    """
    n, width = work.batch_size, work.width + 1
    labels = rows_bytes(n, work.counts.labels_per_example)
    rows, sums, active = n * width * FLOAT, n * 3 * FLOAT, work.active * (ID + FLOAT)
    codes = work.counts.n_labels / n_shards * work.n_tables * ID
    rebuilds = work.rebuilds_per_step if work.n_tables else 0.0
    return Traffic(
        0.0, rows + active + labels + sums, rows + sums + rebuilds * codes, 2 + rebuilds,
        n * (width + 3),
    )  # fmt: skip
