"""Whatever happens to the bytes of a file: valid examples or a DataError, never anything else."""

import bz2
import gzip
import lzma
import zipfile
from pathlib import Path

import numpy as np
import pytest
import zstandard
from data_files import dataset
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.sparse import save_npz

from slide.core.errors import DataError
from slide.data import read, write

DATA = dataset([({0, 2}, {1: 0.5, 4: 2}), ({3}, {}), (set(), {0: -1.5e-7}), ({1}, {3: 0})], 12, 5)
XMC = b"4 12 5\n0,2 1:0.5 4:2\n3\n 0:-1.5e-7\n1 3:0"
SVMLIGHT = b"0,2 1:0.5 4:2 # one\n3\n#\n 0:-1.5e-7\n1 3:0"
CONTENTS = {
    "a.txt": XMC,
    "a.txt.gz": gzip.compress(XMC, mtime=0),
    "a.txt.zst": zstandard.ZstdCompressor(write_checksum=False).compress(XMC),
    "a.svm": SVMLIGHT,
    "a.svm.gz": gzip.compress(SVMLIGHT, mtime=0),
    "a.svm.bz2": bz2.compress(SVMLIGHT),
    "a.svm.xz": lzma.compress(SVMLIGHT),
    "a.svm.zst": zstandard.ZstdCompressor(write_checksum=True).compress(SVMLIGHT),
}
pytestmark = pytest.mark.filterwarnings("ignore::slide.core.errors.SlideWarning")
NPZ = ["a.npz", "X_a.npz", "Y_a.npz"]
TELLING = b"0123456789 ,:.-+eE#\t\n\r\0\xef\xff"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fuzz")
    for name, content in CONTENTS.items():
        (folder / name).write_bytes(content)
    write(DATA, folder / "a.npz")
    save_npz(folder / "X_a.npz", DATA.x.to_scipy())
    save_npz(folder / "Y_a.npz", DATA.y.to_scipy(), compressed=False)
    return folder


def read_or_refuse(path: Path) -> None:
    try:
        got = read(path)
    except DataError:
        return
    got.check()
    assert np.isfinite(got.x.values).all()
    assert (got.y.values == 1).all()


BYTES = st.sampled_from(TELLING) | st.integers(0, 255)
EDITS = st.tuples(st.sampled_from(["put", "insert", "delete"]), st.integers(0, 10**6), BYTES)


def edited(content: bytes, edits: list[tuple[str, int, int]]) -> bytes:
    text = bytearray(content)
    for edit, place, byte in edits:
        place %= len(text) + 1
        text[place : place + (edit != "insert")] = b"" if edit == "delete" else bytes([byte])
    return bytes(text)


SEVERAL = st.lists(EDITS, min_size=1, max_size=3)


@pytest.mark.parametrize("name", [*CONTENTS, *NPZ])
@settings(max_examples=4 * settings.default.max_examples)  # they are quick
@given(edits=SEVERAL)
@example(edits=[("delete", 10**6, 0)])
def test_edited_bytes(folder, name, edits):
    path, partner = folder / name, folder / name.replace("Y_", "X_")
    content = path.read_bytes()
    try:
        path.write_bytes(edited(content, edits))
        read_or_refuse(partner)
    finally:
        path.write_bytes(content)


@given(member=st.integers(0, 6), edits=SEVERAL)
def test_edited_arrays_in_a_sound_archive(folder, member, edits):
    with zipfile.ZipFile(folder / "a.npz") as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    name = sorted(contents)[member]
    contents[name] = edited(contents[name], edits)
    with zipfile.ZipFile(folder / "edited.npz", "w") as archive:
        for key, content in contents.items():
            archive.writestr(key, content)
    read_or_refuse(folder / "edited.npz")


@pytest.mark.parametrize(
    ("name", "letters"),
    [("a.txt", b"7 ,:-e"), *(pytest.param(name, TELLING, marks=pytest.mark.slow)
                           for name in ("a.txt", "a.svm"))],
)  # fmt: skip
def test_every_place_of_a_text_file(folder, name, letters):
    path = folder / f"every_{name}"
    for place in range(len(CONTENTS[name])):
        for byte in letters:
            path.write_bytes(edited(CONTENTS[name], [("put", place, byte)]))
            read_or_refuse(path)


@pytest.mark.parametrize("name", ["a.txt", "a.svm", "a.npz", "a.txt.gz", "a.txt.zst"])
@given(content=st.binary(max_size=60) | st.text("01 ,:.\n", max_size=60).map(str.encode))
def test_any_bytes(folder, name, content):
    path = folder / f"any_{name}"
    path.write_bytes(content)
    read_or_refuse(path)


@pytest.mark.parametrize("name", [*CONTENTS, "a.npz", "X_a.npz"])
def test_the_unedited_files_are_valid(folder, name):
    assert read(folder / name).n_samples == 4
