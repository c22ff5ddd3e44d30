"""Model folders on disk: whole or not there at all.

A folder is written under a hidden name beside its place and renamed when it is complete, so that
a crash, a full disk or Ctrl-C leaves whatever was there before untouched.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from slide.core.contract.own_files import is_no_file
from slide.core.errors import ModelError, quoted, reason_of, worded
from slide.core.examples.names_file import NAMES
from slide.core.examples.texts_file import TEXT

FORMAT = "slide-model"
FROZEN = "slide-predictor"  # what `Model.freeze` writes (see slide.serving.folder)
VERSION = 3  # of what stands in config.json and what is in weights.safetensors
WITHOUT_LEARNER = 2  # the settings of all learners stood in config.json, and not which it was
NUMBERED = 4  # of a model with ids of its own for few columns; all others are still of VERSION
IN_SHARDS = 5  # of a model whose weights are in several files (see slide.core.models.shards)
READ = (WITHOUT_LEARNER, VERSION, NUMBERED, IN_SHARDS)
CONFIG, WEIGHTS, METRICS = "config.json", "weights.safetensors", "metrics.jsonl"
CALIBRATION = "calibration.json"
RUN = "run.json"  # what a run tells of itself beside its epochs (see slide.core.runs.told)
PARTS = frozenset({CONFIG, WEIGHTS, METRICS, NAMES, TEXT, CALIBRATION, RUN})
SHARD = re.compile(r"weights-\d{5}-of-\d{5}\.safetensors")


@contextmanager
def staged(
    folder: Path, overwrite: bool, refuse: Callable[[Path, bool], None] | None = None
) -> Iterator[Path]:
    """A new empty folder that takes the place of `folder` when the block ends without an error.

    Args:
        folder: the place.
        overwrite: whether something may be replaced there.
        refuse: raises ModelError if what is there may not; None for `refuse_if_taken`.

    Raises:
        ModelError: `folder` exists and may not be replaced, or cannot be made.
    """
    folder, refuse = folder.resolve(), refuse or refuse_if_taken
    refuse(folder, overwrite)
    partial = hidden_sibling(folder, "partial")
    new_parents = [parent for parent in folder.parents if not parent.exists()]
    try:
        make_folder(partial)
        yield partial
        put_in_place(partial, folder, overwrite, refuse)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        with suppress(OSError):  # they are not empty: the model stands in them
            for parent in new_parents:
                parent.rmdir()


class Tried(Exception):  # noqa: N818, it is no error
    """Ends what was only tried."""


def refuse_unwritable(
    folder: Path, overwrite: bool, refuse: Callable[[Path, bool], None] | None = None
) -> None:
    """Raise ModelError unless a folder can be made: `staged` is tried, before the work is done."""
    (refuse or refuse_if_taken)(folder, overwrite)  # by the name that it was given
    with suppress(Tried), staged(folder, overwrite, refuse):
        raise Tried


def hidden_sibling(folder: Path, role: str) -> Path:
    """A hidden name next to `folder` that nobody else uses."""
    return folder.with_name(f".{folder.name}.{role}-{secrets.token_hex(4)}")


def make_folder(folder: Path) -> None:
    """Make a folder and the folders it lies in.

    Raises:
        ModelError: the operating system refuses.
    """
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise ModelError(
            f"cannot make a model folder in {folder.parent}: {error.strerror}; "
            f"choose another {worded('folder', '--model')}"
        ) from None


def refuse_if_taken(folder: Path, overwrite: bool) -> None:
    """Raise ModelError unless `folder` is free, or holds a model alone and may be overwritten."""
    if not os.path.lexists(folder):
        return
    if not overwrite:
        raise ModelError(
            f"{folder} exists: choose another {worded('folder', '--model')}, or replace it by "
            f"{worded('overwrite=True', '--overwrite')}"
        )
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else {folder.name}
    if not folder.is_dir() or (names and not is_model(folder)):
        overwriting = worded("overwrite=True", "--overwrite")
        raise ModelError(f"{folder} is not a model folder: {overwriting} only replaces models")
    foreign = sorted(name for name in names - PARTS if not SHARD.fullmatch(name))
    if foreign:
        raise ModelError(
            f"{folder} also holds {foreign[0]}, which is not part of a model and would be lost: "
            f"move it, or choose another {worded('folder', '--model')}"
        )


def is_model(folder: Path) -> bool:
    """True if `folder` says of itself that it is a model, of whatever version."""
    try:
        return bool(description_of_any_version(folder))
    except ModelError:
        return False


def put_in_place(
    partial: Path, folder: Path, overwrite: bool, refuse: Callable[[Path, bool], None]
) -> None:
    """Rename `partial` to `folder`; an older model of that name goes when the new one stands.

    Raises:
        ModelError: something that may not be replaced has come there since the run began; what
            is finished then stays under another name.
    """
    try:
        refuse(folder, overwrite)
    except ModelError as error:
        kept = folder.with_name(f"{folder.name}-{secrets.token_hex(4)}")
        partial.rename(kept)
        raise ModelError(f"{error}; the finished model is in {kept}") from None
    old = hidden_sibling(folder, "old")
    if folder.exists():
        folder.rename(old)
    try:
        partial.rename(folder)
    except BaseException:  # Ctrl-C, too: the old model comes back
        if old.exists():
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def write_description(folder: Path, description: dict[str, Any]) -> None:
    """Write config.json."""
    text = json.dumps({"format": FORMAT, "version": VERSION} | description, indent=2)
    (folder / CONFIG).write_text(text + "\n", encoding="utf-8")


def read_description(folder: Path) -> dict[str, Any]:
    """Read config.json.

    Raises:
        ModelError: there is none, it is not of a model folder, or of another version.
    """
    description = description_of_any_version(folder)
    version = description.get("version")
    if type(version) is not int or version not in READ:
        raise ModelError(
            f"{folder / CONFIG} has version {quoted(version)}: this slide reads "
            f"versions {', '.join(map(str, READ[:-1]))} and {READ[-1]}, so train the model again"
        )
    return description


def own_names(folder: Path) -> set[str]:
    """Names that a model folder has, or may have, for files of its own."""
    return {path.name for path in folder.iterdir() if SHARD.fullmatch(path.name)} | PARTS


def refuse_no_files(folder: Path, names: Iterable[str]) -> None:
    """Raise ModelError where one of these names is there and no file of the folder's own."""
    for path in (folder / name for name in names):
        if is_no_file(path):
            raise ModelError(
                f"{path} is a link, a pipe or a folder, expected a file: copy what it stands for "
                "into the model folder"
            )


def description_of_any_version(folder: Path) -> dict[str, Any]:
    """Read config.json, as far as it is one of a model."""
    path = folder / CONFIG
    refuse_no_files(folder, [CONFIG])
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(
            f"{folder} is not a model folder ({path.name}: {error.strerror}): "
            f"expected a folder that {worded('Model.save', '`slide train --model`')} wrote"
        ) from None
    except (ValueError, RecursionError) as error:
        reason = reason_of(error)
        raise ModelError(f"{path} is damaged ({reason}): train the model again") from None
    if isinstance(description, dict) and description.get("format") == FROZEN:
        raise ModelError(
            f"{folder} is a frozen model, which only answers: load it by slide.Predictor.load, or "
            "give the folder that it was made of"
        )
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise ModelError(f"{path} is not of a model: expected format {FORMAT!r}")
    return description
