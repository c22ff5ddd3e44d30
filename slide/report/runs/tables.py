"""Tables of a page, with a caption and headings that a screen reader reads with each cell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from slide.report.html import Html, element

NOTHING = "–"  # noqa: RUF001, as tables have it where there is no number
NAMED = 5  # words of a sentence, the last of which may stand for others
ALL = range(99)  # columns
MOST_ROWS = 60  # of a run in a table beside a figure: more nobody reads, and JSON has them


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells.

    Args:
        caption: what it shows.
        heads: of the columns; the first is that of the headings of rows.
        rows: cells as text or HTML, the heading of the row first.
        words: numbers of the columns that are words, and stand at the left.
        stacks: whether each row becomes lines of a name and a value where the page is narrow.
    """

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: Sequence[int] = (0,)
    stacks: bool = False

    @property
    def html(self) -> Html:
        """In a frame that scrolls by itself where it is wider than the page."""
        role = role_of if self.stacks else no_role
        kinds = ["" if place in self.words else "number" for place in range(len(self.heads))]
        heads = (
            element("th", head, scope="col", class_=kind, **role("columnheader"))
            for head, kind in zip(self.heads, kinds, strict=True)
        )
        rows = (
            element(
                "tr",
                element("th", row[0], scope="row", **role("rowheader")),
                *(
                    element("td", cell, class_=kind, **role("cell", head))
                    for cell, kind, head in zip(row[1:], kinds[1:], self.heads[1:], strict=True)
                ),
                **role("row"),
            )
            for row in self.rows
        )
        table = element(
            "table",
            element("caption", self.caption),
            element("thead", element("tr", *heads, **role("row")), **role("rowgroup")),
            element("tbody", *rows, **role("rowgroup")),
            class_="stacks" if self.stacks else "text" if self.words == ALL else "",
            **role("table"),
        )
        return element(
            "div", table, class_="wide", role="region", tabindex="0", aria_label=self.caption
        )


def role_of(name: str, head: str = "") -> dict[str, str]:
    """Attributes of a part of a table that is laid out as something else, and is one all the same.

    Args:
        name: of the part, as screen readers know it.
        head: of the column, which then stands before the cell.
    """
    return {"role": name, "data_head": head}


def no_role(name: str, head: str = "") -> dict[str, str]:
    """None: a table that is laid out as one is known by its elements."""
    return {}


def folded(table: Table) -> Html:
    """A table that opens when it is asked for."""
    more = "" if table.words == ALL else ", in numbers"
    return element("details", element("summary", f"{table.caption}{more}"), table.html)


def percent(value: float | None) -> str:
    """A fraction."""
    return NOTHING if value is None else f"{100 * value:.2f} %"


def plain(value: float | None) -> str:
    """A number of any size."""
    if value is None:
        return NOTHING
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 1000 else f"{value:.4g}"


def seconds(value: float | None) -> str:
    """A time."""
    if value is None:
        return NOTHING
    return f"{value:,.1f}" if value >= 0.95 else f"{value:.3f}"


def in_bytes(value: float | None) -> str:
    """A size."""
    if value is None:
        return NOTHING
    for size, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if value >= size:
            return f"{value / size:,.1f} {unit}"
    return f"{value:.0f} bytes"


def counted(n: int, what: str) -> str:
    """1 run, 2 runs."""
    return f"{n} {what}{'' if n == 1 else 's'}"


def listed(names: Iterable[str]) -> str:
    """A, B and C."""
    words = list(names)
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def first_of(names: Iterable[str]) -> str:
    """A, B, C, D and others."""
    words = list(names)
    return listed(words if len(words) <= NAMED else [*words[: NAMED - 1], "others"])


def some_of(rows: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """All rows, or so many of them, evenly spread, the first and the last among them."""
    n = len(rows)
    if n <= MOST_ROWS:
        return list(rows)
    places = [round(place * (n - 1) / (MOST_ROWS - 1)) for place in range(MOST_ROWS)]
    return [rows[place] for place in places]
