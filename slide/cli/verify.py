"""slide verify: does a backend match the definition?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from slide.cli.options import AsJson, print_json
from slide.core.machine import cores

MOST_JOBS = 4  # unless more are asked for: backends have threads, too


def verify(
    backend: Annotated[str, typer.Argument(help="Registered name or module:Class.")],
    examples: Annotated[int, typer.Option(min=1, help="Examples per check, at most.")] = 25,
    seed: Annotated[int, typer.Option(min=0, help="Of the examples.")] = 0,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, max=256, help="Processes at once; as many as cores if not given."),
    ] = None,
    largest: Annotated[
        int | None,
        typer.Option(min=1, help="No size is drawn above it, for backends that are slow."),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the report as a page, too.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check every kernel of a backend against a second, dumber formula; exit 1 if any fails."""
    from rich.console import Console

    from slide.backends.verifying import verify_backend
    from slide.cli.findings import print_report
    from slide.cli.watching import Watching
    from slide.data import refuse_unwritable
    from slide.reference.cases.choices import ANY_SIZE
    from slide.report.verification import refuse_no_file, write_page

    if html:
        refuse_no_file(html)
        refuse_unwritable(html)
    n_jobs = jobs or min(cores(), MOST_JOBS)
    with Watching(backend, examples, Console(stderr=True)) as picture:
        report = verify_backend(backend, examples, seed, n_jobs, picture.watch, largest or ANY_SIZE)
    if html:
        write_page(report, html)
    if as_json:
        print_json(report.as_dict())
    else:
        print_report(report, Console())
    raise typer.Exit(0 if report.passed else 1)
