"""Options of checkpoints, and what a run that goes on is told of the one before it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slide.cli.options import model_in, print_json

if TYPE_CHECKING:
    from slide.core.checkpoints.every import Checkpoints
    from slide.core.contract.state import State
    from slide.core.learners.config import Config

PANEL = "Checkpoints"
CheckpointEvery = Annotated[
    str | None,
    typer.Option(
        metavar="N|SECONDSs|epoch",
        help="Keep what an interrupted run needs to go on, in DIR.checkpoints: 500, 30s, epoch.",
        rich_help_panel=PANEL,
    ),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Go on where an interrupted run was, to the same bits.",
        rich_help_panel=PANEL,
    ),
]


def asked_for(model: Path, every: str | None, resume: bool, overwrite: bool) -> Checkpoints | None:
    """What is asked for by the options; None if nothing is."""
    from slide.core.checkpoints.every import Checkpoints, checkpoints_of

    if every is None and not resume:
        return None
    return Checkpoints(checkpoints_of(model), every, resume, fresh=overwrite and not resume)


def found_by(checkpoints: Checkpoints | None) -> State | None:
    """The last checkpoint that there is to go on from, without its arrays."""
    from slide.core.checkpoints.shelf import Shelf
    from slide.core.errors import ModelError
    from slide.core.runs.found import demand_heading
    from slide.core.runs.saving import nothing_in

    if checkpoints is None or not checkpoints.resume:
        return None
    found = Shelf(checkpoints.folder).last_heading()
    if found is None and checkpoints.every is None:
        raise ModelError(nothing_in(checkpoints.folder))
    if found is not None:
        demand_heading(found)
    return found


def tell_ended(model: Path, figures: dict[str, Any], quiet: bool, as_json: bool) -> None:
    """Say that the run had left its model before it was killed, and what it would have said."""
    if not quiet:
        said = f"the run was complete: its model is in {model}, and its checkpoints are removed"
        print(f"slide: {said}", file=sys.stderr)
    if as_json:
        print_json(figures)
    elif not quiet:
        print(model_in(model))


def settings_from(found: State, chosen: dict[str, Any], quiet: bool) -> Config:
    """All settings of the run that goes on; how far it is, and what changes, is said on stderr."""
    from slide.core.learners.config import Config
    from slide.core.runs.resuming import changes, config_of

    run, place = found["run"], found["place"]
    config = config_of(run, Config(**chosen), place)
    said = f"goes on after step {found['clock']['step']}, in epoch {place['epoch']}"
    for name, (before, after) in changes(run, config).items():
        said += f"; {name} is {after!r} from now on, and was {before!r}"
    if not quiet:
        print(f"slide: {said}", file=sys.stderr)
    return config
