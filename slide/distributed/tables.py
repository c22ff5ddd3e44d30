"""Hash tables that the driver has, of neurons whose weights are in shards."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.contract.backend import Backend
from slide.core.sampled.layer_tables import LayerTables
from slide.core.sampled.mips import RADIUS_RANK, nth_largest
from slide.distributed.group import ShardGroup


class TablesOfShards(LayerTables):
    """Hash tables of rows that shards have.

    Attributes:
        group: the shards.
    """

    __slots__ = ("group",)
    group: ShardGroup

    def rebuild(self, backend: Backend, weight: Array, step: int) -> None:
        """New codes for all neurons; their weights are asked for in the shards."""
        assert self.functions is not None
        group, functions = self.group, self.functions.map(backend.get)
        group.ask("catch_up")
        if self.hashing.center:
            center = np.sum(group.ask("sums"), axis=0) / self.n_neurons
            functions = replace(functions, center=center.astype(np.float32))
        if functions.radius is not None:
            lengths = np.concatenate(group.ask("lengths", functions))
            functions = replace(functions, radius=nth_largest(lengths, RADIUS_RANK))
        codes = np.concatenate(group.ask("codes", functions, None))
        self.functions = functions.map(backend.put)
        n_buckets = functions.family.n_buckets
        self.tables = backend.build(backend.put(codes), n_buckets, step, self.hashing.policy)
        self.built_at = step
        self.moved[:] = False

    def reinsert(self, backend: Backend, weight: Array) -> None:
        """New codes for the neurons that were touched."""
        assert self.functions is not None
        assert self.tables is not None
        group, rows = self.group, np.flatnonzero(self.moved).astype(np.int32)
        group.ask("catch_up")
        codes = np.concatenate(group.ask("codes", self.functions.map(backend.get), rows))
        self.tables = backend.reinsert(self.tables, backend.put(rows), backend.put(codes))
        self.moved[:] = False
