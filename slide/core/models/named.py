"""Names of a model, and the sentences of its files."""

from __future__ import annotations

from pathlib import Path

from slide.core.errors import ModelError
from slide.core.examples.names import Names
from slide.core.examples.numbering import Numbering


def refusal(path: Path, fault: str) -> ModelError:
    """The error to raise for a file of a model's folder."""
    return ModelError(f"{path} {fault}: train the model again")


def refuse_misfit(what: str, names: Names | None, numbering: Numbering) -> None:
    """Raise ModelError unless every id has a name.

    Args:
        what: `features` or `labels`.
        names: of them, if they have any.
        numbering: their ids.
    """
    n_ids = numbering.n if numbering.ids is None else int(numbering.ids.max(initial=-1)) + 1
    if names is not None and len(names) < n_ids:
        raise ModelError(
            f"there are {len(names)} names of {what}, but ids of {what} up to {n_ids - 1}: "
            "expected a name for each"
        )
