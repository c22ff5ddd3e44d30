"""CSV and TSV: the first line names the columns; fields may be quoted, and lines stand in them."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate, chain, repeat

from slide.core.errors import DataError
from slide.data.source import Source
from slide.data.tables.row import (
    ROWS_AT_A_TIME,
    Batch,
    Row,
    Wanted,
    chosen,
    no_column,
    until_refused,
)
from slide.data.tables.text_lines import text_lines

TEXTS_AT_A_TIME = 16  # of any length


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
        for batch in self._batches(columns, TEXTS_AT_A_TIME):
            yield from batch.rows()

    def batches(self, columns: Wanted) -> Iterator[Batch]:
        """See `Table`."""
        return self._batches(columns, ROWS_AT_A_TIME)

    def _batches(self, columns: Wanted, n_rows: int) -> Iterator[Batch]:
        found = self._records(n_rows)
        _, (header,) = next(found, ([], [[]]))
        places = self._places(header, chosen(columns, header))
        blank, number = None, 1
        for lines, records in found:
            n_whole = 0 if blank else n_of_width(records, len(header))
            if n_whole:
                values = [[record[place] for record in records[:n_whole]] for place in places]
                yield Batch(values, self.source.name, lines[:n_whole], number)
                number += n_whole
            for line, record in zip(lines[n_whole:], records[n_whole:], strict=True):
                if record:
                    raise self._misfit(line, record, header, blank)
                blank = blank or line

    def _records(self, n_rows: int) -> Iterator[tuple[Sequence[int], list[list[str]]]]:
        """The fields of some rows, first of one, then of `n_rows`, and the lines they begin in."""
        reader = csv.reader(text_lines(self.source), delimiter=self.delimiter, strict=True)
        for n in chain([1], repeat(n_rows)):
            line = reader.line_num + 1
            with any_length():
                records, fault = until_refused(reader, n, csv.Error, DataError)
            lines = begins_of(records, line, reader.line_num)
            if records:
                yield lines[:-1], records
            if isinstance(fault, csv.Error):
                sentence = f"the row that begins here is no {self._name} ({fault}): write a quote"
                raise DataError(
                    f'{sentence} within quotes twice ("")', self.source.name, lines[-1]
                ) from None
            if fault is not None:
                raise fault
            if len(records) < n:
                return

    def _misfit(
        self, line: int, record: list[str], header: list[str], blank: int | None
    ) -> DataError:
        """The error to raise for a row that has too few fields, or too many, or is after a blank.

        Args:
            line: where it begins.
            record: its fields.
            header: those of the first line.
            blank: a line before, if it is blank.
        """
        if blank is not None:
            sentence = "the line is blank, expected a row: remove it"
            return DataError(sentence, self.source.name, blank)
        sentence = f"there are {len(record)} fields, expected {len(header)} as in the first line: "
        remedy = 'put what has a comma, a tab or a quote in it between quotes (")'
        return DataError(sentence + remedy, self.source.name, line)

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


def n_of_width(records: list[list[str]], width: int) -> int:
    """How many rows there are before the first with more fields or fewer."""
    widths = list(map(len, records))
    if widths.count(width) == len(records):
        return len(records)
    return next(place for place, each in enumerate(widths) if each != width)


def begins_of(records: list[list[str]], first: int, last: int) -> Sequence[int]:
    """The lines in which rows begin, of which the first has `first`, and the line behind them.

    Args:
        records: their fields, in which lines may end.
        first: 1-based.
        last: that has been read, which is their last one unless a fault came behind it.
    """
    if last - first + 1 == len(records):
        return range(first, last + 2)
    heights = (1 + sum(field.count("\n") for field in record) for record in records)
    return list(accumulate(heights, initial=first))


@contextmanager
def any_length() -> Iterator[None]:
    """Fields of any length, which is a setting of the whole process."""
    before = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    try:
        yield
    finally:
        csv.field_size_limit(before)
