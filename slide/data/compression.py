"""Compressed data: which compression it is, by its first bytes, and its bytes without it.

gzip, bzip2, xz (and its forerunner, .lzma) and zstd are read, whatever a file is called, also where
several compressed files stand one behind the other. Other kinds of archives are known by sight.
Few bytes that stand for very many are refused before the memory for them is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any, Protocol

from slide.core.errors import DataError

COMPRESSED_AT_A_TIME = 1 << 12  # in zstd, which has no limit of its own, 128 MB at most
PLAIN_AT_A_TIME = 1 << 18
LARGEST_ZSTD_WINDOW = 1 << 31  # what `zstd --ultra --long=31` asks of whoever reads its files
LARGEST_XZ_DICTIONARY = 1 << 29  # `xz -9` asks for 65 MB; all of it is taken at once
MOST_TIMES = 256  # bytes for a compressed one; text of numbers has 3 to 10
NEVER_REFUSED = 1 << 24  # bytes that may stand for however few


class Member(Protocol):
    """Decompresses one of the compressed files that a file may consist of."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    @property
    def needs_input(self) -> bool: ...

    def decompress(self, data: bytes, /, max_length: int) -> bytes: ...  # noqa: D102, as bz2's


class AtOnce:
    """A member of a library that gives all that its input stands for.

    Args:
        member: has `decompress`, `eof` and `unused_data`.
    """

    needs_input = True

    def __init__(self, member: Any) -> None:
        self.member = member

    @property
    def eof(self) -> bool:
        """Whether this file has ended."""
        return bool(self.member.eof)

    @property
    def unused_data(self) -> bytes:
        """What stands behind it."""
        return bytes(self.member.unused_data)

    def decompress(self, data: bytes, /, max_length: int) -> bytes:
        """All that is known of the file now."""
        return bytes(self.member.decompress(data))


@dataclass(frozen=True, slots=True)
class Compression:
    """One way to compress, as far as it is known here.

    Args:
        name: in a sentence.
        suffix: of a file that is to be written so.
        magics: what its files begin with.
        member: begins to decompress; ImportError if the library is not there.
        compressing: a binary file that compresses what it is given into another.
    """

    name: str
    suffix: str
    magics: tuple[bytes, ...]
    member: Callable[[], Member]
    compressing: Callable[[IO[bytes]], AbstractContextManager[Any]]


def _gzip_member() -> Member:
    import zlib

    return AtOnce(zlib.decompressobj(wbits=31))  # 16 for its header and checksum, 15 for any window


def _bzip2_member() -> Member:
    import bz2

    return bz2.BZ2Decompressor()


def _xz_member() -> Member:
    import lzma

    return lzma.LZMADecompressor(memlimit=LARGEST_XZ_DICTIONARY)


def _zstd_member() -> Member:
    import zstandard

    return AtOnce(zstandard.ZstdDecompressor(max_window_size=LARGEST_ZSTD_WINDOW).decompressobj())


def _to_gzip(file: IO[bytes]) -> AbstractContextManager[Any]:
    import gzip

    return gzip.GzipFile("", "wb", compresslevel=6, fileobj=file, mtime=0)


def _to_bzip2(file: IO[bytes]) -> AbstractContextManager[Any]:
    import bz2

    return bz2.BZ2File(file, "wb")


def _to_xz(file: IO[bytes]) -> AbstractContextManager[Any]:
    import lzma

    return lzma.LZMAFile(file, "wb")


def _to_zstd(file: IO[bytes]) -> AbstractContextManager[Any]:
    import zstandard

    compressor = zstandard.ZstdCompressor(level=10, write_checksum=True)
    return compressor.stream_writer(file, closefd=False)


# pzstd and others put a frame to be skipped before the data.
_ZSTD_MAGICS = (b"\x28\xb5\x2f\xfd", *(bytes([i]) + b"\x2a\x4d\x18" for i in range(0x50, 0x60)))
COMPRESSIONS = (
    Compression("gzip", ".gz", (b"\x1f\x8b",), _gzip_member, _to_gzip),
    Compression("bzip2", ".bz2", (b"BZh",), _bzip2_member, _to_bzip2),
    Compression("xz", ".xz", (b"\xfd7zXZ\0", b"]\0\0"), _xz_member, _to_xz),
    Compression("zstd", ".zst", _ZSTD_MAGICS, _zstd_member, _to_zstd),
)
SUFFIXES = tuple(kind.suffix for kind in COMPRESSIONS)
_LONGEST_MAGIC = max(len(magic) for kind in COMPRESSIONS for magic in kind.magics)

_ARCHIVES = {
    b"\x04\x22\x4d\x18": "lz4",
    b"\xff\x06\x00\x00sNaPpY": "snappy",
    b"\x1f\x9d": "compress (.Z)",
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
    b"Rar!": "RAR",
    b"LZIP": "lzip",
}
_TAR = slice(257, 262), b"ustar"


def compression_of(head: bytes) -> Compression | None:
    """The compression of a file that begins so; also of one that ends within the first bytes."""
    for kind in COMPRESSIONS:
        if any(head.startswith(magic) or magic.startswith(head) for magic in kind.magics):
            return kind if head else None
    return None


