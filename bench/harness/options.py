"""What every bench is asked: which backend, how many threads, whose data, how thoroughly."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import slide
from bench.harness.tables import Table
from slide.bench.verifying import refusal
from slide.core.contract.backend import Backend
from slide.core.machine import cores
from slide.reference.properties import GRID


def parser(doc: str) -> argparse.ArgumentParser:
    """The options that scripts and report share, under the first line of a module's docstring."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--backend", default="numba", help="name or module:Class")
    parser.add_argument("--threads", type=int, default=cores())
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="X_train.npz and so on; else drawn"
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, few rounds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the tables there, too")
    return parser


def verified(name: str, threads: int) -> Backend:
    """A backend that may be timed.

    Raises:
        BackendError: there is no such backend, or `slide verify` refuses it.
    """
    backend = slide.load_backend(name)
    if sentence := refusal(backend, name, GRID):
        raise slide.BackendError(sentence)
    backend.set_threads(threads)
    return backend


def tell(tables: list[Table], path: Path | None) -> None:
    """Print tables as Markdown, and write them as JSON for the report."""
    for table in tables:
        print(table.markdown(), flush=True)
    if path:
        path.write_text(json.dumps([asdict(table) for table in tables]))
