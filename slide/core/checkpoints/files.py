"""One checkpoint as it is stored: arrays as safetensors, and all else as two lines of JSON.

The first line says what the file is, and has checksums of the second line and of the arrays.
Arrays are written from where they lie: `safetensors` would copy each, and let no thread compute
meanwhile.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from slide.core.contract.arrays import Array
from slide.core.contract.own_files import is_no_file
from slide.core.contract.state import State
from slide.core.errors import FAULTS, ModelError, quoted, reason_of, said_anew

FORMAT, VERSION = "slide-checkpoint", 1
STATE, ARRAYS = "state.jsonl", "arrays.safetensors"
ARRAY = "\0array"  # key of what stands for an array: no name in a state has such a letter
DTYPES = {
    "float64": "F64", "float32": "F32", "int64": "I64", "int32": "I32", "int8": "I8",
    "uint64": "U64", "uint32": "U32", "uint8": "U8", "bool": "BOOL",
}  # fmt: skip
AT_A_TIME = 1 << 24  # bytes that are written, or summed, in one go


class DamagedError(ModelError):
    """A checkpoint that cannot be read; one before it may be."""


def write_checkpoint(folder: Path, state: State) -> None:
    """Write a state into an existing folder, and have it on the disk.

    Raises:
        OSError: the operating system refuses.
    """
    arrays: dict[str, Array] = {}
    body = json.dumps(without_arrays(state, "", arrays))
    checksum = write_arrays(folder / ARRAYS, arrays)
    heading = {
        "format": FORMAT,
        "version": VERSION,
        "state": zlib.crc32(body.encode()),
        "arrays": checksum,
    }
    with (folder / STATE).open("w", encoding="utf-8") as file:
        file.write(f"{json.dumps(heading)}\n{body}\n")
        file.flush()
        os.fsync(file.fileno())
    sync_folder(folder)


def write_arrays(path: Path, arrays: dict[str, Array]) -> int:
    """Write arrays of the host as safetensors; the checksum of the file."""
    described, end = dict[str, Any](), 0
    for name, array in arrays.items():
        begin, end = end, end + array.nbytes
        dtype = DTYPES[array.dtype.name]
        described[name] = {"dtype": dtype, "shape": array.shape, "data_offsets": [begin, end]}
    header = json.dumps(described).encode()
    header += b" " * (-len(header) % 8)
    checksum = 0
    with path.open("wb") as file:
        begun = np.frombuffer(len(header).to_bytes(8, "little") + header, np.uint8)
        for array in (begun, *arrays.values()):
            for block in blocks_of(array):
                checksum = zlib.crc32(block, checksum)
                file.write(block)
        file.flush()
        os.fsync(file.fileno())
    return checksum


def blocks_of(array: Array) -> Iterable[memoryview]:
    """The bytes of an array in C order, some at a time."""
    view = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
    return (view[begin : begin + AT_A_TIME] for begin in range(0, len(view), AT_A_TIME))


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
        raise DamagedError(f"cannot read {path}: {error.strerror or error}") from None
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
        while block := file.read(AT_A_TIME):
            checksum = zlib.crc32(block, checksum)
    return checksum


def without_arrays(tree: Any, path: str, arrays: dict[str, Array]) -> Any:
    """The tree with a name in place of each array, which is put among the arrays by it."""
    if isinstance(tree, np.ndarray):
        arrays[path] = tree
        return {ARRAY: path}
    if isinstance(tree, dict):
        return {key: without_arrays(one, f"{path}/{key}", arrays) for key, one in tree.items()}
    if isinstance(tree, list | tuple):
        return [without_arrays(one, f"{path}/{n}", arrays) for n, one in enumerate(tree)]
    return tree


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
