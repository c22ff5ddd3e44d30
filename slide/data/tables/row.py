"""A row of a table, and what every format of tables has."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, repeat
from pathlib import Path
from typing import Any, Protocol, TypeVar

from slide.core.errors import DataError

Wanted = Sequence[str] | Callable[[Sequence[str]], Sequence[str]]
"""Names of columns, or what chooses them among those that a file has."""
Item = TypeVar("Item")
ROWS_AT_A_TIME = 1024
N_LISTED = 8
N_COMPARED = 1000  # columns that a wrong name is compared with: more take seconds


@dataclass(frozen=True, slots=True)
class Row:
    """The values of the columns that were asked for, in that order.

    Args:
        values: as the format has them.
        path: of the file.
        line: 1-based, where the row begins; None where the file has no lines.
        number: 1-based, among the rows.
    """

    values: Sequence[Any]
    path: Path
    line: int | None
    number: int

    def error(self, sentence: str) -> DataError:
        """The error to raise for something in this row."""
        where = sentence if self.line is not None else f"row {self.number}: {sentence}"
        return DataError(where, self.path, self.line)


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that follow each other, column by column.

    Args:
        columns: of those that were asked for, in that order: as many values as there are rows.
        path: of the file.
        lines: 1-based, where each row begins; None where the file has no lines.
        first: the number of the first row, 1-based.
    """

    columns: Sequence[Sequence[Any]]
    path: Path
    lines: Sequence[int] | None
    first: int

    def rows(self) -> Iterator[Row]:
        """The same, row by row."""
        lines = repeat(None) if self.lines is None else self.lines
        values = zip(*self.columns, strict=True)
        for number, (line, row) in enumerate(zip(lines, values, strict=False), self.first):
            yield Row(row, self.path, line, number)


class Table(Protocol):
    """A file with columns."""

    @property
    def has_types(self) -> bool:
        """Whether values are numbers, lists and text, and not text alone."""

    def rows(self, columns: Wanted) -> Iterator[Row]:
        """Rows, in the order of the file, once.

        Raises:
            DataError: the file is damaged, or has no such column.
        """

    def batches(self, columns: Wanted) -> Iterator[Batch]:
        """The same rows, many at once; those before one that is damaged come before the error."""


def until_refused(
    items: Iterator[Item], n: int, *kinds: type[Exception]
) -> tuple[list[Item], Exception | None]:
    """The next n items, fewer at the end, and what stopped them if it is of these kinds."""
    found: list[Item] = []
    try:
        for item in islice(items, n):
            found.append(item)
    except kinds as error:
        return found, error
    return found, None


def chosen(columns: Wanted, there: Sequence[str]) -> Sequence[str]:
    """The columns that are wanted of those that a file has."""
    return columns(there) if callable(columns) else columns


def no_column(name: str, columns: Iterable[str]) -> str:
    """What is said where there is no column of this name."""
    there = list(columns)
    similar = [each for each in there[:N_COMPARED] if len(each) <= 2 * len(name)]
    near = difflib.get_close_matches(name, similar, 1)
    meant = f", did you mean {near[0]!r}?" if near else ""
    listed = ", ".join(map(told, there[:N_LISTED])) + (", ..." if len(there) > N_LISTED else "")
    remedy = "; name one of these" if there else ""
    return f"there is no column {name!r}{meant or ':'} it has {listed or 'none'}{remedy}"


def refuse_halves(row: Row, name: str, value: str) -> None:
    """Raise DataError if text has half a character, which JSON can spell."""
    if value.isascii():
        return
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise row.error(
            f"{name!r} has half of a character ({value[error.start]!r}, a lone surrogate) at place "
            f"{error.start + 1}: mend the text"
        ) from None


def told(value: Any) -> str:
    """A value in a sentence."""
    if value is None:
        return "null"
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
