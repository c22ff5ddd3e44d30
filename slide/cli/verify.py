"""slide verify: does a backend match the definition?"""

from __future__ import annotations

from textwrap import indent
from typing import Annotated

import typer

WIDTH = 140  # of the grid; a narrower terminal breaks its lines rather than its words


def verify(
    backend: Annotated[str, typer.Argument(help="Registered name or module:Class.")],
    examples: Annotated[int, typer.Option(min=1, help="Examples per check, at most.")] = 25,
    seed: Annotated[int, typer.Option(min=0, help="Of the examples.")] = 0,
) -> None:
    """Check every kernel of a backend against a second, dumber formula; exit 1 if any fails."""
    from rich.console import Console
    from threadpoolctl import threadpool_limits

    from slide.backends import create
    from slide.cli.grid import grid_of
    from slide.cli.screen import new_bar
    from slide.reference.checks import GRID, checking, passed

    computer = create(backend)
    checks = []
    bar = new_bar(Console(stderr=True))
    bar.disable = not bar.console.is_terminal
    task = bar.add_task("checks", total=sum(map(len, GRID.values())))
    with bar, threadpool_limits(limits=1):  # BLAS with more threads has other last bits
        for one in checking(computer, examples, seed):
            checks.append(one)
            bar.update(task, advance=1, description=f"{one.kernel} {one.property}")
    print(getattr(computer, "name", backend))
    Console(width=WIDTH).print(grid_of(checks))
    if any(one.snippet for one in checks):
        print("Before pasting what follows:")
        print("    import slide\n    from slide.reference.pasting import *")
        print(f"    backend = slide.load_backend({backend!r})")
    for bad in (one for one in checks if one.outcome != "pass"):
        print(f"{bad.kernel} {bad.property}: {bad.outcome}. {bad.message}")
        if bad.snippet:
            print(indent(bad.snippet, "    "))
    raise typer.Exit(0 if passed(checks) else 1)
