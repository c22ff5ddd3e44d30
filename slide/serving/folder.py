"""The folder of a frozen model: config.json and arrays.safetensors, whole or not there at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import save_file

from slide.core.errors import ModelError, quoted, reason_of, worded
from slide.core.examples.names_file import NAMES
from slide.core.examples.texts_file import TEXT
from slide.core.models.beside import write_beside
from slide.core.models.folder import (
    CALIBRATION,
    CONFIG,
    FROZEN,
    refuse_no_files,
    staged,
)
from slide.core.models.model import Model
from slide.core.models.tensors import COUNTS, refuse_nonsense
from slide.serving.engine import Arrays
from slide.serving.mapped import map_arrays

VERSION = 1
ARRAYS = "arrays.safetensors"
PARTS = frozenset({CONFIG, ARRAYS, NAMES, TEXT, CALIBRATION})


@dataclass(frozen=True, slots=True)
class Frozen:
    """All that a frozen model is made of.

    Args:
        description: what config.json holds.
        arrays: by name; mapped ones if it lies in a folder.
        folder: where it lies, absolute; None if it is in memory alone.
        beside: names and probabilities, by their names in `Model`, of one in memory alone.
    """

    description: dict[str, Any]
    arrays: Arrays
    folder: Path | None = None
    beside: dict[str, Any] = field(default_factory=dict)


def write(frozen: Frozen, model: Model, folder: Path, overwrite: bool = False) -> None:
    """Write the folder of a frozen model, with what stands beside the weights of the model.

    A frozen model that is replaced is renamed and unlinked, never written into: processes that
    have mapped it keep its pages.

    Raises:
        ModelError: something of that name exists that may not be replaced, or the operating system
            refuses.
    """
    refuse_if_taken(folder, overwrite)
    with staged(folder, overwrite, refuse_if_taken) as partial:
        try:
            write_beside(model, partial)
            save_file(frozen.arrays, partial / ARRAYS)
            said = frozen.description | {"sha256": digest_of(partial / ARRAYS)}
            text = json.dumps(said, indent=2) + "\n"
            (partial / CONFIG).write_text(text, encoding="utf-8")
            shutil.copymode(partial / CONFIG, partial / ARRAYS)  # else only its owner may read it
        except (OSError, SafetensorError) as error:
            raise ModelError(
                f"cannot write the frozen model to {folder.parent}: {error}; make room, or choose "
                "another folder"
            ) from None


def refuse_if_taken(folder: Path, overwrite: bool) -> None:
    """Raise ModelError unless a folder is free, or a frozen model alone that may be replaced."""
    if not os.path.lexists(folder):
        return
    overwriting = worded("overwrite=True", "--overwrite")
    if not overwrite:
        raise ModelError(
            f"{folder} exists: choose another folder for the frozen model, or replace one by "
            f"{overwriting}"
        )
    if not is_frozen(folder):
        raise ModelError(f"{folder} is no frozen model: {overwriting} only replaces frozen models")
    foreign = sorted({path.name for path in folder.iterdir()} - PARTS)
    if foreign:
        raise ModelError(
            f"{folder} also holds {foreign[0]}, which is not part of a frozen model and would be "
            "lost: move it, or choose another folder"
        )


def read(folder: Path) -> Frozen:
    """Read a folder that `write` wrote; of its arrays no more than where they are.

    Raises:
        ModelError: it is missing, damaged, or of another version.
    """
    description = description_of(folder)
    refuse_no_files(folder, PARTS)
    if description.get("version") != VERSION:
        got = quoted(description.get("version"))
        raise ModelError(
            f"{folder / CONFIG} has version {got}: this slide reads "
            f"version {VERSION}, so freeze the model again"
        )
    return Frozen(description, map_arrays(folder / ARRAYS), folder.resolve())


def description_of(folder: Path) -> dict[str, Any]:
    """Read config.json, of whatever version.

    Raises:
        ModelError: it is missing, damaged, or not of a frozen model.
    """
    path = folder / CONFIG
    refuse_no_files(folder, [CONFIG])
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(
            f"{folder} is not a frozen model ({path.name}: {error.strerror}): expected a folder "
            "that `slide freeze` wrote"
        ) from None
    except (ValueError, RecursionError) as error:
        raise ModelError(
            f"{path} is damaged ({reason_of(error)}): freeze the model again"
        ) from None
    if not isinstance(description, dict) or description.get("format") != FROZEN:
        raise ModelError(
            f"{path} is not of a frozen model: expected format {FROZEN!r}, which `slide freeze` "
            "makes of a model folder"
        )
    return description


def is_frozen(folder: Path) -> bool:
    """Whether a folder says of itself that it is a frozen model, of whatever version."""
    try:
        return bool(description_of(folder))
    except ModelError:
        return False


def check_bytes(frozen: Frozen) -> None:
    """Read all arrays of a folder.

    Raises:
        ModelError: they are not those that were written, or a number is not finite.
    """
    assert frozen.folder is not None
    path = frozen.folder / ARRAYS
    if digest_of(path) != frozen.description.get("sha256"):
        raise ModelError(
            f"{path} is damaged (its bytes are not those that were written): freeze the model again"
        )
    refuse_nonsense(path, frozen.arrays, frozen.arrays.get(COUNTS, np.zeros(0)))


def digest_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
