"""slide verify: does a backend match the definition?"""

from __future__ import annotations

from typing import Annotated

import typer

WIDTH = 120  # of the grid where no terminal says how wide it is


def verify(
    backend: Annotated[str, typer.Argument(help="Registered name or module:Class.")],
    examples: Annotated[int, typer.Option(min=1, help="Random examples per check.")] = 25,
    seed: Annotated[int, typer.Option(min=0, help="Of the random examples.")] = 0,
) -> None:
    """Check every kernel of a backend against a second, dumber formula; exit 1 if one differs."""
    from rich.console import Console

    from slide.backends import create
    from slide.cli.grid import grid_of
    from slide.reference.checks import passed
    from slide.reference.checks import verify as check

    checks = check(create(backend), examples, seed)
    console = Console()
    console.print(grid_of(checks), width=None if console.is_terminal else WIDTH)
    for bad in (one for one in checks if one.outcome != "pass"):
        print(f"{bad.kernel} {bad.property}: {bad.outcome}. {bad.message}")
    raise typer.Exit(0 if passed(checks) else 1)
