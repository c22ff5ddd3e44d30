"""The grid kernel x property that `slide verify` prints."""

from __future__ import annotations

from rich.table import Table

from slide.reference.checks import Check

STYLES = {"pass": "green", "fail": "bold red", "missing": "bold red", "inherited": "yellow"}


def grid_of(checks: list[Check]) -> Table:
    """A row per kernel, a column per property, each cell the outcome and the examples run."""
    kernels = list(dict.fromkeys(check.kernel for check in checks))
    properties = list(dict.fromkeys(check.property for check in checks))
    cells = {(check.kernel, check.property): check for check in checks}
    table = Table("kernel", *properties, caption="outcome and number of examples run")
    for kernel in kernels:
        table.add_row(kernel, *(cell(cells.get((kernel, name))) for name in properties))
    return table


def cell(check: Check | None) -> str:
    """Empty where a property does not apply to a kernel."""
    if check is None:
        return ""
    return f"[{STYLES[check.outcome]}]{check.outcome} {check.examples}[/]"
