"""A model on a terminal: what is in it, and the strongest inputs of a label."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from slide.cli.evidence import UNITS
from slide.core.attribution import Layer
from slide.core.errors import as_text
from slide.core.examples.names import Name
from slide.core.models.inspection import Input, Inspection, LabelInputs, Some

NOT_RECORDED = "not recorded"
CHOSEN = "chosen"  # in training, and not recorded
BEHIND_LAYERS = (
    "Behind hidden layers no weight of a feature holds for all examples: shown are units of the "
    "last one, and what activates each of them most."
)
UNITS_OF_BYTES = {1: "bytes", 1e3: "kB", 1e6: "MB", 1e9: "GB"}
NAME_WIDTH = 30  # characters of the name of an input or a label, beyond which it is cut


def facts(pairs: Iterable[tuple[str, str]]) -> Table:
    """What each thing is called, and what is known of it, folded where it is long."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, said in pairs:
        table.add_row(name, escape(printable(said)))
    return table


def show_model(
    told: Inspection, on_disk: dict[str, Any], chosen: dict[str, Any], first: int, console: Console
) -> None:
    """Print what is in a model.

    Args:
        told: all of it.
        on_disk: bytes of its folder, and how it is frozen.
        chosen: settings that training chose; None where it is not recorded what.
        first: the number of the first label.
        console: where to.
    """
    console.print(
        facts([*sizes(told, on_disk), *origin(told), *beside(told, chosen), *dead(told, first)])
    )


