"""slide report: how runs went, as one page and its pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from slide.cli.freeze import model_in
from slide.cli.logs import (
    ClickedFrom,
    Clicks,
    HoldOut,
    LogColumns,
    NoRepeats,
    Sessions,
    logs_of,
)
from slide.cli.options import (
    FORMATS,
    AsJson,
    BackendName,
    OneBasedText,
    Threads,
    computing_threads,
    print_json,
)
from slide.cli.reading import Reading
from slide.cli.texts import Labels, Separator, Text
from slide.cli.unseen import Strict, telling_unseen
from slide.core.errors import ConfigError

if TYPE_CHECKING:
    from slide.report.runs.reading import Run


def report(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN", help="Model folders that slide train left.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The page to write.")],
    data: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=f"Judge all models on it, too. {FORMATS}"),
    ] = None,
    one_based: OneBasedText = None,
    text: Text = None,
    labels: Labels = None,
    separator: Separator = None,
    sessions: Sessions = False,
    clicks: Clicks = False,
    columns: LogColumns = None,
    clicked_from: ClickedFrom = None,
    no_repeats: NoRepeats = False,
    hold_out: HoldOut = None,
    strict: Strict = False,
    backend: BackendName = None,
    threads: Threads = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the report that is there.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write a page of how the runs RUN went, beside each other, that needs no other file.

    Its pictures go into a folder beside it, report_files of report.html. With
    --data FILE all models are judged on these examples, read as slide evaluate
    reads them; without it the page has what training recorded.
    """
    from slide.report.runs.drawing import demand_matplotlib
    from slide.report.runs.page import report_of
    from slide.report.runs.reading import read_runs
    from slide.report.runs.writing import folder_of, refuse_taken, write_report

    logs = logs_of(
        sessions, clicks, columns, no_repeats, clicked_from, hold_out, text=text, labels=labels,
        separator=separator, one_based=one_based,
    )  # fmt: skip
    reading = Reading(logs, one_based, text, labels, separator)
    refuse_alone(data, reading, strict, backend)
    refuse_taken(out, overwrite)
    demand_matplotlib()
    found = read_runs(runs)
    if data is not None:
        found = judged_on(found, data, reading, strict, backend, threads)
    made = report_of(found)
    write_report(made, out, overwrite)
    if as_json:
        pictures = {"pictures": str(folder_of(out)), "n_pictures": len(made.pictures)}
        print_json({"out": str(out)} | pictures | made.summary)
    else:
        print(f"Report in {out}, {len(made.pictures)} pictures in {folder_of(out)}")


def refuse_alone(data: Path | None, reading: Reading, strict: bool, backend: str | None) -> None:
    """Raise ConfigError if options are about examples, and none are given."""
    given = reading.given or ("--strict" if strict else "--backend" if backend else "")
    if data is None and given:
        raise ConfigError(f"got {given} without --data: say which examples to judge models on")


def judged_on(
    runs: Sequence[Run], file: Path, reading: Reading, strict: bool, backend: str | None,
    threads: int | None,
) -> list[Run]:  # fmt: skip
    """The runs with scores of their models on the examples of a file.

    Raises:
        DataError, ConfigError, ModelError: it cannot be read, or is not of the kind that a model
            was trained on.
    """
    from slide.data import refuse_other_than_svmlight
    from slide.data.streams import is_stream
    from slide.report.runs.evaluating import judged

    refuse_other_than_svmlight(file, reading.one_based)
    if is_stream(file) and len(runs) > 1:
        raise ConfigError("--data - is read once, and there are several runs: give a file")
    found = []
    for run in runs:
        model = model_in(run.folder, backend)
        data, _ = reading.examples(model, run.folder, file)
        with computing_threads(model.backend, threads), telling_unseen(file, strict):
            found.append(judged(run, model, data))
    return found
