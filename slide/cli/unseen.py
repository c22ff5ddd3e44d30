"""What training never saw, as the command line tells of it: a line on stderr, or a refusal."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from slide.core.errors import DataError
from slide.core.models.unseen import Unseen, UnseenWarning
from slide.data.streams import shown

Strict = Annotated[
    bool,
    typer.Option("--strict", help="Refuse features and labels that training never saw."),
]


@contextmanager
def telling_unseen(path: Path | None, strict: bool, quiet: bool = False) -> Iterator[None]:
    """Say on stderr what the examples of a file have that training never saw.

    Raises:
        DataError: they have any, and `strict` is true.
    """
    with warnings.catch_warnings():
        wanted: Literal["error", "ignore", "always"] = (
            "error" if strict else "ignore" if quiet else "always"
        )
        warnings.simplefilter(wanted, UnseenWarning)
        try:
            yield
        except UnseenWarning as warning:
            raise refusal(warning.args[0], path) from None


def refusal(unseen: Unseen, path: Path | None) -> DataError:
    """The error to raise for what `--strict` does not let pass."""
    sentence = f"{unseen.told()}: use files of one numbering, or leave out --strict"
    return DataError(sentence, shown(path) if path else "the validation set")


def unused_labels(n: int, n_labels: int) -> str:
    """What is said of labels that no training example has."""
    what = "label has" if n == 1 else "labels have"
    return f"{n} of {n_labels} {what} no training example: never named before those that have one"
