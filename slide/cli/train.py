"""slide train: from a data file to a model folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slide.backends.shared import Mode, OnLoss
from slide.cli.distributed import (
    Address,
    AverageEvery,
    Combined,
    Distributed,
    Loose,
    Shards,
    Wanted,
)
from slide.cli.keeping import Keep, Metric, Patience, keeping_of
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
    given,
)
from slide.cli.resuming import (
    CheckpointEvery,
    Resume,
    asked_for,
    found_by,
    tell_ended,
)
from slide.cli.settings import all_chosen, common_settings, takes_settings
from slide.cli.texts import (
    Labels,
    Separator,
    Text,
    Vectorize,
    Vectorizer,
    texts_of,
)
from slide.cli.tracking import EventFolder, board_in
from slide.cli.training import Training
from slide.cli.training_files import has_clicks, judged_on, refuse_files
from slide.cli.unseen import Strict
from slide.core.errors import ConfigError
from slide.core.examples.counting import OneBased

if TYPE_CHECKING:
    from slide.core.contract.state import State

WORKERS = "Worker processes"
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="Any other setting (docs/settings.md), repeatable."
    ),
]
Calibrate = Annotated[
    bool,
    typer.Option(
        "--calibrate",
        help="Have calibrated probabilities even if that takes training again (in parts).",
    ),
]
ModeOption = Annotated[
    Mode | None,
    typer.Option(
        help="hogwild takes several steps at once (backend processes).", rich_help_panel=WORKERS
    ),
]
OnWorkerLoss = Annotated[
    OnLoss | None,
    typer.Option(
        help="What to do when a worker dies (backend processes).", rich_help_panel=WORKERS
    ),
]


@takes_settings("chosen", common_settings())
def train(
    train: Annotated[Path, typer.Argument(metavar="TRAIN", help=FORMATS)],
    model: Annotated[Path, typer.Option(metavar="DIR", help="Model folder to write.")],
    chosen: dict[str, Any],
    valid: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Evaluate on it after each epoch.")
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
    hold_out: HoldOut = None,
    backend: BackendName = None,
    threads: Threads = None,
    time_budget: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Stop training after so long.")
    ] = None,
    keep: Keep = "last",
    patience: Patience = None,
    metric: Metric = None,
    calibrate: Calibrate = False,
    assignments: Set = None,
    mode: ModeOption = None,
    on_worker_loss: OnWorkerLoss = None,
    checkpoint_every: CheckpointEvery = None,
    resume: Resume = False,
    distributed: Distributed = False,
    shards: Shards = None,
    address: Address = None,
    loose: Loose = False,
    combine: Combined = None,
    average_every: AverageEvery = None,
    tensorboard: EventFolder = None,
    strict: Strict = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the model that is in DIR.")
    ] = False,
    explain_recipe: Annotated[
        bool,
        typer.Option("--explain-recipe", help="Say first which settings are chosen, and why."),
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train a network on TRAIN and leave it in the folder --model.

    What is not chosen is chosen for you, on examples held out or by what can be
    counted. From sparse features each label is solved as a linear SVM. Choose a
    setting of steps, such as --lr, and weights of the same kind are trained by
    steps; choose one of hidden layers, hashing or sampling, and there is a
    hidden layer.
    """
    from slide.backends import load
    from slide.core.models.folder import refuse_unwritable
    from slide.core.runs.ending import taken_over
    from slide.core.runs.refusals import demand_time_budget

    chosen = all_chosen(chosen, assignments)  # refuses bad settings before reading gigabytes
    clicks = clicks or (chosen.get("loss") == "saros" and has_clicks(train, sessions, text, labels))
    logs = logs_of(
        sessions, clicks, columns, no_repeats, clicked_from, hold_out, text=text, labels=labels,
        separator=separator, vectorizer=vectorizer, vectorize=vectorize, one_based=one_based,
    )  # fmt: skip
    texts = logs or texts_of(text, labels, separator, vectorizer, vectorize)
    judged = judged_on(train, valid, hold_out)
    wanted = Wanted(distributed, shards, address, loose, backend, threads, combine, average_every)
    refuse_calibrating(wanted, calibrate, judged)
    refuse_comparing(wanted, keep, patience, checkpoint_every, resume)
    keeping = keeping_of(keep, patience, metric, judged, resume)
    if time_budget is not None:
        demand_time_budget(time_budget)
    board = board_in(tensorboard, model, overwrite, wanted.votes)
    checkpoints = asked_for(model, checkpoint_every, resume, overwrite)
    if (before := taken_over(model, checkpoints)) is not None:
        tell_ended(model, before, quiet, as_json)
        return
    refuse_unwritable(model, overwrite, wanted.refuse_taken())
    found = found_by(checkpoints)
    wanted.refuse_other(found)
    if board is not None:
        board.refuse_taken(goes_on=found is not None)
    one_based = one_based or counting_of(found)
    refuse_files(train, valid, one_based, texts)
    computer = load(backend, **given({"mode": mode, "on_worker_loss": on_worker_loss}))
    Training(
        train, valid, judged, texts, one_based, model, chosen, computer, wanted, keeping,
        checkpoints, found, board, time_budget, calibrate, overwrite, strict, explain_recipe,
        quiet, as_json,
    ).run()  # fmt: skip


def counting_of(found: State | None) -> OneBased | None:
    """What counts from 1 in the files of a run that goes on; None if none does."""
    from slide.core.runs.found import understood

    if found is None:
        return None
    with understood():
        return OneBased(found["run"]["one_based"])


def refuse_calibrating(wanted: Wanted, calibrate: bool, valid: Path | None) -> None:
    """Raise ConfigError if probabilities are wanted for which shards would train again."""
    if wanted.distributed and not wanted.votes and calibrate and valid is None:
        raise ConfigError(
            "--calibrate trains again, in one process: give examples by --valid, on which "
            "probabilities are calibrated then, or leave it out"
        )


def refuse_comparing(
    wanted: Wanted, keep: str, patience: int | None, every: str | None, resume: bool
) -> None:
    """Raise ConfigError if something is asked of members that only one model can have."""
    said = {"--keep best": keep == "best", "--patience": patience, "--checkpoint-every": every,
            "--resume": resume}  # fmt: skip
    idle = [name for name, value in said.items() if value]
    if wanted.votes and idle:
        raise ConfigError(
            f"{idle[0]} is about the epochs of one model, and --combine voted trains several to "
            "their ends: leave out one of them"
        )