def sizes(told: Inspection, on_disk: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """How large it is."""
    yield "learner", f"{told.title} ({told.learner})"
    yield "features", f"{told.n_features:,}"
    yield "labels", f"{told.n_labels:,}"
    if told.n_weights is not None:
        yield "weights", f"{told.n_weights:,}"
    if told.n_pairs:
        yield "pairs", f"{told.n_pairs:,} of features that are inputs together"
    for number, layer in enumerate(told.layers, 1):
        yield f"layer {number}", of_layer(layer)
    if told.n_held_examples:
        yield "", f"the model holds {told.n_held_examples:,} training examples"
    frozen, size = on_disk["frozen"], in_bytes(on_disk["bytes"])
    kept = f", {frozen['keep']:.0%} of the weights" if frozen and frozen["keep"] != 1 else ""
    yield "on disk", f"{size}, frozen, {frozen['dtype']}{kept}" if frozen else size


def in_bytes(n: float) -> str:
    """So many bytes, in the largest unit that leaves a whole one."""
    unit = next((unit for unit in UNITS_OF_BYTES if n < 1000 * unit), 1e9)
    return f"{n / unit:,.1f} {UNITS_OF_BYTES[unit]}" if unit > 1 else f"{n:,.0f} bytes"


def of_layer(layer: Layer) -> str:
    """A hidden layer in words."""
    if layer.of == "labels":
        return f"{layer.n_units:,} units of labels, {layer.n_dead:,} of them without any weight"
    return f"{layer.n_units:,} neurons, {layer.n_dead:,} of them dead (no row activates them)"


def origin(told: Inspection) -> Iterator[tuple[str, str]]:
    """Where it comes from."""
    least, median, most = told.examples_of_label or (0, 0, 0)
    yield "trained on", f"{told.n_samples:,} examples, file {told.trained_on or NOT_RECORDED}"
    yield "", f"of a label {least:,} to {most:,}, half of the labels have {median:,.0f} at most"
    yield "data digest", told.origin.data_digest or NOT_RECORDED
    yield "trained at", told.origin.trained_at or NOT_RECORDED
    yield "by slide", told.origin.slide_version or NOT_RECORDED


def beside(told: Inspection, chosen: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What stands beside its weights, and its settings."""
    names = {"features": told.feature_names, "labels": told.label_names}
    said = [f"{n:,} of {what}" for what, n in names.items() if n is not None]
    yield "names", " and ".join(said) or "none"
    if told.vectorizer is not None:
        yield "texts", f"become features by {told.vectorizer}"
    yield "counted", "from 0" if told.one_based == "none" else f"from 1: {told.one_based}"
    calibration = "none: slide train --calibrate, or --valid FILE"
    if told.calibrated_on is not None:
        error = told.calibration_error
        calibration = f"on {told.calibrated_on:,} examples, off by {error:.3f} there"
    yield "calibration", calibration
    settings = told.config | chosen
    yield "settings", " ".join(f"{name}={spelled(value)}" for name, value in settings.items())
    if chosen:
        yield "", f"of these training chose {' '.join(chosen)}"


def spelled(value: Any) -> str:
    """A setting without blanks, so that lines break between settings."""
    return CHOSEN if value is None else as_text(value)


def dead(told: Inspection, first: int) -> Iterator[tuple[str, str]]:
    """What it knows nothing of."""
    yield "labels without", f"examples: {listed(told.without_examples, first)}"
    if told.n_unused_inputs is not None:
        yield "", f"weights: {listed(told.without_weights, first)}"
    if told.n_unused_inputs:
        yield "unused inputs", f"{told.n_unused_inputs:,}, which no label has a weight for"


def listed(labels: Some, first: int) -> str:
    """How many, and the first of them."""
    names: Iterable[Name | None] = labels.names or [None] * len(labels.labels)
    pairs = zip(labels.labels, names, strict=True)
    said = [cut(str(label + first if name is None else name)) for label, name in pairs]
    more = ", ..." if labels.n > len(said) else ""
    return f"{labels.n:,}" + (f" ({', '.join(said)}{more})" if said else "")


def printable(text: str) -> str:
    """Without line breaks, and without what moves a cursor or clears a terminal."""
    words = " ".join(text.split())
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in words)


def cut(text: str) -> str:
    """A name that is not too long, on one line."""
    text = printable(text)
    return text if len(text) <= NAME_WIDTH else text[: NAME_WIDTH - 1] + "…"


def show_inputs(told: LabelInputs, firsts: tuple[int, int], console: Console) -> None:
    """Print the strongest inputs of a label.

    Args:
        told: these.
        firsts: the numbers of the first feature and of the first label.
        console: where to.
    """
    name = f"label {told.label + firsts[1]}" if told.name is None else str(told.name)
    many = f"{told.n_examples:,} training example{'' if told.n_examples == 1 else 's'}"
    console.print(f"[bold]{escape(printable(name))}[/]  [dim]({many})[/]")
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    table.add_column("input", max_width=2 * NAME_WIDTH, no_wrap=True, overflow="ellipsis")
    table.add_column("weight", justify="right")
    for piece in told.inputs:
        for indent, each in (("", piece), *(("  by ", below) for below in piece.led_by)):
            table.add_row(escape(indent + printable(name_of(each, firsts))), f"{each.weight:+.4f}")
    n_others = told.n_inputs - len(told.inputs)
    if n_others:
        table.add_row(f"[dim]{n_others:,} other input{'' if n_others == 1 else 's'}[/]", "")
    table.add_row("[dim]constant (bias)[/]", f"{told.bias:+.4f}")
    console.print(table)
    if any(piece.neuron is not None for piece in told.inputs):
        console.print(f"[dim]{BEHIND_LAYERS}[/]")


def name_of(piece: Input, firsts: tuple[int, int]) -> str:
    """What an input is called, or what stands for it."""
    if piece.neuron is not None:
        return f"unit {piece.neuron}"
    if piece.unit is not None:
        label = piece.unit.label + firsts[1]
        name = f"label {label}" if piece.unit.name is None else str(piece.unit.name)
        return f"{UNITS[piece.unit.by]} {name}"
    numbers = [f"feature {feature + firsts[0]}" for feature in piece.features]
    names = piece.names or [None] * len(numbers)
    pairs = zip(names, numbers, strict=True)
    return " & ".join(number if name is None else str(name) for name, number in pairs)
