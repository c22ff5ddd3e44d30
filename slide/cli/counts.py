"""Examples on a terminal: what was counted in them, and the recipe with its reasons."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from slide.cli.portrait import facts, in_bytes, spelled
from slide.core.examples.statistics import Spread, Statistics
from slide.core.learners.reasons import Recipe

VALUES = {
    "none": "none: no example has a feature",
    "binary": "all 1",
    "even": "one value an example",
    "weighted": "weighted",
    "dense": "dense rows",
}


def show_data(told: Statistics, more: dict[str, Any], console: Console) -> None:
    """Print what was counted.

    Args:
        told: all of it.
        more: digest of the data, and bytes on disk.
        console: where to.
    """
    console.print(facts(facts_of(told, more)))
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    table.add_column("", no_wrap=True)
    for heading in ("mean", "least", "quarter", "half", "3 quarters", "most"):
        table.add_column(heading, justify="right")
    spreads = {
        "features of an example": told.features_per_example,
        "labels of an example": told.labels_per_example,
        "examples of a label": told.examples_per_label,
    }
    for name, spread in spreads.items():
        if spread is not None:
            table.add_row(name, *cells(spread))
    console.print(table)
    console.print(table_of_parts(told))


def facts_of(told: Statistics, more: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What is no table."""
    yield "examples", f"{told.n_samples:,}"
    yield (
        "",
        (
            f"{told.without_features:,} without features, {told.without_labels:,} without labels, "
            f"{told.duplicates:,} equal to another"
        ),
    )
    unused = told.n_features - told.features_in_use
    yield "features", of_ids(told.n_features, unused, "in no example", told.feature_names)
    unused = told.labels_without_examples
    yield "labels", of_ids(told.n_labels, unused, "without examples", told.label_names)
    yield "values", values_of(told)
    if told.negatives or told.left_out:
        yield "pairs", f"{told.negatives:,} shown and not chosen, {told.left_out:,} left out"
    beside = [name for name in ("weights", "times") if getattr(told, f"has_{name}")]
    if beside:
        yield "of examples", " and ".join(beside)
    size = more["bytes_on_disk"]
    disk = "" if size is None else f", {in_bytes(size)} on disk"
    yield "size", f"{in_bytes(told.n_bytes)} as arrays{disk}"
    yield "data digest", more["data_digest"]


def of_ids(n: int, unused: int, lack: str, names: int | None) -> str:
    """How many there are, how many of them no example has, and whether they have names."""
    left = f", {unused:,} of them {lack}" if unused else ", all in use"
    return f"{n:,}{left}" + ("" if names is None else ", with names")


def values_of(told: Statistics) -> str:
    """What values are like, and how many of all that there may be."""
    between = ""
    if told.smallest is not None and told.smallest != told.largest:
        between = f", {told.smallest:.4g} to {told.largest:.4g}"
    share = f"{100 * told.density:.3g} % of examples times features in use"
    return f"{VALUES[told.values]}{between}; {told.n_values:,}, {share}"


def cells(spread: Spread) -> list[str]:
    """Of one line."""
    return [f"{spread.mean:,.1f}", *(f"{number:,.0f}" for number in spread[1:])]


def table_of_parts(told: Statistics) -> Table:
    """Labels by how frequent they are."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    table.add_column("labels by frequency", no_wrap=True)
    for heading in ("labels", "examples of each", "share of pairs"):
        table.add_column(heading, justify="right")
    for part in told.parts:
        each = f"{part.least:,} to {part.most:,}" if part.least < part.most else f"{part.least:,}"
        table.add_row(part.name, f"{part.n_labels:,}", each, f"{part.share:.0%}")
    return table


def show_recipe(told: Recipe, console: Console) -> None:
    """Print what is chosen, and why."""
    console.print(f"[bold]Training takes {told.title}:[/] {escape(told.because)}.")
    seconds = "" if told.seconds is None else f", and about {told.seconds:,.0f} s on two cores"
    console.print(f"Beside the data up to {in_bytes(told.n_bytes)} of memory{seconds}.")
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    table.add_column("setting", no_wrap=True)
    table.add_column("value", no_wrap=True)
    table.add_column("because", overflow="fold")
    for reason in told.reasons:
        value = "open" if reason.value is None else spelled(reason.value)
        table.add_row(reason.name, escape(value), escape(reason.because))
    console.print(table)
    console.print("[dim]All other settings are at their defaults (docs/settings.md).[/]")
