"""Which epoch's model is kept, on the command line: options, and what they stand for together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from slide.core.errors import ConfigError

if TYPE_CHECKING:
    from slide.core.runs.keeping import Keeping

Keep = Annotated[
    Literal["last", "best"],
    typer.Option(help="Which epoch's model to leave: the last, or the best on --valid."),
]
Patience = Annotated[
    int | None,
    typer.Option(metavar="N", help="Stop after N epochs that are not better on --valid."),
]
Metric = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="What is better; precision_at_1 if not given."),
]


def keeping_of(
    keep: Literal["last", "best"],
    patience: int | None,
    metric: str | None,
    valid: Path | None,
    resume: bool,
) -> Keeping:
    """What the options ask for; a run that goes on has its validation set from the one before.

    Raises:
        ConfigError: epochs are to be compared without anything to do it on, or by a metric though
            they are not compared.
    """
    from slide.core.runs.keeping import LAST, Keeping

    keeping = Keeping(keep, metric or LAST.metric, patience)
    if not resume:
        keeping.refuse_without(valid)
    if metric and not keeping.compares:
        raise ConfigError(
            "--metric compares epochs: add --keep best or --patience N, or leave it out"
        )
    return keeping
