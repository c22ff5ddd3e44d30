"""Batches of examples on disk, read while the step on the batch before them is computed."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from slide.core.contract.arrays import Array
from slide.core.examples.dataset import Dataset
from slide.core.examples.mapped import Mapped


@dataclass(slots=True)
class Ahead:
    """Takes examples, and those that are to be taken next meanwhile.

    Args:
        data: they are taken from.
        reader: a thread that takes those; None where they are in memory, at once.
        next: that were asked of it.
    """

    data: Dataset
    reader: ThreadPoolExecutor | None = None
    next: Future[Dataset] | None = None

    @classmethod
    @contextmanager
    def of(cls, data: Dataset) -> Iterator[Ahead]:
        """For as long as this lasts, with a thread where examples are on disk."""
        if not isinstance(data, Mapped):
            yield cls(data)
            return
        with ThreadPoolExecutor(1, "ahead") as reader:
            yield cls(data, reader)

    def take(self, rows: Array, following: Array) -> Dataset:
        """`Dataset.take` of some rows.

        Args:
            rows: i64; where anything was said to follow, it is these.
            following: i64, what is taken next; may be empty.
        """
        taken = self.data.take(rows) if self.next is None else self.next.result()
        self.next = None
        if self.reader is not None and len(following):
            self.next = self.reader.submit(self.data.take, following)
        return taken
