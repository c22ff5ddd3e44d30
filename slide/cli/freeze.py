"""slide freeze: a model that only answers, mapped and shared; and models of either kind, opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from slide.cli.options import ModelFolder
from slide.core.errors import ConfigError

if TYPE_CHECKING:
    from slide.core.models.model import Model

COMPUTES = "numba"  # for frozen models


def freeze(
    folder: ModelFolder,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder of the frozen model.")],
    dtype: Annotated[
        str, typer.Option(help="Of the weights: float32, float16 or int8.")
    ] = "float32",
    keep: Annotated[
        float,
        typer.Option(
            metavar="SHARE",
            help="Of each label's weights, those of largest magnitude; of direct connections.",
        ),
    ] = 1.0,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the frozen model that is in OUT.")
    ] = False,
) -> None:
    """Write the model DIR to OUT with all that its answers look into: it loads in milliseconds.

    Processes that answer by it share its memory. `slide predict`, `slide
    evaluate` and `slide.Predictor.load` take OUT; training cannot go on from
    it.
    """
    from slide.core.models.folder import refuse_unwritable
    from slide.core.models.model import Model
    from slide.serving.folder import refuse_if_taken

    refuse_unwritable(out, overwrite, refuse_if_taken)
    frozen = Model.load(folder, COMPUTES).freeze(out, cast(Any, dtype), keep, overwrite)
    print(
        f"{out}: {frozen.n_labels} labels, {dtype}, {frozen.nbytes / 1e6:.1f} MB of arrays "
        f"({bytes_in(folder) / 1e6:.1f} MB in {folder})"
    )


def bytes_in(folder: Path) -> int:
    """Of the files in a folder."""
    return sum(path.stat().st_size for path in folder.iterdir())


def model_in(folder: Path, backend: str | None) -> Model:
    """The model of a folder, frozen or not, or what answers for an ensemble, and what computes.

    Raises:
        ConfigError: it is frozen, and to be computed by another backend.
    """
    from slide.backends import load
    from slide.core.models.model import Model
    from slide.distributed.ensemble_folder import is_ensemble
    from slide.serving.folder import is_frozen

    if is_ensemble(folder):
        from slide.distributed.ensemble import Ensemble

        return Ensemble.load(folder, load(backend)).model
    if not is_frozen(folder):
        return Model.load(folder, load(backend))
    if backend not in (None, COMPUTES):
        raise ConfigError(
            f"--backend is {backend!r}, but frozen models answer by {COMPUTES} alone: leave it "
            "out, or give the folder of the model that was frozen"
        )
    from slide.serving.predictor import Predictor

    return Predictor.load(folder).model
