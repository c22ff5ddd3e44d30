"""Core-seconds of the parts of a training step, as one core takes them."""

from __future__ import annotations

from dataclasses import dataclass

from slide.distributed.planning.counts import Work


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a step: core-seconds that it takes anyway, and for each of its examples."""

    seconds_per_step: float
    seconds_per_example: float

    def seconds(self, n: float) -> float:
        """Core-seconds of a step on n examples."""
        return self.seconds_per_step + n * self.seconds_per_example

    @classmethod
    def through(cls, one: tuple[float, float], other: tuple[float, float]) -> Phase:
        """Of two measurements (examples, core-seconds)."""
        return cls(*line_through(one, other))


NOTHING = Phase(0.0, 0.0)


def line_through(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """Where the line through two points begins, and its slope; neither is negative."""
    (few, short), (many, long) = sorted((one, other))
    slope = max(long - short, 0.0) / (many - few) if many > few else 0.0
    return max(short - few * slope, 0.0), slope


@dataclass(frozen=True, slots=True)
class Rates:
    """What was measured of a step on one core, so that it can be told for other sizes.

    Args:
        take: by the coordinator: examples of a batch are taken.
        layers: by the coordinator: they are put through hidden layers, forth and back, and hash
            tables are asked.
        ask: by every shard, however few labels it has: calls, and the best that are kept.
        entry_seconds: for each entry of a list of the index that a search reads.
        pairs: on the labels that are active, of all of them: a shard takes its share; not for each
            example, but for each of its products (`Work.products_per_example`).
        rebuild_label_seconds: for each label of a shard, of a rebuild of its index or tables.
        merge_seconds: by the coordinator, for each score of a shard that is compared, or each
            number of a gradient that is added.
        cut_seconds: by the coordinator, for each list that is cut, of each shard, at a rebuild.
        source: where they are from, in words.
    """

    take: Phase
    layers: Phase
    ask: Phase
    entry_seconds: float
    pairs: Phase
    rebuild_label_seconds: float
    merge_seconds: float
    cut_seconds: float
    source: str

    def shard_core_seconds(self, work: Work, n_shards: int) -> float:
        """Core-seconds of a step of one of so many shards, its share of rebuilds included.

        Lists are cut over all shards together, so that a shard reads its share of their entries;
        where shards are loose, each has lists of its own, up to the same limit.
        """
        n, counts = work.batch_size, work.counts
        n_lists_of_shard = 1 if work.loose else n_shards
        n_listed = counts.n_labels * n_lists_of_shard / n_shards
        lists = work.lists.entries_per_feature(n_listed, work.list_limit) / n_lists_of_shard
        reading = n * work.inputs_per_example * lists * self.entry_seconds
        divided = (
            self.pairs.seconds(n * work.products_per_example)
            + counts.n_labels * work.rebuilds_per_step * self.rebuild_label_seconds
        )
        return self.ask.seconds(n) + reading + divided / n_shards

    def merging_core_seconds(self, work: Work, n_shards: int, n_merged: float) -> float:
        """Core-seconds of a step that the coordinator takes while shards wait, but for messages.

        Args:
            work: what is trained.
            n_shards: that there are; one alone has nobody to be compared with.
            n_merged: scores or numbers of a shard that are put together with those of others.
        """
        together = 0.0
        if n_shards > 1 and not work.loose:
            cuts = work.rebuilds_per_step * work.n_long_lists * self.cut_seconds
            together = n_shards * (n_merged * self.merge_seconds + cuts)
        return self.layers.seconds(work.batch_size) + together
