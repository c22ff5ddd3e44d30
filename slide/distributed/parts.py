"""Which examples a worker has: every n-th one of an order that the examples' contents decide.

Runs of neighbours in a file would be parts of one kind where the file is sorted, by time or by
label: none of them would be a sample of the whole. The canonical order is one of hashes, so that
its n-th examples are such a sample; equal examples, neighbours in it, go to different parts; and
parts do not depend on the order of the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.errors import ConfigError
from slide.core.examples.dataset import Dataset
from slide.core.examples.mapped import Mapped
from slide.core.settings.demands import demand_int
from slide.data.folders.opening import open_folder

MOST = 4096  # workers


@dataclass(frozen=True, slots=True)
class Part:
    """What is to be read by one of several workers.

    Args:
        source: the examples of the part; or a data folder with those of all parts, which every
            machine sees by this name, and of which the worker reads its own.
        number: of the worker, from 0.
        n_parts: workers.
    """

    source: Dataset | Path
    number: int
    n_parts: int

    def read(self) -> Dataset:
        """The examples, in memory.

        Raises:
            DataError: the folder is missing or damaged.
        """
        if isinstance(self.source, Dataset):
            return self.source
        whole = open_folder(self.source)
        return whole.take(dealt(whole, self.n_parts)[self.number])


def dealt(data: Dataset, n_parts: int) -> list[Array]:
    """The rows of each part, i64, ascending: parts differ by one example at most."""
    order = data.canonical_order()
    return [np.sort(order[number::n_parts]) for number in range(n_parts)]


def parts_of(data: Dataset, n_parts: int) -> list[Part]:
    """The part of each worker: its examples, or where they are if they are on disk.

    Raises:
        ConfigError: there are fewer examples than parts.
    """
    demand_int("the number of workers", n_parts, 1, MOST)
    if data.n_samples < n_parts:
        raise ConfigError(
            f"{n_parts} workers for {data.n_samples} examples: expected an example for each, so "
            "ask for fewer workers"
        )
    if isinstance(data, Mapped) and data.folder is not None:
        return [Part(data.folder.resolve(), number, n_parts) for number in range(n_parts)]
    return [
        Part(data.take(rows), number, n_parts) for number, rows in enumerate(dealt(data, n_parts))
    ]
