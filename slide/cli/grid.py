"""The grid kernel x property that `slide verify` prints."""

from __future__ import annotations

from rich.table import Table

from slide.reference.checks import PROPERTIES, Check

STYLES = {"pass": "green", "fail": "bold red", "missing": "bold red", "inherited": "yellow"}


def grid_of(checks: list[Check]) -> Table:
    """A row per kernel and for training, a column per property; last the examples that were run."""
    kernels = list(dict.fromkeys(check.kernel for check in checks))
    properties = [name for name in PROPERTIES if any(check.property == name for check in checks)]
    cells = {(check.kernel, check.property): check for check in checks}
    table = Table("kernel", *properties, "examples", box=None, padding=(0, 1, 0, 0))
    for kernel in kernels:
        row = [cells.get((kernel, name)) for name in properties]
        examples = sum(check.examples for check in row if check)
        table.add_row(kernel, *map(cell, row), f"{examples:8d}")
    return table


def cell(check: Check | None) -> str:
    """Empty where a property does not apply to a kernel."""
    if check is None:
        return ""
    return f"[{STYLES[check.outcome]}]{check.outcome}[/]"