def decompressed(pieces: Iterable[bytes], path: Path) -> Iterator[bytes]:
    """The plain bytes of a file, piece by piece, be it compressed or not.

    Raises:
        DataError: the data is damaged or cut short, or what decompresses it is not installed.
    """
    rest = iter(pieces)
    head = b""
    while len(head) < _LONGEST_MAGIC and (piece := next(rest, b"")):
        head += piece
    kind = compression_of(head)
    whole = chain([head] if head else [], rest)
    if kind is None:
        return whole
    counted = Counted(whole)
    return _refusing_bombs(_even(_members(counted, kind, path)), counted, path)


class Counted:
    """Pieces of bytes, and how many came so far."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.pieces, self.n_bytes = pieces, 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces:
            self.n_bytes += len(piece)
            yield piece


def _refusing_bombs(pieces: Iterable[bytes], of: Counted, path: Path) -> Iterator[bytes]:
    n_bytes = 0
    for piece in pieces:
        n_bytes += len(piece)
        refuse_bomb(n_bytes, of.n_bytes, path)
        yield piece


def refuse_bomb(n_plain: int, n_compressed: int, path: Path) -> None:
    """Raise DataError if compressed bytes stand for so many that somebody means harm."""
    if n_plain > max(NEVER_REFUSED, MOST_TIMES * n_compressed):
        sentence = (
            f"{n_compressed} compressed bytes stand for {n_plain} or more, expected at most "
            f"{MOST_TIMES} times as many"
        )
        raise DataError(f"{sentence}: decompress the file first if you trust it", path)


def _members(pieces: Iterable[bytes], kind: Compression, path: Path) -> Iterator[bytes]:
    member = None
    for rest in _small(pieces):
        while True:
            if member is None:
                rest = rest.lstrip(b"\0")  # files are padded to the blocks of tapes, or to words
            if not rest:
                break
            member = member or _begun(kind, path)
            yield from _pieces(member, rest, kind, path)
            rest = member.unused_data
            if member.eof:
                member = None
    if member is not None:
        raise DataError(f"the {kind.name} data ends too early: fetch the file again", path)


def _small(pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        for begin in range(0, len(piece), COMPRESSED_AT_A_TIME):
            yield piece[begin : begin + COMPRESSED_AT_A_TIME]


def _even(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of one size, as a scanner likes them; the last of any."""
    held, n_held = list[bytes](), 0
    for piece in pieces:
        held.append(piece)
        n_held += len(piece)
        if n_held >= PLAIN_AT_A_TIME:
            whole = b"".join(held)
            end = n_held - n_held % PLAIN_AT_A_TIME
            yield from (whole[i : i + PLAIN_AT_A_TIME] for i in range(0, end, PLAIN_AT_A_TIME))
            held, n_held = [whole[end:]], n_held - end
    if n_held:
        yield b"".join(held)


def _begun(kind: Compression, path: Path) -> Member:
    try:
        return kind.member()
    except ImportError as error:
        raise _missing(kind, error, path) from None


def _pieces(member: Member, data: bytes, kind: Compression, path: Path) -> Iterator[bytes]:
    """All that is known of a member now, a piece at a time."""
    yield _decompress(member, data, kind, path)
    while not (member.eof or member.needs_input):
        yield _decompress(member, b"", kind, path)


def _decompress(member: Member, data: bytes, kind: Compression, path: Path) -> bytes:
    try:
        return member.decompress(data, max_length=PLAIN_AT_A_TIME)
    except MemoryError:
        raise
    except Exception as error:  # each library has exceptions of its own
        sentence = f"the {kind.name} data is damaged ({error}): fetch the file again"
        if "Memory usage limit" in str(error):  # lzma has one kind of error for all
            sentence = (
                f"a dictionary of {LARGEST_XZ_DICTIONARY >> 20} MB or more, expected less: "
                "decompress the file first if you trust it"
            )
        raise DataError(sentence, path) from None


def _missing(kind: Compression, error: ImportError, path: Path) -> DataError:
    sentence = f"this takes {kind.name}, for which Python lacks the module {error.name!r}: "
    remedy = f"`pip install {error.name}`, or use gzip" if kind.suffix == ".zst" else "use gzip"
    return DataError(sentence + remedy, path)


def compressing(file: IO[bytes], path: Path) -> AbstractContextManager[Any]:
    """A binary file that compresses into another, as the suffix of path says.

    The same bytes give the same file, whatever the time.
    """
    for kind in COMPRESSIONS:
        if path.name.lower().endswith(kind.suffix):
            try:
                return kind.compressing(file)
            except ImportError as error:
                raise _missing(kind, error, path) from None
    return nullcontext(file)


def refuse_archive(head: bytes, path: Path) -> None:
    """Raise DataError if plain bytes are those of an archive after all, or compressed again."""
    names = [name for magic, name in _ARCHIVES.items() if head.startswith(magic)]
    where, magic = _TAR
    if head[where] == magic:
        names = ["tar"]
    for kind in COMPRESSIONS:
        if head.startswith(kind.magics):
            names = [f"{kind.name} data within compressed data"]
    if names:
        raise DataError(f"got {names[0]}, expected text: unpack the file first", path)
