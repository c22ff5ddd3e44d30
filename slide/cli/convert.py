"""slide convert: the same examples in another format."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slide.cli.logs import ClickedFrom, Clicks, LogColumns, Logs, NoRepeats, Sessions, logs_of
from slide.cli.options import FORMATS, OneBasedText
from slide.cli.texts import (
    PANEL,
    Labels,
    Separator,
    Text,
    Texts,
    Vectorize,
    Vectorizer,
    refuse_table,
    texts_of,
)
from slide.core.errors import ConfigError

if TYPE_CHECKING:
    from slide.core.examples.mapped import Mapped
    from slide.core.models.model import Model

Like = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Take words and labels, or the items of a log, from a model or a data folder.",
        rich_help_panel=PANEL,
    ),
]


def convert(
    sources: Annotated[
        list[Path] | None, typer.Argument(metavar="IN..", help=FORMATS, show_default=False)
    ] = None,
    target: Annotated[
        Path | None,
        typer.Argument(
            metavar="OUT",
            help="A file that does not exist yet, or a folder if it has no suffix; - is stdout.",
            show_default=False,
        ),
    ] = None,
    one_based: OneBasedText = None,
    text: Text = None,
    labels: Labels = None,
    separator: Separator = None,
    vectorizer: Vectorizer = None,
    vectorize: Vectorize = None,
    sessions: Sessions = False,
    clicks: Clicks = False,
    columns: LogColumns = None,
    clicked_from: ClickedFrom = None,
    no_repeats: NoRepeats = False,
    like: Like = None,
    check: Annotated[
        Path | None,
        typer.Option(
            "--check", metavar="DIR", help="Look at every byte of a data folder; write nothing."
        ),
    ] = None,
) -> None:
    """Read IN and write OUT, each in the format that its name says.

    What goes to stdout is XMC-repository text. OUT counts from 0, whatever IN
    does.

    An .npz file is read about ten times faster than text. A name without suffix
    becomes a data folder, in little memory however large IN is: training maps
    it. An interrupted conversion into a folder goes on when it is asked for
    again. Several files, or a pattern such as 'part-*.txt.gz', become one set.

    Texts (--text, --labels) become a data folder with their words and names;
    what a model of it is evaluated on is converted --like it.
    """
    from slide.data import refuse_taken

    if check is not None:
        tell_whole(check, sources, target)
        return
    if not sources or target is None:
        raise ConfigError("convert takes IN and OUT: name both (see slide convert --help)")
    refuse_taken(target)
    logs = logs_of(
        sessions, clicks, columns, no_repeats, clicked_from, text=text, labels=labels,
        separator=separator, vectorizer=vectorizer, vectorize=vectorize, one_based=one_based,
    )  # fmt: skip
    if logs is not None:
        log_to(sources, target, logs, like)
        return
    if like is not None:
        refuse_fitting(vectorizer, vectorize)
    texts = None if like else texts_of(text, labels, separator, vectorizer, vectorize)
    if texts is not None or like is not None:
        refuse_no_folder(target, one_based)
        with going_on("nothing is kept, the same command begins anew", target):
            said = {"text": text or None, "labels": labels, "separator": separator}
            texts_to_folder(sources, target, texts, like, said)
        return
    numbers_to(sources, target, one_based)


def tell_whole(folder: Path, sources: list[Path] | None, target: Path | None) -> None:
    """Print that every byte of a data folder is as it was written, or raise."""
    from slide.data import check_folder

    if sources or target:
        raise ConfigError("--check writes nothing: leave IN and OUT out")
    data = check_folder(folder)
    print(f"{folder}: whole, {data.n_samples} examples")


def numbers_to(sources: list[Path], target: Path, one_based: OneBasedText) -> None:
    """Read files of numbers, and write them into a file or a data folder."""
    from slide.data import is_folder_name, refuse_other_than_svmlight, refuse_unwritable

    for source in sources:
        refuse_table(source)
        refuse_other_than_svmlight(source, one_based)
    if is_folder_name(target):
        to_folder(sources, target, one_based)
    else:
        refuse_unwritable(target)
        to_file(sources, target, one_based)


def to_file(sources: list[Path], target: Path, one_based: OneBasedText) -> None:
    """Read all, and write one file, each half of what a bar tells of."""
    from slide.data import files_of, read, refuse_twice, write
    from slide.data.many import in_a_row
    from slide.data.source import behind

    refuse_twice(*sources)
    files = [file for source in sources for file in files_of(source)]
    n_bytes, sets, n_before = bytes_of(files), [], 0
    with bar_of(files) as watch:
        for source in sources:
            halving = behind(n_before, lambda n: watch(n // 2))
            sets.append(read(source, one_based=one_based, watch=halving))
            n_before += bytes_of(files_of(source))
        data = in_a_row(sets)
        n_lines = data.n_samples + 1  # a header, which svmlight lacks
        write(data, target, lambda n: watch((n_bytes + n_bytes * n // n_lines) // 2))
    if data.label_names is not None or data.feature_names is not None:
        sentence = "names of features and labels are not kept in the file, but in a data folder"
        print(f"slide: {target}: {sentence}", file=sys.stderr)


def log_to(sources: list[Path], target: Path, logs: Logs, like: Path | None) -> None:
    """Read logs as one, and write their examples into a file or a data folder."""
    from slide.data import files_of, is_folder_name, refuse_unwritable, write
    from slide.data.folders.converting import convert_to_folder
    from slide.data.parts import parts_of

    if not is_folder_name(target):
        refuse_unwritable(target)
    known = None if like is None else known_by(like)
    with bar_of([file for source in sources for file in files_of(source)]) as watch:
        data = logs.read(sources, known, watch)
    lost = ["times of events"]
    if is_folder_name(target):
        once = iter([data])  # all files are one log, which stands for the first of them
        convert_to_folder(sources[:1], target, lambda *_: parts_of(next(once)), said=None)
    else:
        write(data, target)
        lost.append("names of items")
    sentence = (
        f"it has no {' and no '.join(lost)}, which the log has: train on that where they are to "
        f"count, by slide train LOG {logs.option}"
    )
    print(f"slide: {target}: {sentence}", file=sys.stderr)


def to_folder(sources: list[Path], target: Path, one_based: OneBasedText) -> None:
    """Fill a data folder, while a bar tells how far it is."""
    from slide.data import convert_to_folder, files_of, refuse_twice

    refuse_twice(*sources)
    files = [file for source in sources for file in files_of(source)]
    with (
        going_on("what is converted is kept, the same command goes on", target),
        bar_of(files) as watch,
    ):
        convert_to_folder(files, target, one_based, watch)


def texts_to_folder(
    sources: list[Path], target: Path, texts: Texts | None, like: Path | None, said: dict[str, Any]
) -> None:
    """The same of texts: by their own words, or by those of a model or a data folder."""
    from slide.data import convert_texts_like, convert_texts_to_folder, files_of

    files = [file for source in sources for file in files_of(source)]
    with bar_of(files) as watch:
        if like is not None:
            convert_texts_like(files, target, known_by(like), watch=watch, **said)
            return
        assert texts is not None
        convert_texts_to_folder(
            files, target, texts.columns, texts.vectorizer, texts.settings, watch
        )


def known_by(folder: Path) -> Model | Mapped:
    """What a model folder or a data folder knows of words and labels."""
    from slide.core.models.model import Model
    from slide.data.folders import is_data_folder, open_folder

    return open_folder(folder) if is_data_folder(folder) else Model.load(folder)


def refuse_fitting(vectorizer: str | None, vectorize: list[str] | None) -> None:
    """Raise ConfigError if a vectorizer is asked for where somebody's is taken."""
    given = [("vectorizer", vectorizer), ("vectorize", vectorize)]
    for name, value in given:
        if value:
            raise ConfigError(f"--{name} makes words anew, and --like takes them: leave one out")


def refuse_no_folder(target: Path, one_based: OneBasedText) -> None:
    """Raise ConfigError unless texts are to be a data folder."""
    from slide.data import is_folder_name

    if not is_folder_name(target):
        raise ConfigError(f"texts become a data folder: name OUT without a suffix, not {target}")
    if one_based is not None:
        raise ConfigError("--one-based is about numbers, and --text about words: leave one out")


@contextmanager
def going_on(sentence: str, target: Path) -> Iterator[None]:
    """Say how to go on after Ctrl-C."""
    try:
        yield
    except KeyboardInterrupt:
        print(f"slide: {target}: {sentence}", file=sys.stderr)
        raise


def bytes_of(files: list[Path]) -> int:
    """Of those that are files."""
    return sum(file.stat().st_size for file in files if file.is_file())


@contextmanager
def bar_of(files: list[Path]) -> Iterator[Callable[[int], None]]:
    """What is to be told how many bytes of some files were read; a bar on a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    console = Console(stderr=True)
    n_bytes = bytes_of(files)
    columns = BarColumn(), DownloadColumn(), TimeRemainingColumn()
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=n_bytes or None)
        yield lambda n_read: bar.update(task, completed=n_read)
