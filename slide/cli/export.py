"""slide export: a model in a format that other programs run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from slide.cli.options import ModelFolder
from slide.core.errors import ConfigError


def export(
    folder: ModelFolder,
    file: Annotated[Path, typer.Argument(metavar="FILE.onnx", help="Written, if it is new.")],
) -> None:
    """Write the model DIR, if it has hidden layers, as an ONNX graph.

    It takes dense features (batch, n_features) and answers with all logits and
    with the ids and scores of the k best labels. Needs slide-engine[onnx].
    """
    from slide.core.models.model import Model
    from slide.data import refuse_taken, refuse_unwritable

    if file.suffix.lower() != ".onnx":
        raise ConfigError(f"{file} does not end in .onnx, the format that is written: name it so")
    refuse_taken(file)
    refuse_unwritable(file)
    Model.load(folder).to_onnx(file)
