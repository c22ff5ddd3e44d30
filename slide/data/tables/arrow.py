"""Parquet and Arrow, whose columns have types, in record batches: by pyarrow.

Arrow is an IPC file, as Feather 2 is, or an IPC stream. Files are mapped into memory, unless they
are compressed as a whole. What a batch says of itself is checked before it is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from slide.core.errors import DataError, reason_of
from slide.data.source import Source
from slide.data.tables.row import ROWS_AT_A_TIME, Batch, Row, Wanted, chosen, no_column

PARQUET, ARROW = "Parquet", "Arrow"
OF_FILE, OF_STREAM = b"ARROW1", b"\xff\xff\xff\xff"
MAGICS = {b"PAR1": PARQUET, OF_FILE: ARROW, OF_STREAM: ARROW, b"FEA1": ARROW}


class Piece(NamedTuple):
    """Some rows as a `pyarrow.RecordBatch`, and the share of the file that was read by then."""

    batch: Any
    share: float


def kind_of(head: bytes) -> str | None:
    """What a file is that begins so: Parquet, Arrow, or neither."""
    return next((kind for magic, kind in MAGICS.items() if head.startswith(magic)), None)


class Arrow:
    """A file of Parquet or Arrow.

    Args:
        source: the file.
        kind: what its name says; its first bytes are believed more.
    """

    has_types = True

    def __init__(self, source: Source, kind: str) -> None:
        self.source, self.kind = source, kind_of(source.head) or kind

    @cached_property
    def _found(self) -> Path | Any:
        """The file, or all of it where it comes once or is compressed as a whole."""
        found = self.source.seekable()
        return found if isinstance(found, Path) else found.read()

    def rows(self, columns: Wanted) -> Iterator[Row]:
        """See `Table`."""
        for batch in self.batches(columns):
            yield from batch.rows()

    def batches(self, columns: Wanted) -> Iterator[Batch]:
        """See `Table`."""
        number = 1
        with self.refusing():  # names may be no text
            there = self.schema().names
        columns = chosen(columns, there)
        for name in columns:
            if name not in there:
                raise DataError(no_column(name, there), self.source.name)
            refuse_repeated(name, there, self.source)
        wanted = list(dict.fromkeys(columns))
        for piece in self.pieces(wanted, ROWS_AT_A_TIME):
            with self.refusing():  # so may those within structs
                values = {name: values_of(piece.batch.column(name)) for name in wanted}
            yield Batch([values[name] for name in columns], self.source.name, None, number)
            number += piece.batch.num_rows

    def schema(self) -> Any:
        """Names and types of the columns, a `pyarrow.Schema`.

        Raises:
            DataError: the file is damaged, or pyarrow is not installed.
        """
        with self.refusing():
            return self._parquet().schema_arrow if self.kind == PARQUET else self._arrow()[1].schema

    def pieces(self, columns: Sequence[str], n_rows: int, n_skipped: int = 0) -> Iterator[Piece]:
        """The rows of some columns.

        Args:
            columns: names that the schema has once.
            n_rows: rows of a piece, at most.
            n_skipped: rows at the beginning to leave out.

        Raises:
            DataError: the file is damaged.
        """
        if self.kind == PARQUET:
            n_skipped, found = self._of_parquet(columns, n_rows, n_skipped)
        else:
            found = self._of_arrow(columns)
        while True:
            with self.refusing():
                piece = next(found, None)
                if piece is None:
                    return
                piece.batch.validate(full=True)
            n = piece.batch.num_rows
            for begin in range(min(n, n_skipped), n, n_rows):
                yield piece._replace(batch=piece.batch.slice(begin, n_rows))
            n_skipped -= min(n, n_skipped)

    def _of_parquet(
        self, columns: Sequence[str], n_rows: int, n_skipped: int
    ) -> tuple[int, Iterator[Piece]]:
        """Batches of the row groups that are wanted, and how many rows of them to leave out."""
        with self.refusing():
            file = self._parquet()
            told, first, n_before = file.metadata, 0, 0
            sizes = [told.row_group(i).num_rows for i in range(told.num_row_groups)]
        while first < len(sizes) and n_before + sizes[first] <= n_skipped:
            n_before += sizes[first]
            first += 1

        def found() -> Iterator[Piece]:
            n, groups = n_before, list(range(first, len(sizes)))
            for batch in file.iter_batches(n_rows, groups, list(columns)) if groups else ():
                n += batch.num_rows
                yield Piece(batch, n / max(told.num_rows, n, 1))

        return n_skipped - n_before, found()

    def _of_arrow(self, columns: Sequence[str]) -> Iterator[Piece]:
        """Batches as they are in the file: pyarrow would copy what it is told to choose from."""
        file, reader = self._arrow()
        n_bytes, wanted = max(file.size(), 1), list(columns)
        if self.source.head.startswith(OF_FILE):
            n_batches = reader.num_record_batches
            for number in range(n_batches):
                yield Piece(reader.get_batch(number).select(wanted), (number + 1) / n_batches)
        else:
            for batch in reader:
                yield Piece(batch.select(wanted), file.tell() / n_bytes)

    def _parquet(self) -> Any:
        from pyarrow import BufferReader
        from pyarrow.parquet import ParquetFile

        file = self._found if isinstance(self._found, Path) else BufferReader(self._found)
        return ParquetFile(file, memory_map=True)  # which otherwise reads row groups as a whole

    def _arrow(self) -> tuple[Any, Any]:
        """The file, and what reads batches from it."""
        from pyarrow import BufferReader, ipc, memory_map

        if self.source.head.startswith(b"FEA1"):
            raise DataError("Feather version 1, expected 2: write the file again", self.source.name)
        is_file = isinstance(self._found, Path)
        file = memory_map(str(self._found)) if is_file else BufferReader(self._found)
        opened = ipc.open_file if self.source.head.startswith(OF_FILE) else ipc.open_stream
        return file, opened(file)

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Say of whatever pyarrow raises that the file is damaged: it has a dozen kinds."""
        try:
            yield
        except DataError:
            raise
        except ImportError:
            raise DataError(
                f"{self.kind} needs pyarrow, which is not installed: "
                "pip install 'slide-engine[text]', or write JSON lines",
                self.source.name,
            ) from None
        except Exception as error:
            kind = f"no {self.kind} file, or a damaged one ({reason_of(error)})"
            raise DataError(f"{kind}: write or fetch it again", self.source.name) from None


def values_of(column: Any) -> list[Any]:
    """The values of a column as Python has them; by NumPy, where it has the same ones."""
    from pyarrow import float64, large_string, string, types

    kind = column.type
    is_plain = types.is_integer(kind) or kind in (float64(), string(), large_string())
    if is_plain and not column.null_count:
        values: list[Any] = column.to_numpy(zero_copy_only=False).tolist()
    else:
        values = column.to_pylist()
    return values


def refuse_repeated(name: str, there: Sequence[str], source: Source) -> None:
    """Raise DataError if several columns have this name."""
    n = list(there).count(name)
    if n > 1:
        raise DataError(f"{n} columns are called {name!r}: rename all but one", source.name)
