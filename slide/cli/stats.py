"""slide stats: what is in a file of examples, and what training would make of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slide.cli.logs import ClickedFrom, Clicks, LogColumns, NoRepeats, Sessions, logs_of
from slide.cli.options import FORMATS, AsJson, OneBasedText, print_json
from slide.cli.texts import Labels, Separator, Text, Vectorize, Vectorizer, texts_of
from slide.core.errors import DataError

if TYPE_CHECKING:
    from slide.core.examples.dataset import Dataset
    from slide.core.examples.statistics import Statistics
    from slide.core.learners.reasons import Recipe


def stats(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=FORMATS)],
    one_based: OneBasedText = None,
    text: Text = None,
    labels: Labels = None,
    separator: Separator = None,
    vectorizer: Vectorizer = None,
    vectorize: Vectorize = None,
    sessions: Sessions = False,
    clicks: Clicks = False,
    columns: LogColumns = None,
    no_repeats: NoRepeats = False,
    clicked_from: ClickedFrom = None,
    as_json: AsJson = False,
) -> None:
    """Tell what is in FILE, and which settings training would choose for it, and why.

    FILE is read as slide train reads it. Nothing is trained, and nothing is
    written.
    """
    from rich.console import Console

    from slide.cli.counts import show_data, show_recipe
    from slide.cli.training_files import refuse_files, sets_of

    logs = logs_of(
        sessions, clicks, columns, no_repeats, clicked_from, text=text, labels=labels,
        separator=separator, vectorizer=vectorizer, vectorize=vectorize, one_based=one_based,
    )  # fmt: skip
    texts = logs or texts_of(text, labels, separator, vectorizer, vectorize)
    refuse_files(file, None, one_based, texts)
    data, _ = sets_of(file, None, one_based, texts)
    counted, recipe, more = told_of(data, file)
    if as_json:
        print_json({"data": counted.to_dict(), "recipe": recipe.to_dict()} | more)
        return
    console = Console(highlight=False)
    show_data(counted, more, console)
    show_recipe(recipe, console)


def told_of(data: Dataset, file: Path) -> tuple[Statistics, Recipe, dict[str, Any]]:
    """Counts and recipe of a training set, its digest, and the bytes of its file.

    Raises:
        DataError: nothing can be learned from it.
    """
    from slide.core.examples.dataset import checked
    from slide.core.examples.statistics import Statistics
    from slide.core.learners.reasons import explained
    from slide.core.runs.digests import arrays_of, digest_of

    data = checked(data, "the training set").counted()
    if not data.y.positive().nnz:
        raise DataError("no example has a label, so that nothing can be learned", file)
    more = {"data_digest": digest_of(arrays_of(data)), "bytes_on_disk": on_disk(file)}
    return Statistics.of(data), explained(data), more


def on_disk(file: Path) -> int | None:
    """Bytes of a file, of the files of a pattern, or of a folder; None of stdin."""
    from slide.data import files_of
    from slide.data.streams import is_stream

    if is_stream(file):
        return None
    paths = [
        path
        for each in files_of(file)
        for path in ([each] if each.is_file() else each.iterdir() if each.is_dir() else [])
    ]
    return sum(path.stat().st_size for path in paths)
