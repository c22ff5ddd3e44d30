"""Few bytes that stand for many, lines that never end: refused before memory or time is gone."""

import bz2
import gzip
import io
import json
import lzma
import time
import tracemalloc
import zipfile
from contextlib import suppress

import numpy as np
import pytest
import zstandard

import slide
from slide.core.errors import DataError
from slide.data import source

MB = 1 << 20
ZEROS = bytes(64 * MB)
BOMBS = {
    "gz": (lambda: gzip.compress(ZEROS, 6), 48),
    "bz2": (lambda: bz2.compress(ZEROS), 48),
    "xz": (lambda: lzma.compress(ZEROS, preset=0), 48),
    "zst": (lambda: zstandard.ZstdCompressor().compress(ZEROS), 180),  # 4 kB of it at once
}


def peak_of(compute):
    """The sentence that is said, and how much memory was taken until then, in MB."""
    tracemalloc.start()
    with pytest.raises(DataError) as caught:
        compute()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return caught.value.message, peak / MB


@pytest.mark.parametrize("suffix", BOMBS)
def test_few_bytes_that_stand_for_many(tmp_path, suffix):
    compress, most = BOMBS[suffix]
    path = tmp_path / f"a.svm.{suffix}"
    path.write_bytes(compress())
    sentence, peak = peak_of(lambda: slide.read(path))
    assert "compressed bytes stand for" in sentence
    assert peak < most


def test_what_repeats_itself_a_lot_is_read(tmp_path):
    path = tmp_path / "a.svm.gz"
    path.write_bytes(gzip.compress(b"0,3 0:1 2:0.5\n" * 200_000))  # 260 times as many
    assert slide.read(path).n_samples == 200_000


def archived(path, compression, **arrays):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, array in arrays.items():
            file = io.BytesIO()
            np.save(file, array)
            archive.writestr(f"{name}.npy", file.getvalue())
    return path


def test_arrays_of_zeros_that_fill_the_memory(tmp_path):
    path = archived(tmp_path / "a.npz", zipfile.ZIP_DEFLATED, x_indptr=np.zeros(8 * MB))
    sentence, peak = peak_of(lambda: slide.read(path))
    assert "compressed bytes stand for" in sentence
    assert peak < 2


def test_members_that_claim_more_bytes_than_there_are(tmp_path):
    path = archived(tmp_path / "a.npz", zipfile.ZIP_STORED, x_indptr=np.zeros(3))
    content = bytearray(path.read_bytes())
    entry = content.index(b"PK\1\2")  # of the directory, which says how much is to be read
    content[entry + 20 : entry + 24] = (64 * MB).to_bytes(4, "little")
    path.write_bytes(content)
    sentence, peak = peak_of(lambda: slide.read(path))
    assert "a member has more bytes than the file" in sentence
    assert peak < 2


def test_dictionaries_that_fill_the_memory(tmp_path):
    path = tmp_path / "a.svm.lzma"
    path.write_bytes(b"]" + (1 << 30).to_bytes(4, "little") + bytes(12))
    sentence, peak = peak_of(lambda: slide.read(path))
    assert "a dictionary of 512 MB or more" in sentence
    assert peak < 2


def test_members_that_no_numpy_wrote(tmp_path):
    path = archived(tmp_path / "a.npz", zipfile.ZIP_BZIP2, x_indptr=np.zeros(3))
    with pytest.raises(DataError, match="compressed as NumPy does not"):
        slide.read(path)


@pytest.mark.parametrize("name", ["../../x_indptr", "/x_indptr", "x_indptr/../x_indptr"])
def test_names_in_archives_are_never_paths(tmp_path, name):
    path = archived(tmp_path / "a.npz", zipfile.ZIP_STORED, **{name: np.zeros(3)})
    with pytest.raises(DataError, match="neither slide's own arrays"):
        slide.read(path)
    assert [each.name for each in tmp_path.iterdir()] == ["a.npz"]


def test_a_line_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "LONGEST_LINE", 1000)
    path = tmp_path / "a.svm"
    path.write_bytes(b"1 1:1\n" + b"1 0:1" + b" " * 600_000)
    with pytest.raises(DataError, match=r"a.svm:2: the line has more than 1000 bytes"):
        slide.read(path)


@pytest.mark.parametrize("line", [b"-1 1:1 qid:1", b"1 1:1"])
def test_blanks_take_no_more_than_their_number(tmp_path, line):
    path = tmp_path / "a.svm"
    path.write_bytes(line + b"\n1" + b" " * 50_000 + b"x\n")
    began = time.process_time()
    with pytest.raises(DataError):
        slide.read(path)
    assert time.process_time() - began < 3


TEXTS = {
    "blank lines": b"\n",
    "labels": b"1,2,3,4\n",
    "features": b"1 0:1 1:1 2:1\n",
    "comments": b"#\n",
    "unordered": b"1 3:1 1:1 3:1 0:1\n",
    "one line": b"0,",
}


@pytest.mark.filterwarnings("ignore::slide.core.errors.SlideWarning")
@pytest.mark.parametrize("kind", TEXTS)
def test_memory_follows_the_text(tmp_path, kind):
    size = MB if kind == "comments" else MB // 4  # of comments nothing stays but their block
    text = TEXTS[kind] * (size // len(TEXTS[kind]))
    path = tmp_path / "a.svm"
    path.write_bytes(text[:-1] + b"\n" if kind == "one line" else text)
    tracemalloc.start()
    with suppress(DataError):
        slide.read(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 60 * len(text)  # docs/limits.md


def test_names_of_columns_are_neither_compared_nor_quoted_at_any_length(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"t" * 100_000 + str(i): 1 for i in range(20)}) + "\n")
    began = time.process_time()
    with pytest.raises(DataError) as caught:
        slide.read_texts(path, "text", "labels")
    assert len(caught.value.message) < 600
    assert time.process_time() - began < 3
