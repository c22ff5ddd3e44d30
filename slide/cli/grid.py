"""The grid kernel x property in 80 columns: a symbol a cell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.text import Text

from slide.report.words import MEANINGS, PARTS, PLAIN_SYMBOLS, SHORT, SYMBOLS, columns

STYLES = {
    "pass": "green",
    "fail": "bold red",
    "missing": "bold red",
    "inherited": "yellow",
    "taken": "cyan",
    "running": "bold",
    "waiting": "dim",
}
GAP = 1  # blanks between columns

Marks = Mapping[tuple[str, str], str]
"""By kernel and property the outcome, or `running` or `waiting`."""


def grid_of(marks: Marks, ascii_only: bool) -> list[Text]:
    """A line per kernel and for training, a column per property; blank where it does not apply."""
    symbols = PLAIN_SYMBOLS if ascii_only else SYMBOLS
    parts = [part_of(title, rows, marks, symbols) for title, rows in PARTS.items()]
    return [line for part in parts for line in part]


def part_of(
    title: str, rows: Sequence[str], marks: Marks, symbols: Mapping[str, str]
) -> Iterator[Text]:
    """The lines of one part, its headings first."""
    names = columns(rows)
    heads = [SHORT.get(name, name) for name in names]
    width = max(map(len, (title, *rows)))
    yield Text(" ".join([f"{title:{width}}", *heads]), "bold")
    for row in rows:
        line = Text(f"{row:{width}}")
        for name, head in zip(names, heads, strict=True):
            line.append(" " * GAP)
            line.append_text(cell(marks.get((row, name)), len(head), symbols))
        line.rstrip()
        yield line


def cell(mark: str | None, width: int, symbols: Mapping[str, str]) -> Text:
    """A symbol in the middle of its column; nothing where the property does not apply."""
    if mark is None:
        return Text(" " * width)
    return Text(f"{symbols[mark]:^{width}}", STYLES[mark])


def legend(marks: Marks, ascii_only: bool) -> list[Text]:
    """A line for the meaning of each outcome that there is."""
    symbols = PLAIN_SYMBOLS if ascii_only else SYMBOLS
    there = set(marks.values())
    return [
        Text.assemble((symbols[name], STYLES[name]), f" {name}: {meaning}")
        for name, meaning in MEANINGS.items()
        if name in there
    ]
