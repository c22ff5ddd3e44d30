"""Arguments and options that several subcommands share, and what they stand for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

ModelFolder = Annotated[Path, typer.Argument(metavar="DIR", help="Model folder.")]
FORMATS = "XMC-repository text, .svmlight or .npz; text also as .gz or .zst."
DataFile = Annotated[Path, typer.Argument(metavar="FILE", help=FORMATS)]
BackendName = Annotated[
    str | None,
    typer.Option(
        "--backend",
        help="Registered name or module:Class; $SLIDE_BACKEND or reference if not given.",
    ),
]
Threads = Annotated[
    int,
    typer.Option(min=1, max=4096, help="Threads that BLAS products may use."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]


@contextmanager
def computing_threads(threads: int) -> Iterator[None]:
    """Limit the thread pools of this process."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=threads):
        yield


def print_json(figures: dict[str, Any]) -> None:
    """Print the object on stdout."""
    print(json.dumps(figures, indent=2))
