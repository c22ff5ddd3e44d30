"""Where a shard takes training examples from when a run begins: a data folder, or who has them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block
from slide.core.examples.dataset import Dataset
from slide.core.examples.mapped import Mapped
from slide.distributed.ranges import Range


@dataclass(frozen=True, slots=True)
class Part(Dataset):
    """Examples with some of their labels alone.

    Args:
        keys: u64 (n_samples,), of the examples with all their labels.
    """

    keys: Array = field(default_factory=lambda: np.zeros(0, np.uint64))

    def row_keys(self) -> Array:
        """See `Dataset`; the order of examples is that of all their labels."""
        return self.keys


@dataclass(frozen=True, slots=True)
class Source:
    """The training set, as it is told to a shard.

    Args:
        folder: of data that every machine sees by this name; None where it is not in one.
        x, y, weights, keys: of the examples otherwise.
    """

    folder: Path | None = None
    x: CSR | Block | None = None
    y: CSR | None = None
    weights: Array | None = None
    keys: Array | None = None

    @classmethod
    def of(cls, train: Dataset) -> Source:
        """By its folder, if it is in one as it is."""
        if isinstance(train, Mapped) and train.folder is not None:
            return cls(train.folder.resolve())
        return cls(None, train.x, train.y, train.weights, train.row_keys())

    def part(self, labels: Range) -> Dataset:
        """The examples with these labels, numbered from 0."""
        from slide.data.folders import open_folder

        if self.folder is not None:
            data = open_folder(self.folder)
            y = labels.columns_of(data.y)
            return replace(data, y=y, left_out=None, label_names=None, feature_names=None)
        assert self.x is not None
        assert self.y is not None
        assert self.keys is not None
        return Part(self.x, labels.columns_of(self.y), weights=self.weights, keys=self.keys)
