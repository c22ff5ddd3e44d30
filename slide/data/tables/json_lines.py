"""JSON lines: an object a line, whose fields are the columns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NoReturn

from slide.core.errors import DataError
from slide.data.block import quote
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
from slide.data.tables.text_lines import numbered_lines

BLANKS = " \t\r"


class JsonLines:
    """A file of JSON lines."""

    has_types = True

    def __init__(self, source: Source) -> None:
        self.source = source

    def rows(self, columns: Wanted) -> Iterator[Row]:
        """See `Table`."""
        blank: Row | None = None  # blank lines may stand at the end alone
        for number, line in numbered_lines(self.source):
            row = Row((), self.source.name, number, number)
            if not line.strip(BLANKS):
                blank = blank or row
                continue
            if blank is not None:
                raise blank.error("the line is blank, expected a JSON object: remove it")
            record = self._record(line, row)
            columns = chosen(columns, list(record))
            yield Row([self._field(record, name, row) for name in columns],
                      self.source.name, number, number)  # fmt: skip

    def batches(self, columns: Wanted) -> Iterator[Batch]:
        """See `Table`."""
        rows = self.rows(columns)
        while True:
            found, fault = until_refused(rows, ROWS_AT_A_TIME, DataError)
            if found:
                values = list(zip(*(row.values for row in found), strict=True))
                lines = [row.number for row in found]
                yield Batch(values, self.source.name, lines, found[0].number)
            if fault is not None:
                raise fault
            if len(found) < ROWS_AT_A_TIME:
                return

    def _record(self, line: str, row: Row) -> dict[str, Any]:
        try:
            record = DECODER.decode(line)
        except (ValueError, RecursionError) as error:
            sentence = f"this is no JSON ({error}): {quote(line.strip().encode())}"
            raise row.error(f"{sentence}, expected an object a line") from None
        if not isinstance(record, dict):
            what = "an array" if isinstance(record, list) else f"{quote(line.strip().encode())}"
            raise row.error(
                f"the line is {what}, expected an object such as "
                '{"text": "...", "labels": ["..."]}: put each example on a line of its own'
            )
        return record

    def _field(self, record: dict[str, Any], name: str, row: Row) -> Any:
        try:
            return record[name]
        except KeyError:
            raise row.error(no_column(name, record).replace("column", "field", 1)) from None


def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object, or ValueError if a field is there twice."""
    record = dict(pairs)
    if len(record) < len(pairs):
        names = [name for name, _ in pairs]
        again = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the field {again!r} is there twice")
    return record


def refuse_constant(word: str) -> NoReturn:
    """Raise ValueError at NaN and Infinity, which Python takes for JSON."""
    raise ValueError(f"{word} is no JSON")


DECODER = json.JSONDecoder(object_pairs_hook=distinct, parse_constant=refuse_constant)
