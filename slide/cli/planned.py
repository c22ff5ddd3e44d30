"""A plan as a table, in sentences and as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from slide.distributed.planning.advice import Plan
from slide.distributed.planning.assumed import assumptions, duration, letters
from slide.distributed.planning.faults import Expected, Faults
from slide.distributed.planning.timing import Line

COLUMNS = (
    "nodes", "batch", "epoch", "with\nfaults", "speed-\nup", "effi-\nciency", "memory\na node",
    "bytes\na step", "limited\nby", "as-\nsumes",
)  # fmt: skip
"""In two lines where that is narrower, so that all are whole on a screen of 80 columns."""


def show(plan: Plan, found: Sequence[Expected], faults: Faults) -> None:
    """Print the table, what is advised, and what is assumed."""
    console = Console()
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    for name in COLUMNS:
        table.add_column(name, overflow="fold")
    for number, (line, expected) in enumerate(zip(plan.lines, found, strict=True)):
        is_advised = number == plan.advised
        cells = row(plan, line, expected, faults, is_advised)
        table.add_row(*cells, style="bold green" if is_advised else None)
    console.print(table)
    console.print(plan.reason[0].upper() + plan.reason[1:], highlight=False)
    for sentence in advice_on_checkpoints(plan, found):
        console.print(sentence, highlight=False)
    used = {letter for line in plan.lines for letter in letters(plan, line, faults)}
    for letter, sentence in assumptions(plan, faults).items():
        if letter in used:
            console.print(f"{letter}: {sentence}.", style="dim", highlight=False)


def row(
    plan: Plan, line: Line, expected: Expected, faults: Faults, is_advised: bool
) -> tuple[str, ...]:
    """The cells of a line; the advised one has an asterisk."""
    return (
        f"{line.n_nodes:,}{' *' if is_advised else ''}",
        f"{line.batch_size:,}",
        duration(line.epoch_seconds),
        duration(expected.seconds),
        f"{line.speed_up:.2f}",
        f"{100 * line.efficiency:.0f} %",
        size(line.memory_bytes),
        size(line.bytes_per_step) if line.bytes_per_step else "-",
        line.limit,
        letters(plan, line, faults),
    )


def advice_on_checkpoints(plan: Plan, found: Sequence[Expected]) -> list[str]:
    """How often to save on the advised line, if nodes fail."""
    if plan.advised is None or math.isinf(found[plan.advised].checkpoint_seconds):
        return []
    seconds = found[plan.advised].checkpoint_seconds
    return [f"Save every {duration(seconds)} (--checkpoint-every {max(round(seconds), 1)}s)."]


def size(n_bytes: float) -> str:
    """Bytes as a person says them."""
    for unit, of in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= of:
            return f"{n_bytes / of:,.1f} {unit}"
    return f"{n_bytes:.0f} B"


def as_object(plan: Plan, found: Sequence[Expected], faults: Faults) -> dict[str, Any]:
    """The same for programs; what is infinite is null."""
    return {
        "work": asdict(plan.work),
        "rates": asdict(plan.rates),
        "node": asdict(plan.node),
        "faults": asdict(faults),
        "lines": [
            line_object(plan, line, expected, faults)
            for line, expected in zip(plan.lines, found, strict=True)
        ],
        "advised": None if plan.advised is None else plan.lines[plan.advised].n_nodes,
        "reason": plan.reason,
        "assumptions": assumptions(plan, faults),
    }


def line_object(plan: Plan, line: Line, expected: Expected, faults: Faults) -> dict[str, Any]:
    """One line."""
    return {
        "nodes": line.n_nodes,
        "batch_size": line.batch_size,
        "seconds_epoch": line.epoch_seconds,
        "seconds_epoch_with_faults": finite(expected.seconds),
        "lost_to_faults": expected.lost,
        "checkpoint_every_seconds": finite(expected.checkpoint_seconds),
        "speed_up": line.speed_up,
        "efficiency": line.efficiency,
        "memory_bytes_a_node": line.memory_bytes,
        "fits": line.fits,
        "bytes_a_step": line.bytes_per_step,
        "seconds_a_step": asdict(line.step) | {"all": line.step.seconds},
        "limited_by": line.limit,
        "assumes": letters(plan, line, faults),
    }


def finite(value: float) -> float | None:
    """None where there is no such number in JSON."""
    return None if math.isinf(value) else value
