"""What a panel of the page is: a heading, how to read it, figures, tables, and what is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from slide.report.html import Html
from slide.report.runs.charts import Axis, Chart, Lines, Point, line_of
from slide.report.runs.reading import Record, Run, number
from slide.report.runs.tables import Table, listed, plain, some_of

Cell = Callable[[Run, Record], str]
EPOCHS = Axis("epoch", whole=True)
WITHOUT_RECORDS = "no metrics.jsonl is there: train by `slide train`, which keeps one"


@dataclass(frozen=True, slots=True)
class Panel:
    """A part of the page.

    Args:
        name: of its place in the page.
        title: above it.
        about: how to read it, a sentence or two.
        charts: its figures.
        tables: the same in numbers, folded.
        open_tables: tables that are what it shows.
        missing: sentences: which runs lack something, why, and what to type to have it.
    """

    name: str
    title: str
    about: str
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()
    open_tables: tuple[Html | Table, ...] = ()
    missing: tuple[str, ...] = ()


def lacking(runs: Sequence[Run], reason: Callable[[Run], str]) -> tuple[str, ...]:
    """A sentence for each reason that a run gives ("" for none), with the runs that give it."""
    by_reason: dict[str, list[str]] = {}
    for run in runs:
        if why := reason(run):
            by_reason.setdefault(why, []).append(run.letter)
    return tuple(f"{listed(letters)}: {why}." for why, letters in by_reason.items())


def points_of(run: Run, x: str, y: str) -> list[Point]:
    """Two numbers of each evaluation that has both."""
    pairs = ((number(each, x), number(each, y)) for each in run.records)
    return sorted((a, b) for a, b in pairs if a is not None and b is not None)


def by_epoch(runs: Iterable[Run], name: str, title: str, key: str, y: Axis) -> tuple[Lines, ...]:
    """A figure of a number by epoch; none if no run has it."""
    return over_epochs(runs, name, title, lambda run: points_of(run, "epoch", key), y)


def over_epochs(
    runs: Iterable[Run], name: str, title: str, points: Callable[[Run], list[Point]], y: Axis
) -> tuple[Lines, ...]:
    """A figure of a line by epoch for each run that has points; none if no run has any."""
    pairs = ((run, points(run)) for run in runs)
    lines = tuple(line_of(run, points) for run, points in pairs if points)
    return (Lines(name, title, EPOCHS, y, lines),) if lines else ()


def by_evaluation(runs: Iterable[Run], caption: str, columns: dict[str, Cell]) -> Table:
    """A row for each evaluation of each run, or for so many that they can be read.

    Args:
        runs: that have some.
        caption: of the table.
        columns: heading of each, and its cell.
    """
    rows: list[tuple[str, ...]] = []
    for run in runs:
        rows += some_of([
            (f"{run.letter}, epoch {plain(number(each, 'epoch'))}",
             *(cell(run, each) for cell in columns.values()))
            for each in run.records
        ])  # fmt: skip
    return Table(caption, ("run", *columns), tuple(rows))


def cell_of(key: str, shown: Callable[[float | None], str] = plain) -> Cell:
    """A number of an evaluation."""
    return lambda run, record: shown(number(record, key))
