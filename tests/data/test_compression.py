"""Compressed files are read by what is in them, and damaged ones end in a sentence."""

import bz2
import gzip
import lzma
import sys
import tarfile
import tracemalloc
import zipfile

import numpy as np
import pytest
import zstandard
from data_files import assert_same, dataset

from slide.core.errors import DataError
from slide.data import read, write
from slide.data.source import Source
from slide.data.xmc import read_xmc

TEXT = b"2 5 4\n0,2 1:0.5 4:2\n3 0:-1.5\n"
DATA = dataset([({0, 2}, {1: 0.5, 4: 2}), ({3}, {0: -1.5})], 5, 4)
SKIPPED = b"\x52\x2a\x4d\x18\x03\0\0\0abc"  # a frame of zstd that readers leave out


def old_lzma(content):
    return lzma.compress(content, lzma.FORMAT_ALONE)


COMPRESS = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "lzma": old_lzma,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
    "zstd in frames": lambda content: SKIPPED + zstandard.ZstdCompressor().compress(content),
}
every_compression = pytest.mark.parametrize("compress", COMPRESS.values(), ids=COMPRESS)


def written(folder, content, name="a.txt"):
    (folder / name).write_bytes(content)
    return folder / name


@every_compression
@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz", "a.txt.zst", "a", "a.dat.xz"])
def test_the_name_does_not_matter(tmp_path, compress, name):
    assert_same(read(written(tmp_path, compress(TEXT), name)), DATA)


@pytest.mark.parametrize("name", ["a.txt.gz", "a.txt.bz2", "a.txt.xz", "a.txt.zst"])
def test_plain_text_under_the_name_of_a_compressed_file(tmp_path, name):
    assert_same(read(written(tmp_path, TEXT, name)), DATA)


@every_compression
@pytest.mark.parametrize("chunk_size", [1, 2, 7, 64, 1 << 19])
def test_several_members(tmp_path, compress, chunk_size):
    if compress is old_lzma:
        pytest.skip("it has no end that can be told from what follows")
    content = compress(TEXT[:9]) + compress(TEXT[9:20]) + compress(b"") + compress(TEXT[20:])
    path = written(tmp_path, content)
    assert_same(read_xmc(Source(path, chunk_size)), DATA)


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress, bz2.compress])
def test_zeros_fill_a_block(tmp_path, compress):
    content = compress(TEXT[:20]) + b"\0" * 8 + compress(TEXT[20:]) + b"\0" * 512
    assert_same(read(written(tmp_path, content)), DATA)


@every_compression
def test_cut_short(tmp_path, compress):
    whole = compress(TEXT)
    for cut in range(1, len(whole)):
        if whole[:cut] == SKIPPED:
            continue  # a whole file that is empty
        path = written(tmp_path, whole[:cut], f"{cut}.gz")
        with pytest.raises(DataError, match=r"data ends too early: fetch the file again") as caught:
            read(path)
        assert caught.value.path == str(path)


@every_compression
@pytest.mark.parametrize("tail", [b"garbage", b"\0\0\0x"])
def test_garbage_behind(tmp_path, compress, tail):
    if compress is old_lzma:
        pytest.skip("what follows its end is not looked at")
    with pytest.raises(DataError, match=r"data (is damaged|ends too early)"):
        read(written(tmp_path, compress(TEXT) + tail))


@pytest.mark.parametrize("kind", ["gzip", "bzip2", "xz", "zstd"])
def test_checksums_are_looked_at(tmp_path, kind):
    whole = COMPRESS[kind](TEXT * 100)
    for place in (len(whole) // 2, len(whole) - 5):
        changed = bytearray(whole)
        changed[place] ^= 0xFF
        with pytest.raises(DataError, match=f"the {kind} data (is damaged|ends too early)"):
            list(Source(written(tmp_path, bytes(changed))).lines())


def test_a_long_window_of_zstd(tmp_path):
    """`zstd --long=28` asks for more than libraries allow by default."""
    window = bytes([(28 - 10) << 3])
    block = ((len(TEXT) << 3) | 1).to_bytes(3, "little") + TEXT  # as it is, and the last
    path = written(tmp_path, b"\x28\xb5\x2f\xfd\0" + window + block)
    assert_same(read(path), DATA)


@every_compression
def test_nothing_in_it(tmp_path, compress):
    with pytest.raises(DataError, match="file is empty"):
        read(written(tmp_path, compress(b"")))


@every_compression
def test_compressed_twice(tmp_path, compress):
    with pytest.raises(DataError, match="within compressed data"):
        read(written(tmp_path, gzip.compress(compress(TEXT)), "a.txt.gz"))


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\x04\x22\x4d\x18....", "lz4"),
        (b"\x1f\x9d\x90....", "compress"),
        (b"7z\xbc\xaf\x27\x1c....", "7-Zip"),
        (b"Rar!\x1a\x07", "RAR"),
    ],
)
def test_other_archives_are_called_what_they_are(tmp_path, head, name):
    with pytest.raises(DataError, match=f"{name}.*unpack"):
        read(written(tmp_path, head))


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_tar(tmp_path, mode):
    written(tmp_path, TEXT)
    with tarfile.open(tmp_path / "b.txt", mode) as archive:
        archive.add(tmp_path / "a.txt", "a.txt")
    with pytest.raises(DataError, match=r"tar.*unpack"):
        read(tmp_path / "b.txt")


@every_compression
def test_npz_by_content(tmp_path, compress):
    write(DATA, tmp_path / "a.npz")
    raw = (tmp_path / "a.npz").read_bytes()
    for name, content in (("b.txt", raw), ("c.npz", compress(raw)), ("d.npz.gz", compress(raw))):
        assert_same(read(written(tmp_path, content, name)), DATA)


def test_a_zip_archive_of_text(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.txt", TEXT)
    with pytest.raises(DataError, match=r"zip archive without arrays.*unpack"):
        read(tmp_path / "a.zip")


def test_npz_is_not_compressed_as_a_whole(tmp_path):
    with pytest.raises(DataError, match=r"end the name in \.npz"):
        write(DATA, tmp_path / "a.npz.gz")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("module", "kind", "suffix"),
    [("zstandard", "zstd", ".zst"), ("lzma", "xz", ".xz"), ("bz2", "bzip2", ".bz2")],
)
def test_a_library_that_is_not_there(tmp_path, monkeypatch, module, kind, suffix):
    path = written(tmp_path, COMPRESS[kind](TEXT))
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(DataError, match=f"{kind}.*lacks the module '{module}'"):
        read(path)
    with pytest.raises(DataError, match=f"{kind}.*lacks the module '{module}'"):
        write(DATA, tmp_path / f"b.txt{suffix}")
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture(scope="module")
def text():
    """Some millions of bytes that hardly repeat."""
    rng = np.random.default_rng(1)
    return "".join(f"{a} {b}:{c}\n" for a, b, c in rng.integers(0, 10**6, (250_000, 3)).tolist())


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_memory_does_not_follow_what_is_unpacked(tmp_path, kind, text):
    path = written(tmp_path, COMPRESS[kind](text.encode()))
    tracemalloc.start()
    sizes = [len(block) for block in Source(path).lines()]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(sizes) == len(text)
    assert max(sizes) < 1e6
    assert peak < 0.6 * len(text)
