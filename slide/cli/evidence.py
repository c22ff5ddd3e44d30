"""An explanation on a terminal: what speaks for a label in green, what speaks against it in red."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from slide.core.examples.counting import OneBased
from slide.core.examples.names import Name
from slide.core.models.explanation import Evidence, Explanation, Neighbour

HALF = 8  # characters of a bar on either side of its middle
SHOWN = 8  # unknown features, or labels of a neighbour, that are listed


def show(told: Sequence[Explanation], counting: OneBased, ranked: bool) -> None:
    """Print explanations of one example, one below the other, and what is the same for all.

    Args:
        told: one at least.
        counting: what the file counts from 1.
        ranked: they are of the best labels, best first.
    """
    console = Console(highlight=False)
    for place, each in enumerate(told, 1):
        console.print(heading(each, counting, f"{place}. " if ranked else ""))
        console.print(table_of(each, counting) if each.n_examples else UNSEEN)
    for remark in remarks(told[0], counting):
        console.print(f"[dim]{remark}[/]")
    if told[0].neighbours:
        labels = {each.label for each in told}
        console.print(table_of_neighbours(told[0].neighbours, labels, counting))


UNITS = {"score": "scores high:", "share": "near examples:"}
UNSEEN = "  [dim]No training example has this label: it is named after all others.[/]\n"


def heading(told: Explanation, counting: OneBased, place: str) -> str:
    """Which label, its score, and how often training met it."""
    name = name_of_label(told.label, told.name, counting)
    n = told.n_examples
    return (
        f"[bold]{place}{name}[/]  score [bold]{told.score:.6g}[/]"
        f"  [dim]({n:,} training example{'' if n == 1 else 's'})[/]"
    )


def table_of(told: Explanation, counting: OneBased) -> Table:
    """A row for each input, for the others, and for the constant; the score below them."""
    table = Table(box=SIMPLE_HEAD, show_footer=True, padding=(0, 1), pad_edge=False)
    table.add_column("input", "[bold]score[/]", max_width=30, no_wrap=True, overflow="ellipsis")
    table.add_column("value", justify="right")
    table.add_column("gradient" if told.by_gradient else "weight", justify="right")
    table.add_column("adds", f"[bold]{told.score:+.3f}[/]", justify="right")
    table.add_column("against │ for", no_wrap=True)
    table.add_column("share", justify="right")
    if told.n_silent:
        table.caption = f"{told.n_silent} more of the example's inputs add nothing to this label."
        table.caption_justify = "left"
    sums = [told.bias, *(piece.contribution for piece in told.evidence)]
    longest = max(map(abs, [*sums, told.other_contribution])) or 1.0
    for cells in rows_of(told, counting, longest):
        table.add_row(*cells)
    return table


def rows_of(told: Explanation, counting: OneBased, longest: float) -> Iterator[tuple[str, ...]]:
    """Cells: inputs that speak for the label, the rest, and inputs that speak against it."""
    pieces = [(piece.contribution, cells_of(piece, counting, longest)) for piece in told.evidence]
    yield from (cells for added, cells in pieces if added > 0)
    if told.n_others:
        rest = f"{told.n_others} other input{'' if told.n_others == 1 else 's'}"
        yield f"[dim]{rest}[/]", "", "", *amount(told.other_contribution, longest), ""
    constant = "biases on the way" if told.by_gradient else "constant (bias)"
    yield f"[dim]{constant}[/]", "", "", *amount(told.bias, longest), f"{told.bias_share:+.0%}"
    yield from (cells for added, cells in pieces if added < 0)


def cells_of(piece: Evidence, counting: OneBased, longest: float) -> tuple[str, ...]:
    """Of one input."""
    numbers = f"{piece.input:.3f}", f"{piece.weight:+.3f}"
    bars = amount(piece.contribution, longest)
    return name_of_input(piece, counting), *numbers, *bars, f"{piece.share:+.0%}"


def amount(added: float, longest: float) -> tuple[str, str]:
    """A contribution as a number and as a bar."""
    return f"{added:+.3f}", bar_of(added / longest)


def bar_of(length: float) -> str:
    """A bar from the middle to the left or to the right, of a length from -1 to 1."""
    whole, half = divmod(round(2 * HALF * abs(length)), 2)
    if length < 0:
        drawn = ("▐" * half + "█" * whole).rjust(HALF)
        return f"[red]{drawn}[/]│{' ' * HALF}"
    drawn = ("█" * whole + "▌" * half).ljust(HALF)
    return f"{' ' * HALF}│[green]{drawn}[/]"


def name_of_input(piece: Evidence, counting: OneBased) -> str:
    """The name of a feature, of a pair, or of a unit, or what stands for it."""
    if piece.unit is not None:
        label = name_of_label(piece.unit.label, piece.unit.name, counting)
        return f"{UNITS[piece.unit.by]} {label}"
    numbers = [feature + counting.first_feature for feature in piece.features]
    names = piece.names or [f"feature {number}" for number in numbers]
    return escape(" & ".join(map(str, names)))


def name_of_label(label: int, name: Name | None, counting: OneBased) -> str:
    """The name of a label, or what stands for it."""
    return escape(f"label {label + counting.first_label}" if name is None else str(name))


def remarks(told: Explanation, counting: OneBased) -> Iterator[str]:
    """What is to be said of the example, whatever the label."""
    if told.unknown:
        unknown = [feature + counting.first_feature for feature in told.unknown]
        yield f"Left out, for training never saw them: features {listed(unknown)}."
    if told.n_examples and not (told.evidence or told.n_others or told.n_silent):
        yield "Nothing in this example is known to the model: the constant is all of the score."
    if told.by_gradient:
        yield "Behind hidden layers, weights are gradients: they hold for this example."


def listed(things: Sequence[object]) -> str:
    """The first ones, and how many more."""
    more = f" and {len(things) - SHOWN} more" if len(things) > SHOWN else ""
    return ", ".join(map(str, things[:SHOWN])) + more


def table_of_neighbours(near: Iterable[Neighbour], labels: set[int], counting: OneBased) -> Table:
    """A row for each; those of its labels that are explained are marked."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    table.add_column("nearest example", justify="right")
    table.add_column("cosine", justify="right")
    table.add_column("its labels")
    for each in near:
        names = each.names or [None] * len(each.labels)
        spelled = [
            f"[green]✓ {name_of_label(label, name, counting)}[/]"
            if label in labels
            else name_of_label(label, name, counting)
            for label, name in sorted(
                zip(each.labels, names, strict=True), key=lambda pair: pair[0] not in labels
            )
        ]
        table.add_row(str(each.example), f"{each.similarity:.3f}", listed(spelled))
    return table
