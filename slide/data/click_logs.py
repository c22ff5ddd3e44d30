"""Files of clicks: who was shown which item, whether they clicked it, and when, from tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.errors import ConfigError, worded
from slide.data.session_logs import Events, checked_columns, sources_of
from slide.data.source import Source, Watch, unwatched
from slide.data.tables import is_columnar, is_table
from slide.data.tables.arrow import PARQUET, Arrow
from slide.data.tables.row import Batch, Row, told

USUAL = {
    "user": ("user", "user_id", "userid", "visitorid", "session", "session_id", "sessionid"),
    "item": ("item", "item_id", "itemid", "product_id", "article_id", "movieid", "movie_id"),
    "click": ("click", "clicked", "is_click", "is_clicked", "feedback", "label", "rating"),
    "time": ("time", "timestamp", "ts", "eventdate", "date"),
}
"""What columns are called, the first that a file has is taken; of any case."""

NUMBERS = ("features", "indices")  # columns of a file that has examples and no log
WORDS = {"true": 1.0, "false": 0.0}


class ClickLog(NamedTuple):
    """Events in the order of the files, as `slide.data.blocks(*log)` takes them.

    Args:
        users: object (n,), who was shown something, as text.
        items: object (n,), what, as text.
        clicked: bool (n,), and with which success.
        times: f64 (n,), numbers as they stand, or seconds since 1970; None where there are none.
    """

    users: Array
    items: Array
    clicked: Array
    times: Array | None

    def take(self, chosen: Array) -> ClickLog:
        """The events that are chosen, bool (n,)."""
        times = None if self.times is None else self.times[chosen]
        return ClickLog(self.users[chosen], self.items[chosen], self.clicked[chosen], times)


def read_clicks(
    path: str | Path | Sequence[str | Path],
    columns: Sequence[str] | None = None,
    clicked_from: float | None = None,
    watch: Watch = unwatched,
) -> ClickLog:
    """The events of a log of clicks, one a row of a table.

    Args:
        path: see `read_sessions`.
        columns: what user, item, click and time are called; three names if there is no time. If
            None, usual names are looked for, whatever their case: user, user_id, visitorid,
            session; item, item_id, product_id, article_id, movieid; click, clicked, is_click,
            is_clicked, feedback, label, rating; time, timestamp, ts, eventdate, date.
        clicked_from: the least value that is a click, as 4 of ratings from 1 to 5; if None, values
            are 0 or 1, or false or true.
        watch: is told how many bytes were read.

    Raises:
        DataError: see `read_sessions`; or a click is none of these values.
        ConfigError: columns are not three or four names, or clicked_from is no number.
    """
    names = checked_columns(columns, tuple(USUAL))
    log = Clicks(names, checked_limit(clicked_from))
    for source in sources_of(path, watch):
        log.read(source)
    return log.shown()


def checked_limit(clicked_from: Any) -> float | None:
    """The least value of a click, or ConfigError."""
    if clicked_from is None:
        return None
    if type(clicked_from) in (int, float) and isfinite(clicked_from):
        return float(clicked_from)
    what = worded("clicked_from", "--clicked-from")
    raise ConfigError(f"{what} is {clicked_from!r:.60}: expected a number, such as 4")


def is_click_log(path: Path) -> bool:
    """Whether a file that is no table of texts must be a log: a table without columns of features.

    Raises:
        DataError: it is Parquet or Arrow, and cannot be read.
    """
    if not is_table(path):
        return False
    if not is_columnar(path) or not path.is_file():
        return True
    names = Arrow(Source(path), PARQUET).schema().names
    return not set(NUMBERS) & set(names)


class Clicks(Events):
    """The events that were read so far.

    Args:
        columns: what user, item, click and time are called; None to look for usual names.
        clicked_from: the least value that is a click; None where values are 0 or 1.
    """

    usual = USUAL

    def __init__(self, columns: tuple[str, ...] | None, clicked_from: float | None) -> None:
        super().__init__(columns)
        self.clicked_from = clicked_from
        self.clicked: list[bool] = []

    def shown(self) -> ClickLog:
        """All that was taken."""
        log = self.whole()
        return ClickLog(log.sessions, log.items, np.array(self.clicked, bool), log.times)

    def _took(self, batch: Batch) -> bool:
        users, items, given, *times = batch.columns
        if not set(map(type, given)) <= {str, int, float, bool}:
            return False
        clicks = {each: self._click_of(each) for each in set(given)}
        if None in clicks.values():
            return False
        if not super()._took(replace(batch, columns=[users, items, *times])):
            return False
        self.clicked.extend(map(bool, map(clicks.__getitem__, given)))
        return True

    def _take(self, row: Row, names: Sequence[str]) -> None:
        click = self._click_of(row.values[2])
        if click is None:
            raise row.error(self._refusal(names[2], row.values[2]))
        super()._take(replace(row, values=without_click(row.values)), without_click(names))
        self.clicked.append(click)

    def _refuse_other_width(self, names: Sequence[str], source: Source) -> None:
        super()._refuse_other_width(without_click(names), source)

    def _click_of(self, value: Any) -> bool | None:
        """Whether a value is a click; None where it says neither."""
        if isinstance(value, str):
            value = WORDS.get(value.strip().lower(), value)
        if type(value) not in (str, int, float, bool):
            return None
        try:
            number = float(value)
        except (ValueError, OverflowError):
            return None
        if self.clicked_from is not None and isfinite(number):
            return number >= self.clicked_from
        return bool(number) if number in (0, 1) else None

    def _refusal(self, name: str, value: Any) -> str:
        """What is said of a value that says neither."""
        what = f"{name!r} is empty" if value in ("", None) else f"{name!r} is {told(value)}"
        if self.clicked_from is not None:
            return f"{what}, expected a number"
        remedy = worded("clicked_from=X", "--clicked-from X")
        expected = "expected 0 or 1, or false or true"
        return f"{what}, {expected}: say {remedy} if values from X on are clicks"


def without_click(values: Sequence[Any]) -> list[Any]:
    """Those of user, item and time."""
    return [*values[:2], *values[3:]]
