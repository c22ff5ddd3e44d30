"""What a report of `slide verify` says, on the terminal as on a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from slide.backends.verifying import Report
from slide.core.contract.backend import KERNELS
from slide.reference.checks import GRID, PROPERTIES, Check

MEANINGS = {
    "pass": "matches the definition",
    "fail": "differs from it",
    "missing": "the backend has no such method",
    "inherited": "code of the reference, which shows nothing of the backend",
    "taken": "another backend's kernel, by the backend's own word",
}
"""What each outcome of a check says."""

SYMBOLS = {
    "pass": "✓", "fail": "✗", "missing": "∅", "inherited": "○", "taken": "→",
    "running": "…", "waiting": "·",
}  # fmt: skip
"""Of outcomes, and of checks that have none yet."""

PLAIN_SYMBOLS = {
    "pass": ".", "fail": "F", "missing": "M", "inherited": "I", "taken": "T",
    "running": "*", "waiting": "-",
}  # fmt: skip
"""The same in ASCII."""

SHORT = {"repeatable": "repeat", "sequence": "seq", "metamorphic": "meta"}
"""Headings of columns where the property's name is too long for one."""

PARTS = {
    "kernel": [row for row in GRID if row in KERNELS],
    "training": [row for row in GRID if row not in KERNELS],
}
"""The rows of the grid in two parts, which share few columns."""


@dataclass(frozen=True, slots=True)
class Remark:
    """What several checks that are not `pass` have in common: outcome and sentence.

    Args:
        outcome: of all of them.
        message: of all of them.
        checks: themselves, in the order of the grid.
    """

    outcome: str
    message: str
    checks: list[Check]

    @property
    def rows(self) -> str:
        """The kernels; with properties where not all of a kernel's checks are meant."""
        names: dict[str, list[str]] = {}
        for one in self.checks:
            names.setdefault(one.kernel, []).append(one.property)
        return ", ".join(
            row if len(properties) == len(GRID[row]) else f"{row} ({', '.join(properties)})"
            for row, properties in names.items()
        )

    @property
    def head(self) -> str:
        """What is said of the rows that follow."""
        source = self.checks[0].source
        return (
            f"taken from {source}, which slide verify {source} checks" if source else self.outcome
        )

    @property
    def tail(self) -> str:
        """Why, if the head does not tell."""
        return "" if self.checks[0].source else self.message


def columns(rows: Sequence[str]) -> list[str]:
    """The properties that apply to some of these rows, in the order in which they are listed."""
    return [name for name in PROPERTIES if any(name in GRID[row] for row in rows)]


def verdict(report: Report) -> str:
    """What all checks together say of the backend."""
    if report.passed:
        return f"matches the definition in all {len(report.checks)} checks"
    counts = Counter(one.outcome for one in report.checks)
    bad = [f"{counts[name]} {name}" for name in ("fail", "missing", "inherited") if counts[name]]
    return f"does not match the definition: of {len(report.checks)} checks {', '.join(bad)}"


def circumstances(report: Report) -> str:
    """How much was tried, in how long."""
    examples = counted(sum(one.examples for one in report.checks), "example")
    processes = counted(report.jobs, "process", "processes")
    return f"{examples}, seed {report.seed}, {report.seconds:.0f} s in {processes}"


def counted(number: int, one: str, many: str = "") -> str:
    """A number of things."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def failures(checks: Sequence[Check]) -> list[list[Check]]:
    """Those that failed; together those of one kernel of which the same is said."""
    found: dict[tuple[str, str], list[Check]] = {}
    for one in checks:
        if one.outcome == "fail":
            found.setdefault((one.kernel, one.message), []).append(one)
    return list(found.values())


def failure_title(same: Sequence[Check]) -> str:
    """Which checks failed."""
    return f"{same[0].kernel} {', '.join(one.property for one in same)}"


def failure_sentence(same: Sequence[Check]) -> str:
    """How, and after how many examples if that is known."""
    first = same[0]
    after = f" (after {counted(first.examples, 'example')})" if first.examples else ""
    return f"{first.message}{after}"


def remarks(checks: Sequence[Check]) -> list[Remark]:
    """What else is not `pass`, the same thing once."""
    found: dict[tuple[str, str], list[Check]] = {}
    for one in checks:
        if one.outcome not in ("pass", "fail"):
            found.setdefault((one.outcome, one.message), []).append(one)
    return [Remark(outcome, message, same) for (outcome, message), same in found.items()]


def sizes_in_words(sizes: Mapping[str, int]) -> str:
    """Each dimension with its size."""
    return ", ".join(f"{name} {size:,}" for name, size in sizes.items())


def share(number: float) -> str:
    """A deviation in parts of its bound."""
    return f"{number:.2f}" if number < 1000 else f"{number:.0e}"


def preparation(target: str) -> str:
    """What to type before a snippet."""
    return (
        "from slide.backends import create\nfrom slide.reference.pasting import *\n"
        f"backend = create({target!r})"
    )
