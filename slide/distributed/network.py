"""Weights that shards have, as a network that whoever holds a model may ask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from slide.core.contract.arrays import Array
from slide.distributed.group import ShardGroup
from slide.distributed.ranges import Range


@dataclass(frozen=True, slots=True)
class ShardedNetwork:
    """A network in shards.

    Args:
        group: the shards.
        n_features: of the network.
        labels: of each shard.
        ask: what a method of all shards returns, by those that were lost too.
        shared: weights that belong to no label and that shards do not have, by name.
    """

    group: ShardGroup
    n_features: int
    labels: list[Range]
    ask: Callable[..., list[Any]]
    shared: dict[str, Array] = field(default_factory=dict)

    @property
    def n_labels(self) -> int:
        return self.labels[-1].end
