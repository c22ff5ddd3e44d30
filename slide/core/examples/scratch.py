"""Large arrays that are made a part at a time: in memory, or in files that nobody else sees.

Examples on disk are trained on by learners that need other arrays as large as they are. Those go to
files without a name, which the operating system removes when nobody has them any more, however the
process ends, and are mapped into memory, read-only.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.backend import Backend
from slide.core.contract.concurrent import concurrently
from slide.core.contract.lists import indptr_of
from slide.core.errors import DataError
from slide.core.examples.dataset import Dataset
from slide.core.examples.mapped import Mapped

ENTRIES_AT_A_TIME = 1 << 19  # of a matrix on disk that are in memory, with all that is made of them
MADE_AT_A_TIME = 1 << 22
"""Of one in memory: each part is large enough for its memory to go back to the system."""


@dataclass(frozen=True, slots=True)
class Scratch:
    """Where large arrays go.

    Args:
        folder: on whose disk there is room for them, if files may be written there; None for
            memory.
    """

    folder: Path | None = None

    @classmethod
    def of(cls, data: Dataset) -> Scratch:
        """Beside examples on disk, and for others in memory."""
        return cls(data.folder if isinstance(data, Mapped) else None)

    def columns(self, parts: Iterable[tuple[Array, ...]]) -> tuple[Array, ...]:
        """The arrays of all parts, one behind the other.

        Args:
            parts: at least one; arrays of one dimension, the same number of them in each.

        Raises:
            DataError: there is no room on the disk, or no files are allowed.
        """
        if self.folder is None:
            return tuple(map(np.concatenate, zip(*parts, strict=True)))
        try:
            return _written(parts, self.folder)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise DataError(
                f"cannot write temporary files for training on this data ({reason}): make room on"
                " its disk, or set TMPDIR to a folder on another one",
                self.folder,
            ) from None

    def stacked(self, parts: Iterable[CSR], n_cols: int) -> CSR:
        """The rows of matrices, one below the other.

        Args:
            parts: at least one.
            n_cols: of the result.
        """
        lengths = list[Array]()

        def entries() -> Iterator[tuple[Array, Array]]:
            for part in parts:
                lengths.append(part.row_lengths())
                yield part.indices, part.values

        indices, values = self.columns(entries())
        return CSR(indptr_of(np.concatenate(lengths)), indices, values, n_cols)

    def made_of(self, x: CSR, made: Callable[[CSR], CSR], n_cols: int) -> CSR:
        """A matrix of which each row is made of the same row of another one.

        Args:
            x: the other one; as a whole, unless it is on disk.
            made: rows of the result.
            n_cols: of the result.
        """
        if self.folder is None:
            return made(x)
        return self.stacked((made(x.take(rows)) for rows in row_runs(x)), n_cols)


MEMORY = Scratch()


def row_runs(x: CSR) -> Iterator[Array]:
    """All rows, in runs of few entries; there is one run at least."""
    for rows in few_at_a_time(x.indptr, ENTRIES_AT_A_TIME):
        yield np.arange(rows.start, rows.stop)


def by_rows(backend: Backend, made: Callable[..., CSR], *matrices: CSR) -> CSR:
    """A matrix of which each row is made of the same row of others.

    What that takes for a moment is small beside them: rows of few entries are made at a time, by
    each thread.

    Args:
        backend: whose threads make them.
        made: some rows of the result, of those of the others.
        matrices: on the host; one at least, and as many rows in each.
    """
    runs = few_at_a_time(matrices[0].indptr, MADE_AT_A_TIME)
    calls = [partial(made, *(rows_of(matrix, some) for matrix in matrices)) for some in runs]
    parts = concurrently(backend, calls)
    return CSR.stack(parts, parts[0].n_cols)


def rows_of(matrix: CSR, some: slice) -> CSR:
    """Some rows, as views."""
    indptr = matrix.indptr[some.start : some.stop + 1]
    entries = slice(indptr[0], indptr[-1])
    part = replace(matrix, indices=matrix.indices[entries], values=matrix.values[entries])
    return replace(part, indptr=indptr - indptr[0])


def few_at_a_time(bounds: Array, most: int) -> Iterator[slice]:
    """Runs of things that have few entries together, or are one; there is one run at least.

    Args:
        bounds: i64 (n + 1,), not decreasing: entries before each of n things, and of all.
        most: entries of a run.
    """
    start, n = 0, len(bounds) - 1
    while True:
        stop = int(np.searchsorted(bounds, bounds[start] + most, side="right")) - 1
        stop = min(max(stop, start + 1), n)
        yield slice(start, stop)
        start = stop
        if start >= n:
            return


def _written(parts: Iterable[tuple[Array, ...]], folder: Path) -> tuple[Array, ...]:
    """See `Scratch.columns`: in files, mapped."""
    with ExitStack() as stack:
        files = list[IO[bytes]]()
        for part in parts:
            if not files:
                dtypes = [array.dtype for array in part]
                files = [stack.enter_context(_unnamed(folder)) for _ in part]
            for file, array in zip(files, part, strict=True):
                file.write(np.ascontiguousarray(array).view(np.uint8).data if len(array) else b"")
        return tuple(map(_mapped, files, dtypes))


def _unnamed(folder: Path) -> IO[bytes]:
    """A new file without a name: where TMPDIR says, or else in a folder, if it may be there."""
    try:
        return tempfile.TemporaryFile(dir=os.environ.get("TMPDIR", folder))
    except OSError:
        return tempfile.TemporaryFile()


def _mapped(file: IO[bytes], dtype: np.dtype[np.generic]) -> Array:
    """The numbers that were written, read-only."""
    n = file.tell() // dtype.itemsize
    file.flush()
    return np.asarray(np.memmap(file, dtype, "r", 0, (n,))) if n else np.zeros(0, dtype)
