"""The folder of an ensemble: config.json, and a model folder for each member."""

from __future__ import annotations

import json
import os
from pathlib import Path

from slide.core.contract.invariants import demand
from slide.core.errors import FAULTS, ModelError, quoted, reason_of, worded
from slide.core.models.calibration import Calibration
from slide.core.models.folder import (
    CALIBRATION,
    CONFIG,
    is_model,
    refuse_if_taken,
    refuse_no_files,
)
from slide.core.models.stored import refusing_writes
from slide.distributed.parts import MOST

FORMAT = "slide-ensemble"
VERSION = 1
VOTE = "mean sigmoid"  # of the logits of members


def names_of(n: int) -> list[str]:
    """Of the folders of so many members."""
    return [f"member-{number}" for number in range(n)]


def write_manifest(folder: Path, n: int) -> None:
    """Write config.json, and make folders for so many members.

    Raises:
        ModelError: the operating system refuses.
    """
    said = {"format": FORMAT, "version": VERSION, "vote": VOTE, "members": names_of(n)}
    with refusing_writes(folder):
        (folder / CONFIG).write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
        for name in names_of(n):
            (folder / name).mkdir()


def write_calibration(folder: Path, calibration: Calibration) -> None:
    """Write calibration.json.

    Raises:
        ModelError: the operating system refuses.
    """
    with refusing_writes(folder):
        calibration.write(folder)


def members_in(folder: Path) -> list[str]:
    """The names of the members' folders, as config.json says.

    Raises:
        ModelError: it is damaged, or of another version.
    """
    path = folder / CONFIG
    refuse_no_files(folder, [CONFIG])
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        names, version = description["members"], description["version"]
        demand(description["format"] == FORMAT, "another format")
        demand(isinstance(names, list) and 0 < len(names) <= MOST, "no list of members")
        expected = names_of(len(names))
        demand(names == expected, f"members are not called {expected[0]} and so on")
    except OSError as error:
        raise ModelError(f"{folder} is not an ensemble ({path.name}: {error.strerror})") from None
    except FAULTS as error:
        raise ModelError(
            f"{path} is damaged ({reason_of(error)}): train the ensemble again"
        ) from None
    if (version, description.get("vote")) != (VERSION, VOTE):
        raise ModelError(
            f"{path} has version {quoted(version)} and vote {quoted(description.get('vote'))}: "
            f"this slide reads version {VERSION} and {VOTE!r}, so train the ensemble again"
        )
    return expected


def is_ensemble(folder: Path) -> bool:
    """Whether a folder says of itself that it is an ensemble, of whatever version."""
    try:
        description = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(description, dict) and description.get("format") == FORMAT


def refuse_taken(folder: Path, overwrite: bool) -> None:
    """Raise ModelError unless a folder is free, or a model or an ensemble alone to be replaced."""
    if not (overwrite and os.path.lexists(folder) and folder.is_dir() and is_ensemble(folder)):
        refuse_if_taken(folder, overwrite)
        return
    names = members_in(folder)
    foreign = sorted({path.name for path in folder.iterdir()} - {CONFIG, CALIBRATION, *names})
    if foreign:
        raise ModelError(
            f"{folder} also holds {foreign[0]}, which is not part of an ensemble and would be "
            f"lost: move it, or choose another {worded('folder', '--model')}"
        )
    for name in names:
        if is_model(folder / name):
            refuse_if_taken(folder / name, overwrite)


def refuse_ensemble(folder: Path, reason: str) -> None:
    """Raise ModelError where a folder is one, and something is wanted that only a model has."""
    if is_ensemble(folder):
        raise ModelError(
            f"{folder} is an ensemble, and {reason}: give the folder of a member, such as "
            f"{folder / names_of(1)[0]}"
        )
