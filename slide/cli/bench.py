"""slide bench: how fast the kernels of a backend are."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, TypeVar, cast

import typer
from rich.console import Console

from slide.cli.options import Threads, computing_threads
from slide.cli.screen import new_bar
from slide.core.contract.backend import Backend
from slide.core.errors import ConfigError

Thing = TypeVar("Thing")

BASELINES = ("numba", "reference")
FAILED = 1  # the exit status of whoever is refused


def bench(
    backend: Annotated[str, typer.Argument(help="Registered name or module:Class.")],
    kernel: Annotated[
        list[str] | None,
        typer.Option("--kernel", "-k", metavar="KERNEL", help="Only this one; may be repeated."),
    ] = None,
    size: Annotated[
        list[str] | None,
        typer.Option(metavar="SIZE", help="small, demo or large; may be repeated; or all three."),
    ] = None,
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the times as pytest-benchmark does.")
    ] = None,
    threads: Threads = None,
) -> None:
    """Time the kernels of a backend beside numba, the reference and what the machine allows.

    They are verified first; exit 1 if one is refused.
    """
    from slide.backends import complete
    from slide.bench.as_json import as_text
    from slide.bench.calls import TIMED, calls_of
    from slide.bench.limits import measure_limits
    from slide.bench.problem import SIZES
    from slide.bench.racing import Race
    from slide.cli.speeds import table
    from slide.data import refuse_unwritable

    kernels, sizes = (
        given_or_all("--kernel", kernel, TIMED),
        given_or_all("--size", size, list(SIZES)),
    )
    if json and json.is_dir():
        raise ConfigError(f"--json got {json}, which is a folder: expected a file")
    if json and not json.parent.is_dir():
        raise ConfigError(f"--json got {json}: expected a file in a folder that exists")
    if json:
        refuse_unwritable(json)
    computer, calls, entries = create_verified(backend, kernels), calls_of(kernels), []
    with ExitStack() as stack:
        backends = {backend: computer} | {one: complete(one) for one in BASELINES if one != backend}
        used = [stack.enter_context(computing_threads(one, threads)) for one in backends.values()]
        n_threads = used[0]
        race = Race(backends, measure_limits(n_threads, "quick"))
        for name in sizes:
            timed = race.entries(name, calls)
            found = list(with_bar(timed, len(calls) * len(backends), f"timing, {name}"))
            print(table(backend, found, n_threads), flush=True)
            entries += found
    if json:
        json.write_text(as_text(entries, n_threads), encoding="utf-8")


def given_or_all(option: str, given: Sequence[str] | None, known: Sequence[str]) -> list[str]:
    """Those that were given, in the order of those that there are, or all of these.

    Raises:
        ConfigError: there is no such one.
    """
    if unknown := [name for name in given or () if name not in known]:
        raise ConfigError(f"{option} got {unknown[0]!r}: expected one of {', '.join(known)}")
    return [name for name in known if not given or name in given]


def create_verified(name: str, kernels: Sequence[str]) -> Backend:
    """The backend, of which these kernels may be timed; or say that they may not, and exit."""
    from slide.backends import create
    from slide.bench.verifying import refusal

    backend = create(name)
    rows = ("put", "get", *kernels)
    for kernel in with_bar(rows, len(rows), "verifying"):
        if sentence := refusal(backend, name, [kernel]):
            print(f"slide: {sentence}", file=sys.stderr)
            raise typer.Exit(FAILED)
    return cast(Backend, backend)


def with_bar(things: Iterable[Thing], n: int, doing: str) -> Iterator[Thing]:
    """The things, with a bar on stderr if that is a terminal."""
    bar = new_bar(Console(stderr=True))
    bar.disable = not bar.console.is_terminal
    task = bar.add_task(doing, total=n)
    with bar:
        for thing in things:
            yield thing
            bar.update(task, advance=1)
