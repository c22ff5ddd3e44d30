"""slide doctor: what this machine offers, and what is missing."""

from __future__ import annotations

import typer

from slide.cli.options import AsJson, print_json


def doctor(as_json: AsJson = False) -> None:
    """Tell what this machine offers to slide, and what each missing extra would bring.

    Exit status 1 if nothing can be computed here at all, else 0.
    """
    from rich.console import Console

    from slide.cli.health import show
    from slide.report.doctor import examined

    found = examined()
    if as_json:
        print_json(found.to_dict())
    else:
        show(found, Console(highlight=False))
    raise typer.Exit(0 if found.can_run else 1)
