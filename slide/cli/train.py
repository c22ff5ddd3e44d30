"""slide train: from a data file to a model folder."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from slide.backends.shared import Mode, OnLoss
from slide.cli.options import (
    FORMATS,
    AsJson,
    BackendName,
    Threads,
    computing_threads,
    given,
    print_json,
    settings_of,
    tally_of,
    widths,
)
from slide.cli.screen import Screen
from slide.core.contract.backend import Strategy
from slide.core.contract.families import HashName
from slide.core.contract.losses import LossName
from slide.core.contract.optim import OptimizerName
from slide.core.settings.config import SamplerName, Scope


def train(
    train: Annotated[Path, typer.Argument(metavar="TRAIN", help=FORMATS)],
    model: Annotated[Path, typer.Option(metavar="DIR", help="Model folder to write.")],
    valid: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Evaluate on it after each epoch.")
    ] = None,
    backend: BackendName = None,
    threads: Threads = None,
    hidden: Annotated[
        str | None,
        typer.Option(
            metavar="N[,N..]", help="Units of each hidden layer; 0 for direct connections."
        ),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training set.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Examples per step.")] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate of the first step.")] = None,
    optimizer: Annotated[OptimizerName | None, typer.Option(help="Of touched rows.")] = None,
    loss: Annotated[LossName | None, typer.Option(help="Over the active set.")] = None,
    dropout: Annotated[float | None, typer.Option(help="Share of hidden units zeroed.")] = None,
    sampler: Annotated[
        SamplerName | None, typer.Option(help="Who proposes active neurons.")
    ] = None,
    scope: Annotated[
        Scope | None, typer.Option(help="One active set per batch or per example.")
    ] = None,
    hash_family: Annotated[
        HashName | None, typer.Option("--hash", help="Family of hash functions.")
    ] = None,
    k_digits: Annotated[int | None, typer.Option("--K", help="Digits per hash code.")] = None,
    n_tables: Annotated[int | None, typer.Option("--L", help="Hash tables.")] = None,
    strategy: Annotated[
        Strategy | None, typer.Option(help="Which neurons found in the tables to prefer.")
    ] = None,
    active: Annotated[
        int | None, typer.Option(help="Neurons proposed beside the labels, per active set.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything random.")] = None,
    time_budget: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Stop training after so long.")
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Any other setting of slide.Config, repeatable."
        ),
    ] = None,
    mode: Annotated[
        Mode | None,
        typer.Option(help="Of the backend processes: hogwild takes several steps at once."),
    ] = None,
    on_worker_loss: Annotated[
        OnLoss | None,
        typer.Option(help="Of the backend processes: what to do when a worker dies."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the model that is in DIR.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train a network on TRAIN and leave it in the folder --model.

    What is not chosen is chosen for you, by what can be counted in the data. Sparse features are
    connected straight to the labels, unless you choose a setting of hidden layers, hashing or
    sampling: then there is a hidden layer.
    """
    from slide.backends import load
    from slide.core.learners.recipe import Traits, recipe, settings_for
    from slide.core.models.folder import refuse_if_taken
    from slide.core.runs.refusals import demand_time_budget
    from slide.core.runs.to_folder import train_to_folder
    from slide.data import read_pair

    chosen = {
        "hidden": widths("--hidden", hidden) if hidden is not None else None, "epochs": epochs,
        "batch_size": batch_size, "lr": lr,
        "optimizer": optimizer, "loss": loss, "dropout": dropout, "sampler": sampler,
        "scope": scope, "hash": hash_family, "K": k_digits, "L": n_tables,
        "strategy": strategy, "active": active, "seed": seed,
    }  # fmt: skip
    chosen = given(chosen) | settings_of(assignments or [])
    if time_budget is not None:
        demand_time_budget(time_budget)
    # refuse bad settings before reading gigabytes
    settings_for(Traits(1, 1, 1.0, 1.0, is_dense=False, is_binary=False), **chosen)
    refuse_if_taken(model, overwrite)
    computer = load(backend, **given({"mode": mode, "on_worker_loss": on_worker_loss}))

    began = time.perf_counter()
    train_set, valid_set = read_pair(train, valid)
    seconds_load = time.perf_counter() - began
    config = recipe(train_set, **chosen)
    screen = Screen(config.epochs, show_bar=not quiet, show_epochs=not (quiet or as_json))
    with computing_threads(computer, threads) as n_threads, screen:
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
        )
    if as_json:
        tally = tally_of(computer)
        checks = {"checked_calls": tally.checked, "checked_worst": tally.worst} if tally else {}
        print_json(figures | {"seconds_load": seconds_load, "threads": n_threads} | checks)
    elif not quiet:
        print(f"Model in {model}: slide evaluate {model} FILE, slide predict {model} FILE")
