"""Parquet, by pyarrow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from slide.core.errors import DataError
from slide.data.source import Source
from slide.data.tables.row import Row, no_column

ROWS_AT_A_TIME = 1024
MAGIC = b"PAR1"


class Parquet:
    """A Parquet file."""

    has_types = True

    def __init__(self, source: Source) -> None:
        self.source = source

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """See `Table`."""
        file, number = self._opened(), 0
        there = file.schema_arrow.names
        for name in columns:
            if name not in there:
                raise DataError(no_column(name, there), self.source.name)
        wanted = list(dict.fromkeys(columns))
        for batch in self._batches(file, wanted):
            values = {name: batch.column(name).to_pylist() for name in wanted}
            for row in zip(*(values[name] for name in columns), strict=True):
                number += 1
                yield Row(row, self.source.name, None, number)

    def _batches(self, file: Any, columns: list[str]) -> Iterator[Any]:
        batches = file.iter_batches(ROWS_AT_A_TIME, columns=columns)
        while True:
            try:
                yield next(batches)
            except StopIteration:
                return
            except Exception as error:
                raise self._damaged(error) from None

    def _opened(self) -> Any:
        try:
            from pyarrow.parquet import ParquetFile
        except ImportError:
            raise DataError(
                "Parquet needs pyarrow, which is not installed: pip install 'slide-engine[text]', "
                "or write JSON lines",
                self.source.name,
            ) from None
        try:
            return ParquetFile(self.source.seekable())
        except Exception as error:  # pyarrow has a dozen kinds of them
            raise self._damaged(error) from None

    def _damaged(self, error: Exception) -> DataError:
        if isinstance(error, DataError):
            return error
        said = " ".join(str(error).split())
        sentence = f"no Parquet file, or a damaged one ({said}): write or fetch it again"
        return DataError(sentence, self.source.name)
