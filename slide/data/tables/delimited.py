"""CSV and TSV: the first line names the columns; fields may be quoted, and lines stand in them."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from slide.core.errors import DataError
from slide.data.source import Source
from slide.data.tables.row import Row, Wanted, chosen, no_column
from slide.data.tables.text_lines import numbered_lines


class Delimited:
    """A file whose fields stand between commas, or tabs.

    Args:
        source: the file.
        delimiter: between fields.
    """

    has_types = False

    def __init__(self, source: Source, delimiter: str) -> None:
        self.source, self.delimiter = source, delimiter

    def rows(self, columns: Wanted) -> Iterator[Row]:
        """See `Table`."""
        records = self._records()
        _, header = next(records, (1, []))
        places = self._places(header, chosen(columns, header))
        blank = None
        for number, (line, record) in enumerate(records, 1):
            row = Row((), self.source.name, line, number)
            if not record:
                blank = blank or row
                continue
            if blank is not None:
                raise blank.error("the line is blank, expected a row: remove it")
            if len(record) != len(header):
                raise row.error(
                    f"there are {len(record)} fields, expected {len(header)} as in the first line: "
                    'put what has a comma, a tab or a quote in it between quotes (")'
                )
            yield Row([record[place] for place in places], self.source.name, line, number)

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """The fields of each row, and the line where it begins."""
        lines = (line + "\n" for _, line in numbered_lines(self.source))
        reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
        while True:
            line = reader.line_num + 1
            try:
                with any_length():
                    record = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                sentence = f"the row that begins here is no {self._name} ({error}): write a quote"
                raise DataError(
                    f'{sentence} within quotes twice ("")', self.source.name, line
                ) from None
            yield line, record

    @property
    def _name(self) -> str:
        return "TSV" if self.delimiter == "\t" else "CSV"

    def _places(self, header: list[str], columns: Sequence[str]) -> list[int]:
        """Where the columns stand, or DataError."""
        for name in columns:
            n = header.count(name)
            if not n:
                raise DataError(no_column(name, header), self.source.name, 1)
            if n > 1:
                sentence = f"{n} columns are called {name!r}: rename all but one"
                raise DataError(sentence, self.source.name, 1)
        return [header.index(name) for name in columns]


@contextmanager
def any_length() -> Iterator[None]:
    """Fields of any length, which is a setting of the whole process."""
    before = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    try:
        yield
    finally:
        csv.field_size_limit(before)
