"""A matrix in an archive: its row bounds in memory, its entries where they are."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.errors import DataError
from slide.data.block import MAX_COLUMNS
from slide.data.npz.archive import Archive, Member, Numbers
from slide.data.rows import canonical

AGAIN = "write the file again"


@dataclass(frozen=True, slots=True)
class Stored:
    """A CSR whose rows may be unsorted and hold duplicates.

    Args:
        archive: that holds it.
        indptr: i64 (n_rows + 1), the row bounds, which rise from 0 to the number of entries.
        indices: any whole numbers.
        values: any real numbers; None for 1 everywhere.
        n_cols: number of columns.
    """

    archive: Archive
    indptr: Array
    indices: Member
    values: Member | None
    n_cols: int

    @property
    def n_rows(self) -> int:
        return len(self.indptr) - 1

    @property
    def members(self) -> list[Member]:
        return [self.indices, *([] if self.values is None else [self.values])]

    @contextmanager
    def opened(self, row: int) -> Iterator[Entries]:
        """What reads all entries from a row on, with a handle for indices and one for values."""
        with self.archive.opened() as archive, ExitStack() as stack:
            with self.archive.refusing():
                numbers = []
                for member in self.members:
                    file = stack.enter_context(archive.open(member.info))
                    numbers.append(Numbers(file, member))
                    numbers[-1].skip(int(self.indptr[row]))
            yield Entries(self, row, numbers)
            for member in self.members:
                self.archive.was_read(member)


class Entries:
    """The entries of a matrix from a row on, which are read once and in order.

    Args:
        matrix: the matrix.
        row: the next one.
        numbers: indices, and values where there are such.
    """

    def __init__(self, matrix: Stored, row: int, numbers: list[Numbers]) -> None:
        self.matrix, self.row, self.numbers = matrix, row, numbers
        self.bounds: list[int] = []  # lowest and highest index so far

    def rows(self, end: int) -> CSR:
        """The rows before `end` that have not been read, as they are stored.

        Raises:
            DataError: an index is out of range, a value is not finite, or the file is damaged.
        """
        matrix, begin = self.matrix, self.row
        bounds = matrix.indptr[begin : end + 1]
        n = int(bounds[-1] - bounds[0])
        with matrix.archive.refusing():
            found, *given = (each.next(n) for each in self.numbers)
        self._see(found)
        if n and not 0 <= self.bounds[0] <= self.bounds[1] < matrix.n_cols:
            raise self.fault(self._range)
        with np.errstate(over="ignore", invalid="ignore"):
            values = given[0].astype(np.float32) if given else np.ones(n, np.float32)
        if not np.isfinite(values).all():
            sentence = "a value is NaN, infinite, or overflows 32-bit floating point"
            raise self.fault(lambda: f"{sentence}: clean the values and {AGAIN}")
        self.row = end
        indices = found.astype(np.int32)
        return CSR(bounds - bounds[0], indices, values, matrix.n_cols)

    def summed(self, end: int) -> CSR:
        """The same rows in the form of CSR, values of a repeated index summed."""
        rows = canonical(self.rows(end))
        if not np.isfinite(rows.values).all():
            sentence = "values of a repeated feature sum to more than 32-bit floating point holds"
            raise self.fault(lambda: f"{sentence}: give each feature once")
        return rows

    def fault(self, sentence: Callable[[], str]) -> DataError:
        """The error to raise, unless the rest of the matrix shows that the file is damaged."""
        indices, *values = self.numbers
        with self.matrix.archive.refusing():
            for found in indices.rest():
                self._see(found)
            for each in values:
                deque(each.rest(), 0)
        return DataError(sentence(), self.matrix.archive.path)

    def _see(self, indices: Array) -> None:
        if len(indices):
            self.bounds = [min([*self.bounds[:1], indices.min()]),
                           max([*self.bounds[1:], indices.max()])]  # fmt: skip

    def _range(self) -> str:
        low, high = self.bounds
        return f"indices from {low} to {high}, expected 0 to {self.matrix.n_cols - 1}: {AGAIN}"


def stored(
    archive: Archive, indptr: Member, indices: Member, values: Member | None, n_cols: Array
) -> Stored:
    """A matrix of these arrays, of which all is checked but indices and values.

    Args:
        archive: that holds them.
        indptr, indices, values: see `Stored`.
        n_cols: the number of columns, as the file has it.

    Raises:
        DataError: they are no such numbers, or contradict each other.
    """
    fault = _type_fault(indptr.like, indices.like, None if values is None else values.like, n_cols)
    if fault is None:
        bounds = archive.array(indptr.name).astype(np.int64, copy=False)
        n_values = indices.like.size if values is None else values.like.size
        fault = _content_fault(bounds, indices.like.size, n_values, int(n_cols))
    if fault:
        raise DataError(f"{fault}: {AGAIN}", archive.path)
    return Stored(archive, bounds, indices, values, int(n_cols))


def _type_fault(indptr: Array, indices: Array, values: Array | None, n_cols: Array) -> str | None:
    expected = {
        "row bounds": (indptr, "iu", 1),
        "indices": (indices, "iu", 1),
        "values": (values, "biuf", 1),
        "number of columns": (n_cols, "iu", 0),
    }
    for name, (array, kinds, ndim) in expected.items():
        if array is not None and (array.dtype.kind not in kinds or array.ndim != ndim):
            got = f"{array.dtype} with {array.ndim} dimensions"
            return f"the {name} are {got}, expected numbers with {ndim}"
    return None


def _content_fault(indptr: Array, n_indices: int, n_values: int, n_cols: int) -> str | None:
    if not 0 <= n_cols <= MAX_COLUMNS:
        return f"{n_cols} columns, expected 0 to {MAX_COLUMNS}"
    if not (len(indptr) and indptr[0] == 0 and (indptr[1:] >= indptr[:-1]).all()):
        return "the row bounds do not rise from 0"
    if not indptr[-1] == n_indices == n_values:
        counts = f"{n_indices} indices and {n_values} values"
        return f"the row bounds end at {indptr[-1]}, but there are {counts}"
    return None
