"""What `slide doctor` found, on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from slide.report.doctor import Examination, Extra


def show(found: Examination, console: Console) -> None:
    """Print everything that was looked at, problems in yellow, then the optional packages."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for each in found.findings:
        problem = f"\n[yellow]{escape(each.problem)}[/]" if each.problem else ""
        table.add_row(escape(each.name), escape(each.said) + problem)
    console.print(table)
    console.print()
    for extra in found.extras:
        console.print(line_of(extra), soft_wrap=False)
    if not found.extras:
        console.print("[dim]Extras are known where slide-engine is installed, not from sources.[/]")
    if not found.can_run:
        console.print("[red]slide cannot run here.[/]")


def line_of(extra: Extra) -> str:
    """What a set of packages brings; if some are missing, which, and the command for them."""
    if extra.is_whole:
        return f"[green]extra {extra.name}[/] is there: {escape(extra.brings)}"
    missing = ", ".join(name for name, version in extra.installed.items() if version is None)
    return (
        f"[yellow]extra {extra.name}[/] lacks {escape(missing)}. It brings "
        f"{escape(extra.brings)}: {escape(extra.install)}"
    )
