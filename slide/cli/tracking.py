"""The option of trackers, and those who watch a training run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from slide.cli.screen import Screen
from slide.core.errors import ConfigError

if TYPE_CHECKING:
    from slide.core.runs.watching import Watcher
    from slide.report.tensorboard import TensorBoard

EventFolder = Annotated[
    Path | None,
    typer.Option(
        "--tensorboard",
        metavar="DIR",
        help="Write event files for TensorBoard into it (docs/tracking.md).",
    ),
]


def board_in(folder: Path | None, model: Path, overwrite: bool, votes: bool) -> TensorBoard | None:
    """Who writes event files, if anybody is to.

    Raises:
        ConfigError: there will be no run to watch, or no files can be written.
    """
    if folder is None:
        return None
    if votes:
        raise ConfigError(
            "--tensorboard shows one run, and --combine voted has several, in other processes: "
            "leave out one of them"
        )
    from slide.core.models.folder import CONFIG

    if folder.resolve() == model.resolve() or (folder / CONFIG).exists():
        raise ConfigError(
            f"--tensorboard is {folder}, the folder of a model, which holds nothing else: choose "
            "another one"
        )
    from slide.report.tensorboard import TensorBoard

    return TensorBoard(folder, overwrite)


@contextmanager
def watching(screen: Screen, board: TensorBoard | None) -> Iterator[Watcher]:
    """All who are told of a run, for as long as it lasts."""
    from slide.core.runs.watching import Several

    with screen, board or nullcontext():
        yield Several(screen, board)
