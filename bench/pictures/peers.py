"""slide beside its peers, drawn from the first table of docs/benchmarks/peers.md.

    python -m bench.pictures.peers

The table has a row for each set; behind its name two columns for each contestant: scores, `P@1 /
P@5`, under the contestant's name, and seconds of training, under `s` or `s, CPU s`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bench.harness.drawing import DRAWN, HARD, INK, LINE, OWN, PALE, Card

DOCS = Path(__file__).parents[2] / "docs"
PAGE, PICTURE = DOCS / "benchmarks" / "peers.md", DOCS / "figures" / "peers.svg"
TABLE = re.compile(r"^\| set \|.*(?:\n\|.*)+", re.MULTILINE)
COLORS = OWN, DRAWN, HARD, INK
SCORES, SECONDS, WIDTH = 190, 470, 190  # where bars begin, and how long they are at most
THICK, APART = 12, 20


class Row(NamedTuple):
    """What one contestant reached on one set: percent, seconds."""

    name: str
    score: float
    seconds: float


def rows_of(page: str) -> dict[str, list[Row]]:
    """The contestants of each set, by the first table of a page.

    Raises:
        ValueError: there is no such table.
    """
    table = TABLE.search(page)
    if table is None:
        raise ValueError(f"no table that begins with a column `set`: add one to {PAGE.name}")
    head, _, *lines = map(cells, table[0].splitlines())
    names = list(zip(head[1::2], range(1, len(head), 2), strict=False))
    return {
        line[0]: [Row(name, number(line[at]), number(line[at + 1])) for name, at in names]
        for line in lines
    }


def cells(line: str) -> list[str]:
    """The cells of a line of a table, without emphasis."""
    return [cell.strip().strip("*") for cell in line.strip("| ").split("|")]


def number(cell: str) -> float:
    """The first number of a cell."""
    found = re.search(r"\d[\d,]*(?:\.\d+)?", cell)
    if found is None:
        raise ValueError(f"no number in {cell!r}: give scores as `65.5 / 29.5`, seconds as `6.8`")
    return float(found[0].replace(",", ""))


def picture(sets: dict[str, list[Row]]) -> Card:
    """Bars of P@1 to the left, of seconds to the right, a group for each set."""
    names = [row.name for row in next(iter(sets.values()))]
    group = THICK * len(names) + APART
    card = Card(
        720, 76 + group * len(sets), f"P@1 and seconds of training of {', '.join(names)}, by set"
    )
    card.text(SCORES, 56, "P@1, percent: more is better", bold=True, size=13)
    card.text(SECONDS, 56, "training, seconds: less is better", bold=True, size=13)
    for n, (name, color) in enumerate(zip(names, COLORS, strict=False)):
        card.box(SCORES + 110 * n, 18, 12, 12, color, color)
        card.text(SCORES + 18 + 110 * n, 29, name, color, 13, bold=True)
    longest = max(row.seconds for rows in sets.values() for row in rows)
    for n, (of, rows) in enumerate(sets.items()):
        y = 70 + group * n
        card.text(SCORES - 12, y + THICK * len(names) / 2 + 5, of, size=13, at="end")
        for row, color, top in zip(rows, COLORS, steps(y), strict=False):
            bar(card, SCORES, top, row.score / 100, f"{row.score:g}", color)
            bar(card, SECONDS, top, row.seconds / longest, f"{row.seconds:g}", color)
    return card


def steps(y: float) -> Iterator[float]:
    """Where the bars of a group begin."""
    while True:
        yield y
        y += THICK


def bar(card: Card, x: float, y: float, share: float, words: str, color: str) -> None:
    """A bar with its figure behind it."""
    card.line(x, y - 2, x, y + THICK, LINE)
    card.box(x, y, max(share * WIDTH, 1), THICK - 2, color, color)
    card.text(x + share * WIDTH + 6, y + THICK - 3, words, PALE, 10)


if __name__ == "__main__":
    PICTURE.write_text(picture(rows_of(PAGE.read_text("utf-8"))).svg(), encoding="utf-8")
