"""Files of sessions: who met which item, and when, from tables of any format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from math import isfinite
from pathlib import Path
from sys import float_info
from typing import Any, NamedTuple

import numpy as np

from slide.core.contract.arguments import items_of, path_of
from slide.core.contract.arrays import Array
from slide.core.errors import ConfigError, DataError, worded
from slide.data.many import files_of
from slide.data.source import Source, Watch, behind, unwatched
from slide.data.streams import refuse_twice
from slide.data.tables import Row, opened
from slide.data.tables.arrow import Arrow
from slide.data.tables.row import Batch, refuse_halves, told

USUAL = {
    "session": ("session", "session_id", "sessionid", "user", "user_id", "userid", "visitorid"),
    "item": ("item", "item_id", "itemid", "product_id", "article_id"),
    "time": ("time", "timestamp", "ts", "eventdate", "date"),
}
"""What columns are called, the first that a file has is taken; of any case."""


class Log(NamedTuple):
    """Events in the order of the files, as `slide.data.sessions(*log)` takes them.

    Args:
        sessions: object (n,), the session of each event, as text.
        items: object (n,), its item, as text.
        times: f64 (n,), numbers as they stand, or seconds since 1970; None where there are none.
    """

    sessions: Array
    items: Array
    times: Array | None


def read_sessions(
    path: str | Path | Sequence[str | Path],
    columns: Sequence[str] | None = None,
    watch: Watch = unwatched,
) -> Log:
    """The events of a log, one a row of a table.

    Args:
        path: CSV, TSV, Parquet or JSON lines, compressed or not, `-` for standard input, a pattern
            of files, or a list of such, which are read as one log.
        columns: what session, item and time are called; two names if there is no time. If None,
            usual names are looked for, whatever their case: session, session_id, user, user_id,
            visitorid; item, item_id, product_id, article_id; time, timestamp, ts, eventdate, date.
        watch: is told how many bytes were read.

    Raises:
        DataError: a file cannot be read, has no such column, an id is empty or of another type, or
            a time is neither a number nor an ISO date or datetime.
        ConfigError: columns are not two or three names.
    """
    log = Events(checked_columns(columns))
    for source in sources_of(path, watch):
        log.read(source)
    return log.whole()


def sources_of(path: str | Path | Sequence[str | Path], watch: Watch) -> Iterator[Source]:
    """The files that are one log, one by one; the watch is told of all together."""
    n_before = 0
    for file in files_in(path):
        source = Source(file, watch=behind(n_before, watch))
        yield source
        n_before += source.n_read


def files_in(path: str | Path | Sequence[str | Path]) -> list[Path]:
    """The files that are one log, or DataError."""
    paths = [path] if isinstance(path, str | Path) else items_of(path, "path", "files")
    files = [each for one in paths for each in files_of(path_of(one, "path"))]
    refuse_twice(*files)
    return files


def checked_columns(
    columns: Sequence[str] | None, meant: tuple[str, ...] = tuple(USUAL)
) -> tuple[str, ...] | None:
    """Names of columns, or ConfigError.

    Args:
        columns: as somebody gave them.
        meant: what they are, the time last, which may be missing.
    """
    if columns is None:
        return None
    names = (columns,) if isinstance(columns, str) else tuple(columns)
    are_names = all(isinstance(name, str) and name for name in names)
    n = len(meant)
    if not are_names or len(names) not in (n - 1, n) or len(set(names)) < len(names):
        what, numbers = worded("columns", "--columns"), ("one", "two", "three", "four")
        raise ConfigError(
            f"{what} is {', '.join(map(str, names))!r}: expected the names of {numbers[n - 2]} or "
            f"{numbers[n - 1]} columns: {listed(meant)}, or {listed(meant[:-1])}"
        )
    return names


class Events:
    """The events that were read so far.

    Args:
        columns: what session, item and time are called; None to look for usual names.
    """

    usual = USUAL

    def __init__(self, columns: tuple[str, ...] | None) -> None:
        self.columns = columns
        self.sessions: list[str] = []
        self.items: list[str] = []
        self.times: list[float] = []
        self.is_dated: bool | None = None  # whether times are dates, known from the first one
        self._met: dict[str | int, str] = {}  # one text for all events that have it

    def read(self, source: Source) -> None:
        """Take all events of a file."""
        table, names = opened(source), list[str]()

        def among(there: Sequence[str]) -> Sequence[str]:
            nonlocal names
            if not names:
                line = None if isinstance(table, Arrow) else 1
                names = [*(self.columns or usual_columns(self.usual, there, source, line))]
                self._refuse_other_width(names, source)
            return names

        for batch in table.batches(among):
            if not self._took(batch):
                self._take_by_row(batch, names)

    def _took(self, batch: Batch) -> bool:
        """Take events column by column, if nothing about them is odd; else none of them."""
        sessions, items, *times = batch.columns
        moments, is_dated = moments_of(times[0]) if times else ([], self.is_dated)
        if moments is None or self.is_dated not in (None, is_dated):
            return False
        if not (self._knows(sessions) and self._knows(items)):
            return False
        self.sessions.extend(map(self._met.__getitem__, sessions))
        self.items.extend(map(self._met.__getitem__, items))
        self.times.extend(moments)
        self.is_dated = is_dated
        return True

    def _knows(self, ids: Sequence[Any]) -> bool:
        """Whether all are ids, whose texts are in `_met` from then on."""
        if not set(map(type, ids)) <= {str, int}:
            return False
        new = set(ids).difference(self._met)
        try:
            "".join(map(str, new)).encode()  # half a character is not encoded
        except UnicodeEncodeError:
            return False
        for each in new:
            text = str(each)
            self._met[each] = self._met.setdefault(text, text)
        return "" not in new

    def _take_by_row(self, batch: Batch, names: Sequence[str]) -> None:
        """Take events until one is refused."""
        for row in batch.rows():
            self._take(row, names)

    def _take(self, row: Row, names: Sequence[str]) -> None:
        """Take an event, or raise DataError."""
        self.sessions.append(self._id(row, names[0], row.values[0]))
        self.items.append(self._id(row, names[1], row.values[1]))
        if len(names) > 2:
            self.times.append(self._time(row, names[2], row.values[2]))

    def whole(self) -> Log:
        """All that was taken."""
        sessions, items = (np.array(ids, object) for ids in (self.sessions, self.items))
        return Log(sessions, items, np.array(self.times) if self.times else None)

    def _refuse_other_width(self, names: Sequence[str], source: Source) -> None:
        """Raise DataError if one file has times and another has none."""
        if self.sessions and bool(self.times) != (len(names) > 2):
            has = (
                "a time, and files before have none" if len(names) > 2 else "no time, and others do"
            )
            raise DataError(f"it has {has}: name two columns to read all without", source.name)

    def _id(self, row: Row, name: str, value: Any) -> str:
        """A session or item as text, or DataError."""
        if type(value) is str and value:
            if value not in self._met:
                refuse_halves(row, name, value)
            return self._met.setdefault(value, value)
        if type(value) is int:
            text = str(value)
            return self._met.setdefault(text, text)
        if value in ("", None):
            raise row.error(f"{name!r} is empty, expected an id: remove the event")
        raise row.error(f"{name!r} is {told(value)}, expected text or a whole number")

    def _time(self, row: Row, name: str, value: Any) -> float:
        """A time as a number, or DataError."""
        moment, is_dated = moment_of(value)
        if moment is None:
            empty = value in ("", None)
            what = f"{name!r} is empty" if empty else f"{name!r} is {told(value)}"
            raise row.error(
                f"{what}, expected a number, or a date such as 2026-11-30 or 2026-11-30T08:15:00"
            )
        if self.is_dated not in (None, is_dated):
            others = "dates" if self.is_dated else "numbers"
            raise row.error(
                f"{name!r} is {told(value)}, but times before are {others}: write one kind"
            )
        self.is_dated = is_dated
        return moment


def moment_of(value: Any) -> tuple[float | None, bool]:
    """A time as a number, None if it is none; and whether it is a date, in seconds since 1970."""
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            try:
                value = datetime.fromisoformat(value.strip())
            except ValueError:
                return None, False
        else:
            return (number if isfinite(number) else None), False
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if isinstance(value, datetime):
        return seconds(value), True
    if type(value) in (int, float) and abs(value) <= float_info.max:
        return float(value), False
    return None, False


def moments_of(values: Sequence[Any]) -> tuple[list[float] | None, bool]:
    """Times as `moment_of` has them, all numbers or all dates; None where they may be neither."""
    kinds = set(map(type, values))
    if kinds <= {str, float, int}:
        try:
            numbers = list(map(float, values))
        except (ValueError, OverflowError):
            return (seconds_of(values) if kinds == {str} else None), True
        return (numbers if np.isfinite(numbers).all() else None), False
    return None, False


def seconds_of(texts: Sequence[str]) -> list[float] | None:
    """Seconds since 1970 of dates with hyphens, so that none is a number; None where one is not."""
    stripped = [text.strip() for text in texts]
    if not all(text[4:5] == "-" for text in stripped):
        return None
    try:
        moments = list(map(datetime.fromisoformat, stripped))
    except ValueError:
        return None
    return [seconds(moment) for moment in moments]


def seconds(moment: datetime) -> float:
    """Since 1970, of UTC if it names no zone."""
    return (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).timestamp()


def usual_columns(
    meant: Mapping[str, Sequence[str]], there: Sequence[str], source: Source, line: int | None
) -> list[str]:
    """The columns that are called as is usual, time only if there is one; or DataError."""
    lowered = [name.strip().lower() for name in there]
    found = []
    for what, usual in meant.items():
        name = next((name for name in usual if name in lowered), None)
        if name is not None:
            found.append(there[lowered.index(name)])
        elif what != "time":
            said = [each.upper() for each in meant]
            in_python = ", ".join(f'"{each}"' for each in said)
            remedy = worded(f"columns=({in_python})", f"--columns {','.join(said)}")
            raise DataError(
                f"no column is called {what}, or as is usual ({', '.join(usual[1:4])}, ..): it has "
                f"{', '.join(map(told, there[:8]))}; say {remedy}", source.name, line
            )  # fmt: skip
    return found


def listed(names: Sequence[str]) -> str:
    """A list in a sentence."""
    return f"{', '.join(names[:-1])} and {names[-1]}"
