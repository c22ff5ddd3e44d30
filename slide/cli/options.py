"""Arguments and options that several subcommands share, and what they stand for."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slide.core.contract.backend import Backend
from slide.core.examples.counting import OneBased
from slide.core.machine import cores

if TYPE_CHECKING:
    from slide.core.examples.dataset import Dataset
    from slide.reference.spot_checks import Tally

ModelFolder = Annotated[Path, typer.Argument(metavar="DIR", help="Model folder.")]
FORMATS = (
    "XMC-repository text, .svmlight, .npz, .parquet, .arrow, also compressed, or a data folder; - "
    "is stdin."
)
DataFile = Annotated[Path, typer.Argument(metavar="FILE", help=FORMATS)]
OneBasedText = Annotated[
    OneBased | None,
    typer.Option(
        "--one-based",
        help="What svmlight counts from 1; that of the model, or nothing, if not given.",
    ),
]
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


def tell_left_out(data: Dataset) -> int:
    """How many labels are left out of rankings and truths, which is said on stderr if any are."""
    n = 0 if data.left_out is None else data.left_out.nnz
    if n:
        print(
            f"slide: {n} pairs of an example and its own label are left out of labels and rankings",
            file=sys.stderr,
        )
    return n


def model_in(folder: Path, *options: str) -> str:
    """Where a model is, and what may be done with it, with these options."""
    words = " ".join([str(folder), "FILE", *options])
    return f"Model in {folder}: slide evaluate {words}, slide predict {words}"


def print_json(figures: dict[str, Any]) -> None:
    """Print the object on stdout."""
    print(json.dumps(figures, indent=2))
