"""slide inspect: what is in a model."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slide.cli.explain import named
from slide.cli.freeze import bytes_in, model_in
from slide.cli.options import AsJson, ModelFolder, print_json
from slide.core.errors import ModelError

if TYPE_CHECKING:
    from slide.core.models.inspection import Inspection


def inspect(
    folder: ModelFolder,
    label: Annotated[
        str | None,
        typer.Option(
            "--label",
            help="Show the strongest inputs of this label, as predict names it.",
            show_default=False,
        ),
    ] = None,
    n: Annotated[
        int, typer.Option("--n", min=1, help="Inputs of the label to show, the strongest.")
    ] = 10,
    as_json: AsJson = False,
) -> None:
    """Tell what is in the model DIR: sizes, origin, names, settings, what is dead.

    With --label X, which inputs have the largest weights for this label. DIR
    may be frozen.
    """
    from rich.console import Console

    from slide.cli.portrait import show_inputs, show_model
    from slide.distributed.ensemble_folder import refuse_ensemble

    refuse_ensemble(folder, "what is told is of one model")
    model = model_in(folder, None)
    firsts = model.one_based.first_feature, model.one_based.first_label
    on_disk = {"bytes": bytes_in(folder)} | frozen_as(folder)
    told = model.inspect()
    chosen = chosen_in(folder, told)
    of_label = None
    if label is not None:
        of_label = model.inputs_of_label(named(model, label, model.one_based), n)
    if as_json:
        inputs = None if of_label is None else of_label.to_dict(*firsts)
        print_json(told.to_dict(firsts[1]) | on_disk | {"chosen": chosen, "label": inputs})
        return
    console = Console(highlight=False)
    if of_label is None:
        show_model(told, on_disk, chosen, firsts[1], console)
    else:
        show_inputs(of_label, firsts, console)


def chosen_in(folder: Path, told: Inspection) -> dict[str, Any]:
    """Settings that training chose, with what it chose; None where that is not recorded."""
    from slide.report.runs.reading import run_in

    chosen = {name: value for name, value in told.config.items() if value is None}
    with suppress(ModelError):  # frozen, or its records are damaged: the model is told all the same
        config = run_in("", folder, "").config
        chosen = {name: config.get(name) for name in chosen}
    return chosen | ({"layers": 1 + len(told.layers)} if "layers" in chosen else {})


def frozen_as(folder: Path) -> dict[str, Any]:
    """How the weights of a model are frozen; None of one that is not."""
    from slide.serving.folder import description_of, is_frozen

    if not is_frozen(folder):
        return {"frozen": None}
    said = description_of(folder)
    return {"frozen": {name: said.get(name) for name in ("dtype", "keep")}}
