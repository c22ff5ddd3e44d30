"""A zip archive of npy files, whose arrays are read a few numbers at a time.

Each array is read through a handle of its own, so that several are read side by side. Pickles are
never loaded, and no memory is taken for what a header claims: an array is the bytes that are there.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from slide.core.contract.arrays import Array
from slide.core.errors import DataError
from slide.data.compression import refuse_bomb
from slide.data.source import Source
from slide.data.streams import open_error

SUFFIX = ".npy"
READ_AT_A_TIME = 1 << 20  # bytes of what is read for its checksum alone


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """An array of which nothing is in memory but what its header says.

    Args:
        info: of the archive.
        offset: bytes of the header.
        like: an array of its dtype and shape that takes no memory.
    """

    info: zipfile.ZipInfo
    offset: int
    like: Array

    @property
    def name(self) -> str:
        return self.info.filename.removesuffix(SUFFIX)


class Numbers:
    """The numbers of an array, from the first to the last.

    Args:
        file: its member, opened.
        member: what is known of it.
    """

    def __init__(self, file: IO[bytes], member: Member) -> None:
        self.file, self.dtype, self.offset = file, member.like.dtype, member.offset
        self.n_left = member.like.size
        file.read(self.offset)

    def next(self, n: int) -> Array:
        """The next n numbers, or ValueError where they are not there."""
        if not n:
            return np.zeros(0, self.dtype)
        content = self.file.read(n * self.dtype.itemsize)
        self.n_left -= n
        return np.frombuffer(content, self.dtype, n)

    def skip(self, n: int) -> None:
        """Pass over n numbers."""
        self.file.seek(n * self.dtype.itemsize, os.SEEK_CUR)
        self.n_left -= n

    def rest(self) -> Iterator[Array]:
        """All others, a few at a time; behind the last one zipfile compares the checksum."""
        while self.n_left:
            yield self.next(min(self.n_left, READ_AT_A_TIME // self.dtype.itemsize or 1))


class Archive:
    """The arrays of an archive.

    Args:
        source: the file.

    Raises:
        DataError: it is no archive, or it is damaged, as far as can be told by its headers.
    """

    def __init__(self, source: Source) -> None:
        self.path, self.content = source.name, source.seekable()
        with self.opened() as archive, self.refusing():
            infos = [each for each in archive.infolist() if each.filename.endswith(SUFFIX)]
            _refuse_bomb(infos, self.content, self.path)
            self.members = [_member(archive, each) for each in infos]
        self.named = {member.name: member for member in self.members}
        self.unread = {id(member): member for member in self.members}

    def __contains__(self, key: str) -> bool:
        return key in self.named

    def __getitem__(self, key: str) -> Member:
        if key not in self.named:
            raise DataError(f"the array {key!r} is missing: write the file again", self.path)
        return self.named[key]

    def array(self, key: str) -> Array:
        """A whole array, in memory."""
        member = self[key]
        with self.opened() as archive, self.refusing():
            content = archive.read(member.info)
            array: Array = np.frombuffer(content, member.like.dtype, offset=member.offset)
            array = array.reshape(member.like.shape)
        self.was_read(member)
        return array

    def was_read(self, member: Member) -> None:
        """Say that an array was read to its end, where its checksum was compared."""
        self.unread.pop(id(member), None)

    def read_rest(self) -> None:
        """Read arrays that nobody has read, for they may be damaged, or raise DataError."""
        with self.opened() as archive, self.refusing():
            for member in self.unread.values():
                with archive.open(member.info) as file:
                    while file.read(READ_AT_A_TIME):
                        pass

    @contextmanager
    def opened(self) -> Iterator[zipfile.ZipFile]:
        """The archive, to open members in."""
        with self.refusing():
            archive = zipfile.ZipFile(self.content)
        with archive:
            yield archive

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Say in a sentence what is wrong with the file."""
        try:
            yield
        except (DataError, MemoryError):
            raise
        except OSError as error:
            raise open_error(error, self.path) from None
        except Exception as error:
            # zipfile, zlib and NumPy's header parser raise a dozen kinds on damaged files.
            reason = (str(error) or type(error).__name__).splitlines()[0][:200]
            sentence = f"no npz file, or a damaged one ({reason})"
            raise DataError(f"{sentence}: write or fetch it again", self.path) from None


def _refuse_bomb(members: list[zipfile.ZipInfo], content: Path | IO[bytes], path: Path) -> None:
    """Raise if members claim far more bytes than an archive has, however they overlap.

    Raises:
        DataError: there would be far more when they are decompressed.
        ValueError: there are more as they are.
    """
    n_there = os.path.getsize(content) if isinstance(content, Path) else _size(content)
    refuse_bomb(sum(each.file_size for each in members), n_there, path)
    if any(each.compress_size > n_there for each in members):
        raise ValueError("a member has more bytes than the file")


def _size(file: IO[bytes]) -> int:
    n_bytes = file.seek(0, os.SEEK_END)
    file.seek(0)
    return n_bytes


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    """What the header of an array says, if that fits to the bytes that there are."""
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{info.filename!r} is compressed as NumPy does not")
    with archive.open(info) as file:
        read_header: Any = {
            (1, 0): npy.read_array_header_1_0,
            (2, 0): npy.read_array_header_2_0,
        }[npy.read_magic(file)]
        shape, _, dtype = read_header(file)
        offset = file.tell()
    if dtype.hasobject:
        raise ValueError("it holds Python objects, expected numbers")
    n_bytes = info.file_size - offset
    some = n_bytes % dtype.itemsize + dtype.itemsize if n_bytes and dtype.itemsize else 0
    one = np.frombuffer(b"-" + bytes(some), dtype, offset=1)  # which NumPy refuses as it does all
    n = n_bytes // one.itemsize
    return Member(info, offset, np.broadcast_to(np.zeros((), dtype), n).reshape(shape))
