"""How the sampled mode of inference looks for labels: options of evaluate and predict."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slide.core.errors import ConfigError

if TYPE_CHECKING:
    from slide.core.models.model import Model
    from slide.core.sampled.retrieval import Plan

Sampled = Annotated[
    bool,
    typer.Option(
        "--sampled/--exact",
        help="Look only at neurons that hash tables, or a cut index, find; or at all.",
    ),
]
KDigits = Annotated[
    int | None, typer.Option("--K", help="Digits per hash code of the sampled mode.")
]
NTables = Annotated[int | None, typer.Option("--L", help="Its hash tables (100).")]
Probes = Annotated[int | None, typer.Option(help="Nearest buckets of a table it looks into (8).")]
Candidates = Annotated[
    float | None,
    typer.Option(
        help="Share of the labels of which it computes the logits (0.002, and 1,000 at least)."
    ),
]
BucketLimit = Annotated[int | None, typer.Option(help="Entries of a bucket it looks at (50).")]
Insert = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Fill its tables by the labels of these training examples."),
]


def plan_options(sampled: bool, **given: Any) -> dict[str, Any]:
    """Those that were given.

    Raises:
        ConfigError: any was, without the sampled mode; or one is out of its range.
    """
    chosen = {name: value for name, value in given.items() if value is not None}
    if chosen and not sampled:
        raise ConfigError(
            f"got {listed(chosen)} without --sampled: exact inference has no hash tables, so add "
            "--sampled or leave them out"
        )
    plan_of(chosen)  # refuses before anything is read
    return chosen


def plan_of(chosen: dict[str, Any]) -> Plan:
    """What the options say, but for the examples to insert."""
    from slide.core.sampled.retrieval import Plan

    return Plan(**{name: value for name, value in chosen.items() if name != "insert"})


def prepare(model: Model, chosen: dict[str, Any]) -> None:
    """Build what the sampled mode looks into, as the options say.

    Raises:
        ConfigError: the model has direct connections, which are not hashed.
    """
    from slide.data import read

    of_hashing = [name for name in ("K", "L", "probes") if name in chosen]
    if of_hashing and not model.config.hidden:
        raise ConfigError(
            f"got {listed(of_hashing)} for direct connections, which have an index and no hash "
            "tables: leave it out, or cut the index by --bucket-limit"
        )
    insert, shape = chosen.get("insert"), (model.network.n_features, model.network.n_labels)
    model.prepare_sampled(plan_of(chosen), read(insert, *shape) if insert else None)


def listed(names: Iterable[str]) -> str:
    """The options of these names, in a sentence."""
    return " and ".join("--" + name.replace("_", "-") for name in names)
