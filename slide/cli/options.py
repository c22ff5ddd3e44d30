"""Arguments and options that several subcommands share, and what they stand for."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slide.bench.machine import cores
from slide.core.contract.backend import Backend
from slide.core.errors import ConfigError
from slide.core.settings.config import Config

if TYPE_CHECKING:
    from slide.reference.spot_checks import Tally

ModelFolder = Annotated[Path, typer.Argument(metavar="DIR", help="Model folder.")]
FORMATS = "XMC-repository text, .svmlight or .npz; text also as .gz or .zst."
DataFile = Annotated[Path, typer.Argument(metavar="FILE", help=FORMATS)]
BackendName = Annotated[
    str | None,
    typer.Option(
        "--backend",
        help="Registered name or module:Class; $SLIDE_BACKEND or numba if not given.",
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(min=1, max=4096, help="Threads to compute with; all cores if not given."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]


def given(options: dict[str, Any]) -> dict[str, Any]:
    """Those that were given."""
    return {name: value for name, value in options.items() if value is not None}


def widths(name: str, text: str) -> tuple[int, ...]:
    """The numbers of `--hidden 128,64`, one for each layer; 0 stands for no layer.

    Raises:
        ConfigError: it is no list of whole numbers.
    """
    if text == "0":
        return ()
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(
            f"{name} is {text!r}: expected whole numbers with commas between them, such as 128,64"
        ) from None


def settings_of(assignments: list[str]) -> dict[str, Any]:
    """Settings from `--set NAME=VALUE`, by the types that `Config` gives them.

    Raises:
        ConfigError: there is no such setting, or the value is not of its type.
    """
    known = {field.name: str(field.type) for field in fields(Config)}
    settings = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals or name not in known:
            raise ConfigError(
                f"--set got {assignment!r}: expected NAME=VALUE with a name of "
                f"{', '.join(sorted(known))}"
            )
        settings[name] = value_of(name, text, known[name])
    return settings


def value_of(name: str, text: str, kind: str) -> Any:
    """The value that a text stands for, of a type named in `Config`."""
    if kind.startswith("tuple"):
        return widths(name, text)
    if kind == "bool":
        return {"true": True, "false": False}.get(text.lower(), text)
    try:
        return {"int": int, "float": float}.get(kind, str)(text)
    except ValueError:
        return text  # Config says what it expected


@contextmanager
def computing_threads(backend: Backend, threads: int | None) -> Iterator[int]:
    """Give the backend its threads, and BLAS one: two pools would fight for the cores.

    At the end of what is computed, say on stderr what was checked of it, if anything was.

    Yields:
        How many threads the backend uses.
    """
    from threadpoolctl import threadpool_limits

    from slide.backends import use_threads

    with threadpool_limits(limits=1, user_api="blas"):
        yield use_threads(backend, threads or cores())
    if tally := tally_of(backend):
        print(f"slide: {tally}", file=sys.stderr)


def tally_of(backend: Backend) -> Tally | None:
    """What was checked of a backend whose calls are checked ($SLIDE_CHECK)."""
    return getattr(backend, "spot_checks", None)


def print_json(figures: dict[str, Any]) -> None:
    """Print the object on stdout."""
    print(json.dumps(figures, indent=2))
