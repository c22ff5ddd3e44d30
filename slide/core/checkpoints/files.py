"""One checkpoint as it is stored: arrays as safetensors, and all else as two lines of JSON.

The first line says what the file is, and has checksums of the second line and of the arrays.
"""

from __future__ import annotations

import json
import os
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from slide.core.checkpoints.around import switch, write_all
from slide.core.checkpoints.snapshot import ARRAY, BLOCK, Snapshot
from slide.core.contract.arrays import Array
from slide.core.contract.own_files import is_no_file
from slide.core.contract.state import State
from slide.core.errors import FAULTS, ModelError, quoted, reason_of, refused, said_anew

FORMAT, VERSION = "slide-checkpoint", 4
STATE, ARRAYS = "state.jsonl", "arrays.safetensors"


class DamagedError(ModelError):
    """A checkpoint that cannot be read; one before it may be."""


def write_checkpoint(folder: Path, snapshot: Snapshot) -> None:
    """Write a state into an existing folder, and have it on the disk.

    Raises:
        OSError: the operating system refuses.
        MemoryError: there is none for a state that is not copied.
    """
    checksum = write_arrays(folder / ARRAYS, snapshot)
    heading = {
        "format": FORMAT,
        "version": VERSION,
        "state": zlib.crc32(snapshot.body.encode()),
        "arrays": checksum,
    }
    write_text(folder, STATE, f"{json.dumps(heading)}\n{snapshot.body}\n")


def write_text(folder: Path, name: str, text: str) -> None:
    """Write a file, and have it on the disk."""
    with (folder / name).open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(folder)


def write_arrays(path: Path, snapshot: Snapshot) -> int:
    """Write the arrays of a state as safetensors; the checksum of the file."""
    checksum = 0
    with path.open("wb", buffering=0) as file:
        switch(file.fileno(), True)
        for block in snapshot.blocks:
            checksum = zlib.crc32(block.data, checksum)
            write_all(file.fileno(), block.data)
        os.fsync(file.fileno())
    return checksum


def read_heading(folder: Path) -> State:
    """The state without its arrays, in whose place there are names.

    Raises:
        DamagedError: it is missing, or not what was written.
        ModelError: it is of another version.
    """
    return read_parts(folder / STATE)[1]


def read_checkpoint(folder: Path) -> State:
    """The state that was written.

    Raises:
        DamagedError: it is missing, or not what was written.
        ModelError: it is of another version.
    """
    heading, state = read_parts(folder / STATE)
    path = folder / ARRAYS
    refuse_no_file(path)
    try:
        if checksum_of(path) != heading["arrays"]:
            raise DamagedError(f"{path} is damaged: its checksum is another one")
        whole: State = with_arrays(state, load_file(path))
    except OSError as error:
        raise DamagedError(f"cannot read {path}: {refused(error)}") from None
    except (SafetensorError, *FAULTS) as error:
        raise DamagedError(f"{path} is damaged ({reason_of(error)})") from None
    return whole


def refuse_no_file(path: Path) -> None:
    """Raise DamagedError where this name is there, but no file of the checkpoint's own."""
    if is_no_file(path):
        raise DamagedError(f"{path} is a link, a pipe or a folder, expected a file")


def read_parts(path: Path) -> tuple[dict[str, Any], State]:
    """What stands in a file STATE, of this version: heading and body."""
    refuse_no_file(path)
    try:
        first, body = path.read_text(encoding="utf-8").split("\n", 1)
        heading = json.loads(first)
        if not isinstance(heading, dict) or heading.get("format") != FORMAT:
            raise DamagedError(f"{path} is not of a checkpoint: expected format {FORMAT!r}")
        if heading.get("version") != VERSION:
            got = quoted(heading.get("version"))
            raise ModelError(
                f"{path} has version {got}: this slide goes on from version {VERSION}, so "
                f"go on by the slide that wrote it, or begin anew by {said_anew()}"
            )
        if zlib.crc32(body.removesuffix("\n").encode()) != heading.get("state"):
            raise DamagedError(f"{path} is damaged: its checksum is another one")
        return heading, json.loads(body)
    except OSError as error:
        raise DamagedError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"{path} is damaged ({reason_of(error)})") from None


def checksum_of(path: Path) -> int:
    """CRC-32 of a file."""
    checksum = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            checksum = zlib.crc32(block, checksum)
    return checksum


def with_arrays(tree: Any, arrays: dict[str, Array]) -> Any:
    """The inverse of `without_arrays`; arrays may be written into, and each stands for one."""
    if isinstance(tree, dict):
        if ARRAY in tree:
            return np.array(arrays.pop(tree[ARRAY]))
        return {key: with_arrays(one, arrays) for key, one in tree.items()}
    if isinstance(tree, list):
        return [with_arrays(one, arrays) for one in tree]
    return tree


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk, where the system knows of such a thing."""
    with suppress(PermissionError):  # Windows opens no folder
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def sync_file(path: Path) -> None:
    """Have a file that is closed on the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
