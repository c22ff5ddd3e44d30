"""Examples that embeddings are trained on, and what a step on some of them needs beside vectors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.direct.embedding_rows import summed
from slide.core.direct.embeddings import Trails
from slide.core.examples.dataset import Dataset

FEWEST_STEPS = 400  # of a pass, where batches are not the smallest
SMALLEST, LARGEST = 32, 512  # batches
PART = 256  # examples of a batch that are worked on by one thread
SPAN = 1024  # vectors that one thread moves


@dataclass(frozen=True, slots=True)
class Followed:
    """Examples, and what they are followed by.

    Args:
        trails: their items.
        labels: i32 (n,), the item that comes next.
        weights: f32 (n,), what each counts for; None if all count alike.
    """

    trails: Trails
    labels: Array
    weights: Array | None

    @classmethod
    def of(cls, data: Dataset) -> Followed:
        """One for each label of an example."""
        y = data.y.positive()
        rows = y.row_numbers()
        weights = None if data.weights is None else data.weights[rows]
        return cls(Trails.of(data.features, data.n_labels).take(rows), y.indices, weights)

    def take(self, rows: Array) -> Followed:
        """Some of them."""
        weights = None if self.weights is None else self.weights[rows]
        return Followed(self.trails.take(rows), self.labels[rows], weights)

    @property
    def batch_size(self) -> int:
        """Small batches of few examples."""
        return min(max(len(self.labels) // FEWEST_STEPS, SMALLEST), LARGEST)

    def parts(self, size: int) -> Iterator[Followed]:
        """Runs of so many of them, as views."""
        for begin in range(0, len(self.labels), size):
            end = min(begin + size, len(self.labels))
            weights = None if self.weights is None else self.weights[begin:end]
            yield Followed(self.trails.part(begin, end), self.labels[begin:end], weights)


@dataclass(frozen=True, slots=True)
class Batch:
    """Some examples with the labels that are drawn for them, in parts.

    A part needs the vectors of its items, of its labels, and of all that are drawn, in this order:
    these of one part after the other are the entries of the batch.

    Args:
        parts: of PART examples each, but the last.
        n_pooled: of the examples, those that have items.
        drawn: i32 (NEGATIVES,), the labels.
        touched: i64 (k,), labels whose vectors are needed, ascending.
        entries: i64 (e,), those of the first one of `touched`, those of the next, and so on.
        bounds: i64 (k + 1,), where those of each begin in `entries`, and the last end.
    """

    parts: list[Followed]
    n_pooled: int
    drawn: Array
    touched: Array
    entries: Array
    bounds: Array

    @classmethod
    def of(cls, examples: Followed, drawn: Array) -> Batch:
        """Cut examples, and find the entries of each vector."""
        parts = list(examples.parts(PART))
        needed = [each for part in parts for each in (part.trails.items, part.labels, drawn)]
        n_pooled = int(np.count_nonzero(np.diff(examples.trails.indptr)))
        return cls(parts, n_pooled, drawn, *grouped(np.concatenate(needed)))

    def split(self, entries: Array) -> Iterator[Array]:
        """What there is of all entries, (e, DIM), as views of the parts."""
        begin = 0
        for part in self.parts:
            end = begin + len(part.trails.items) + len(part.labels) + len(self.drawn)
            yield entries[begin:end]
            begin = end

    def spans(self) -> Iterator[slice]:
        """All of `touched` in runs."""
        for begin in range(0, len(self.touched), SPAN):
            yield slice(begin, min(begin + SPAN, len(self.touched)))

    def summed(self, slopes: Array, span: slice) -> Array:
        """The sums of what there is of the entries, f32 (e, DIM), of each vector of a span."""
        bounds = self.bounds[span.start : span.stop + 1]
        entries = self.entries[bounds[0] : bounds[-1]]
        ones = np.ones(len(entries), np.float32)
        return summed(slopes, bounds - bounds[0], ones, entries)


def grouped(numbers: Array) -> tuple[Array, Array, Array]:
    """The distinct ones of some numbers, i32 from 0 on, and the places where they are: see `Batch`.

    Several of one number keep their order.
    """
    n = len(numbers)
    ordered, places = np.divmod(np.sort(numbers.astype(np.int64) * n + np.arange(n)), n)
    begins = np.flatnonzero(np.diff(ordered, prepend=-1))
    return ordered[begins], places, np.append(begins, n)
