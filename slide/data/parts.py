"""A file's examples in parts, so that whoever keeps them elsewhere need not hold them all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.examples.dataset import Dataset
from slide.data.called import Called
from slide.data.source import Place

ROWS_AT_A_TIME = 1 << 14  # of examples that are in memory


class Part(NamedTuple):
    """Some examples, and the place in the file behind them; None where it has none."""

    examples: Dataset
    end: Place | None


def nothing(dataset: Dataset) -> None:
    """What most files have to say when all of their examples are known."""


def nameless() -> Called:
    """What columns of most files are called."""
    return Called()


@dataclass(frozen=True, slots=True)
class Parts:
    """The examples of a file.

    Args:
        parts: one after the other, once only; the numbers of columns of a part are of no account.
        n_features, n_labels: the least sizes of the whole, which grow by what is seen.
        conclude: is told the whole, warns and refuses.
        called: what columns are called, as soon as all parts are there.
    """

    parts: Iterator[Part]
    n_features: int = 0
    n_labels: int = 0
    conclude: Callable[[Dataset], None] = nothing
    called: Callable[[], Called] = nameless

    def whole(self) -> Dataset:
        """All examples, in memory."""
        parts = [part.examples for part in self.parts]
        x = _stacked([part.features for part in parts], self.n_features)
        y = _stacked([part.y for part in parts], self.n_labels)
        dataset = Dataset(x, y, _left_out(parts, y.n_cols), *self.called())
        self.conclude(dataset)
        return dataset


def _left_out(parts: list[Dataset], n_labels: int) -> CSR | None:
    """Pairs that are left out, if the file has such."""
    found = [part.left_out for part in parts if part.left_out is not None]
    return CSR.stack(found, n_labels) if found else None


def _stacked(parts: list[CSR], n_cols: int) -> CSR:
    n_cols = max([n_cols, *(highest(part) + 1 for part in parts)])
    return CSR.stack(parts or [CSR.empty(0, n_cols)], n_cols)


def parts_of(dataset: Dataset) -> Parts:
    """The parts of examples that are in memory."""
    sizes = dataset.n_features, dataset.n_labels
    return Parts(_slices(dataset), *sizes, called=lambda: Called.of(dataset))


def _slices(dataset: Dataset) -> Iterator[Part]:
    for begin in range(0, dataset.n_samples, ROWS_AT_A_TIME):
        rows = np.arange(begin, min(begin + ROWS_AT_A_TIME, dataset.n_samples))
        yield Part(dataset.take(rows), None)


def highest(matrix: CSR) -> int:
    """The highest column with an entry; -1 if there is none."""
    return int(matrix.indices.max(initial=-1))


def lowest(matrix: CSR) -> int:
    """The lowest column with an entry; n_cols if there is none."""
    return int(matrix.indices.min(initial=matrix.n_cols))


def filled_rows(dataset: Dataset) -> Array:
    """The examples that have a feature or a label, i64, ascending."""
    lengths = dataset.features.row_lengths() + dataset.y.row_lengths()
    return np.flatnonzero(lengths)
