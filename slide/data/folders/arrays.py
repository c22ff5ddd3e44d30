"""One array on disk: appended to, and mapped into memory when it is whole."""

from __future__ import annotations

import io
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from slide.core.contract.arrays import Array
from slide.core.contract.own_files import is_no_file
from slide.core.errors import DataError
from slide.data.streams import open_error

HEADER = 128  # bytes: NumPy pads so, and leaves room for the length to grow
AT_A_TIME = 1 << 22  # bytes, where a whole file is looked at


def header_of(dtype: np.dtype[Any], length: int) -> bytes:
    """What an .npy file of one dimension begins with, as NumPy writes it."""
    file = io.BytesIO()
    described = npy.dtype_to_descr(dtype)
    npy.write_array_header_1_0(
        file, {"descr": described, "fortran_order": False, "shape": (length,)}
    )
    return file.getvalue()


class ArrayFile:
    """An .npy file of one dimension that grows at its end.

    Args:
        path: of the file; made if it is not there, and otherwise cut to `length`.
        dtype: of the numbers.
        length, crc: of what is there and stays: numbers, and CRC-32 of their bytes.
    """

    def __init__(self, path: Path, dtype: np.dtype[Any], length: int = 0, crc: int = 0) -> None:
        self.path, self.dtype, self.length, self.crc = path, dtype, length, crc
        self.file = path.open("r+b" if path.exists() else "x+b")
        self.file.truncate(HEADER + length * dtype.itemsize)
        self.file.seek(0, os.SEEK_END)

    def append(self, array: Array) -> None:
        """Write numbers behind those that are there."""
        content = np.ascontiguousarray(array, self.dtype).data.cast("B") if len(array) else b""
        self.file.write(content)
        self.crc = zlib.crc32(content, self.crc)
        self.length += len(array)

    def sync(self) -> None:
        """Return when all is on the disk."""
        self.file.flush()
        os.fsync(self.file.fileno())

    def finish(self) -> None:
        """Write the header, which says the length."""
        self.file.seek(0)
        self.file.write(header_of(self.dtype, self.length))
        self.sync()
        self.file.close()


def mapped(path: Path, dtype: np.dtype[Any], length: int) -> Array:
    """The numbers of a whole file, read-only, read from the disk as they are looked at.

    Raises:
        DataError: the file is not there, or has another length or dtype than is said.
    """
    refuse_no_file(path)
    try:
        with path.open("rb") as file:
            n_bytes = os.fstat(file.fileno()).st_size
            head = file.read(HEADER)
    except OSError as error:
        raise open_error(error, path) from None
    expected = HEADER + length * dtype.itemsize
    if n_bytes != expected:
        raise DataError(
            f"{n_bytes} bytes, expected {expected} by the manifest: convert the data again", path
        )
    if head != header_of(dtype, length):
        raise DataError(f"its header is not that of {length} numbers {dtype}: convert the data "
                        "again", path)  # fmt: skip
    if not length:
        return np.zeros(0, dtype)
    return np.asarray(np.memmap(path, dtype, "r", HEADER, (length,)))


def refuse_no_file(path: Path) -> None:
    """Raise DataError where this name is there, but no file of the folder's own."""
    if is_no_file(path):
        raise DataError(
            "a link, a pipe or a folder, expected a file: copy what it stands for", path
        )


def crc_of(path: Path) -> int:
    """CRC-32 of the bytes behind the header."""
    crc = 0
    with path.open("rb") as file:
        file.seek(HEADER)
        while piece := file.read(AT_A_TIME):
            crc = zlib.crc32(piece, crc)
    return crc


def write_durably(path: Path, text: str) -> None:
    """Write a small file that is the old one or the new one, whatever happens."""
    draft = path.with_suffix(".draft")
    refuse_no_file(draft)
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)
