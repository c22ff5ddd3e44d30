"""Tables of figures, and how they look in Markdown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))


@dataclass(frozen=True, slots=True)
class Table:
    """Rows with a title; `note` says how to read them.

    Args:
        title: of the section.
        rows: by column name; a row may lack columns that others have. `time` is in seconds.
        note: a sentence or more, or nothing.
    """

    title: str
    rows: list[dict[str, Any]]
    note: str = ""

    def columns(self) -> list[str]:
        """In the order in which the rows bring them up."""
        return list(dict.fromkeys(name for row in self.rows for name in row))

    def is_numeric(self, name: str) -> bool:
        return any(isinstance(row.get(name), int | float) for row in self.rows)

    def markdown(self) -> str:
        names = self.columns()
        lines = [f"## {self.title}", ""]
        lines += [self.note, ""] if self.note else []
        if not names:
            return "\n".join(lines)
        cells = [[shown(name, row.get(name)) for name in names] for row in self.rows]
        rule = ["---:" if self.is_numeric(name) else "---" for name in names]
        return "\n".join([*lines, *map(line, [names, rule, *cells]), ""])


def line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def shown(name: str, value: Any) -> str:
    return duration(value) if name == "time" else cell(value)


def cell(value: Any) -> str:
    """Whole numbers in full, others to three figures."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:,d}" if isinstance(value, int) else str(value)


def duration(seconds: float) -> str:
    """In the unit in which it is 1 or more."""
    size, unit = next((one for one in UNITS if seconds >= one[0]), UNITS[-1])
    return f"{cell(seconds / size)} {unit}"


def document(title: str, header: dict[str, str], tables: list[Table]) -> str:
    """A report: what its figures are figures of, then its tables."""
    facts = [f"* {name}: {fact}" for name, fact in header.items()]
    return "\n".join([f"# {title}", "", *facts, "", *(table.markdown() for table in tables)]) + "\n"


def left_out(title: str, name: str) -> Table:
    """What a report says instead of figures about cores that a backend does not compute on."""
    note = f"Not for a GPU: it is about the cores of a CPU, and `{name}` computes elsewhere."
    return Table(f"{title}, {name}", [], note)
