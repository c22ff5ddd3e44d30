"""slide convert: the same examples in another format."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from slide.cli.options import FORMATS, OneBasedText
from slide.core.errors import ConfigError


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
    """
    from slide.data import (
        check_folder,
        is_folder_name,
        refuse_other_than_svmlight,
        refuse_taken,
        refuse_unwritable,
    )

    if check is not None:
        if sources or target:
            raise ConfigError("--check writes nothing: leave IN and OUT out")
        data = check_folder(check)
        print(f"{check}: whole, {data.n_samples} examples")
        return
    if not sources or target is None:
        raise ConfigError("convert takes IN and OUT: name both (see slide convert --help)")
    refuse_taken(target)
    for source in sources:
        refuse_other_than_svmlight(source, one_based)
    if is_folder_name(target):
        to_folder(sources, target, one_based)
    else:
        refuse_unwritable(target)
        to_file(sources, target, one_based)


def to_file(sources: list[Path], target: Path, one_based: OneBasedText) -> None:
    """Read all, and write one file."""
    from slide.data import read, refuse_twice, write
    from slide.data.many import in_a_row

    refuse_twice(*sources)
    write(in_a_row([read(source, one_based=one_based) for source in sources]), target)


def to_folder(sources: list[Path], target: Path, one_based: OneBasedText) -> None:
    """Fill a data folder, while a bar tells how far it is."""
    from slide.data import convert_to_folder, files_of, refuse_twice

    refuse_twice(*sources)
    files = [file for source in sources for file in files_of(source)]
    try:
        with bar_of(files) as watch:
            convert_to_folder(files, target, one_based, watch)
    except KeyboardInterrupt:
        sentence = "what is converted is kept, the same command goes on"
        print(f"slide: {target}: {sentence}", file=sys.stderr)
        raise


@contextmanager
def bar_of(files: list[Path]) -> Iterator[Callable[[int], None]]:
    """What is to be told how many bytes of some files were read; a bar on a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    console = Console(stderr=True)
    n_bytes = sum(file.stat().st_size for file in files if file.is_file())
    columns = BarColumn(), DownloadColumn(), TimeRemainingColumn()
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=n_bytes or None)
        yield lambda n_read: bar.update(task, completed=n_read)
