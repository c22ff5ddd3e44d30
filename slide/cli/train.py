"""slide train: from a data file to a model folder."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from slide.backends.shared import Mode, OnLoss
from slide.cli.options import (
    FORMATS,
    AsJson,
    BackendName,
    OneBasedText,
    Threads,
    computing_threads,
    given,
    print_json,
    tally_of,
    tell_left_out,
)
from slide.cli.resuming import CheckpointEvery, Resume, asked_for, found_by, settings_from
from slide.cli.screen import Screen
from slide.cli.settings import assigned, common_settings, takes_settings, together
from slide.cli.texts import (
    Labels,
    Separator,
    Text,
    Vectorize,
    Vectorizer,
    columns_of,
    refuse_table,
    tell_unknown,
    vectorizer_settings,
)
from slide.cli.unseen import Strict, telling_unseen, unused_labels
from slide.core.errors import ConfigError
from slide.core.examples.counting import OneBased

WORKERS = "Worker processes"


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
    backend: BackendName = None,
    threads: Threads = None,
    time_budget: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Stop training after so long.")
    ] = None,
    keep: Annotated[
        Literal["last", "best"],
        typer.Option(help="Which epoch's model to leave: the last, or the best on --valid."),
    ] = "last",
    patience: Annotated[
        int | None,
        typer.Option(metavar="N", help="Stop after N epochs that are not better on --valid."),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="What is better; precision_at_1 if not given."),
    ] = None,
    calibrate: Annotated[
        bool,
        typer.Option(
            "--calibrate",
            help="Have calibrated probabilities even if that takes training again (in parts).",
        ),
    ] = False,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Any other setting (docs/settings.md), repeatable."
        ),
    ] = None,
    mode: Annotated[
        Mode | None,
        typer.Option(
            help="hogwild takes several steps at once (backend processes).",
            rich_help_panel=WORKERS,
        ),
    ] = None,
    on_worker_loss: Annotated[
        OnLoss | None,
        typer.Option(
            help="What to do when a worker dies (backend processes).", rich_help_panel=WORKERS
        ),
    ] = None,
    checkpoint_every: CheckpointEvery = None,
    resume: Resume = False,
    strict: Strict = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the model that is in DIR.")
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
    from slide.core.examples.numbering import used
    from slide.core.learners.config import Config
    from slide.core.learners.recipe import recipe
    from slide.core.models.folder import refuse_unwritable
    from slide.core.runs.keeping import LAST, Keeping
    from slide.core.runs.refusals import demand_time_budget
    from slide.core.runs.to_folder import train_to_folder
    from slide.data import read_pair, read_texts_pair, refuse_other_than_svmlight

    columns = columns_of(
        text, labels, separator, {"vectorizer": vectorizer, "vectorize": vectorize}
    )
    words = vectorizer_settings(vectorize)
    chosen = together(chosen, assigned(assignments or []))
    Config(**chosen)  # refuses bad settings before reading gigabytes
    keeping = Keeping(keep, metric or LAST.metric, patience)
    if not resume:
        keeping.refuse_without(valid)
    if metric and not keeping.compares:
        raise ConfigError("--metric compares epochs: add --keep best or --patience N, or leave it")
    if time_budget is not None:
        demand_time_budget(time_budget)
    refuse_unwritable(model, overwrite)
    checkpoints = asked_for(model, checkpoint_every, resume, overwrite)
    found = found_by(checkpoints)
    if found is not None:
        one_based = one_based or OneBased(found["run"]["one_based"])
    if columns is None:
        refuse_table(train)
        refuse_table(valid)
        refuse_other_than_svmlight(train, one_based)
    elif one_based is not None:
        raise ConfigError("--one-based is about numbers, and --text about words: leave one out")
    computer = load(backend, **given({"mode": mode, "on_worker_loss": on_worker_loss}))

    began = time.perf_counter()
    if columns is None:
        train_set, valid_set = read_pair(train, valid, one_based)
    else:
        train_set, valid_set = read_texts_pair(train, valid, columns, vectorizer or "tfidf", words)
    if columns is not None and valid_set is not None and not quiet:
        tell_unknown(valid_set, "judged by the most frequent labels")
    for data in (train_set, valid_set):
        if data is not None and not quiet:
            tell_left_out(data)
    seconds_load = time.perf_counter() - began
    by_steps = getattr(computer, "hogwild_workers", None) is not None
    if found is None:
        config = recipe(train_set, by_steps, time_budget, **chosen)
    else:
        config = settings_from(found, chosen, quiet)
    screen = Screen(config.training.epochs, not quiet, show_epochs=not (quiet or as_json))
    with (
        telling_unseen(valid, strict, quiet),
        computing_threads(computer, threads) as n_threads,
        screen,
    ):
        _, figures = train_to_folder(
            train_set,
            valid_set,
            model,
            config,
            computer,
            overwrite,
            time_budget,
            screen,
            str(train),
            one_based or OneBased.NONE,
            keeping,
            calibrate,
            checkpoints,
        )
    unused = train_set.n_labels - len(used(train_set.y.positive()))
    if unused and not quiet:
        print(f"slide: {unused_labels(unused, train_set.n_labels)}", file=sys.stderr)
    if as_json:
        tally = tally_of(computer)
        checks = {"checked_calls": tally.checked, "checked_worst": tally.worst} if tally else {}
        more = {"seconds_load": seconds_load, "threads": n_threads, "unused_labels": unused}
        print_json(figures | more | checks)
    elif not quiet:
        if keep == "best":
            print(f"Kept epoch {figures['kept_epoch']}, {figures[keeping.metric]:.4f}")
        print(f"Model in {model}: slide evaluate {model} FILE, slide predict {model} FILE")
