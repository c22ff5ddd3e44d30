"""How the sampled mode of inference looks for labels: options of evaluate and predict."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slide.cli.settings import takes_settings
from slide.cli.texts import examples_for
from slide.core.errors import ConfigError
from slide.core.examples.counting import OneBased
from slide.core.settings.plan import Plan
from slide.core.settings.setting import settings_of

if TYPE_CHECKING:
    from slide.core.models.model import Model

Sampled = Annotated[
    bool,
    typer.Option(
        "--sampled/--exact",
        help="Look only at neurons that hash tables, or a cut index, find; or at all.",
    ),
]
Insert = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Fill its tables by the labels of these training examples.",
        rich_help_panel=Plan.title,
    ),
]
takes_plan = takes_settings("plan", [[setting] for setting in settings_of(Plan).values()])
"""A command with the options of a plan, in place of its parameter `plan`."""


def refuse_idle(sampled: bool, plan: dict[str, Any], insert: Path | None) -> None:
    """Raise ConfigError if the exact mode is given a plan, or a plan is out of its range."""
    chosen = [*plan, *(["insert"] if insert else [])]
    if chosen and not sampled:
        raise ConfigError(
            f"got {listed(chosen)} without --sampled: exact inference has no hash tables, so add "
            "--sampled or leave them out"
        )
    Plan(**plan)  # refuses before anything is read


def prepare(
    model: Model, plan: dict[str, Any], insert: Path | None, one_based: OneBased, folder: Path
) -> None:
    """Build what the sampled mode looks into, unless the model is frozen and has it.

    Raises:
        ConfigError: the model has no such tables, or others.
    """
    from slide.distributed.ensemble_folder import refuse_ensemble
    from slide.serving.folder import is_frozen

    refuse_ensemble(folder, "--sampled looks at few labels")
    if is_frozen(folder):
        refuse_unstored(model, plan, insert)
        return

    examples = examples_for(model, insert, one_based, None) if insert else None
    model.prepare_sampled(Plan(**plan), examples)


def refuse_unstored(model: Model, plan: dict[str, Any], insert: Path | None) -> None:
    """Raise ConfigError if a frozen model is asked for tables that it does not have."""
    if model.retrieving is None:
        raise ConfigError(
            "the frozen model has direct connections, and no hash tables: leave out --sampled, its "
            "answers are exact"
        )
    if chosen := [*plan, *(["insert"] if insert else [])]:
        raise ConfigError(
            f"got {listed(chosen)}, but the tables of a frozen model are made: leave it out, or "
            "give the folder of the model that was frozen"
        )


def listed(names: Iterable[str]) -> str:
    """The options of these names, in a sentence."""
    return " and ".join("--" + name.replace("_", "-") for name in names)
