"""Text formats: goldens worked by hand, and equality with a second parser."""

import gzip
from pathlib import Path

import numpy as np
import pytest
import zstandard
from data_files import (
    N_FEATURES,
    N_LABELS,
    assert_same,
    dataset,
    dumb_svmlight,
    dumb_xmc,
    example_texts,
)
from hypothesis import given
from hypothesis import strategies as st

from slide.data import read
from slide.data.source import Source
from slide.data.svmlight import read_svmlight
from slide.data.xmc import read_xmc

CHUNK_SIZES = [1, 2, 3, 7, 64, 1 << 19]


def written(tmp_path: Path, content: str | bytes, name: str = "a.txt") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("read")


def test_xmc_golden(tmp_path):
    got = read(written(tmp_path, "3 5 4\n0,2 1:0.5 4:2\n3\n 0:-1.5\n"))
    assert got.y.indptr.tolist() == [0, 2, 3, 3]
    assert got.y.indices.tolist() == [0, 2, 3]
    assert got.y.values.tolist() == [1, 1, 1]
    assert got.x.indptr.tolist() == [0, 2, 2, 3]
    assert got.x.indices.tolist() == [1, 4, 0]
    assert got.x.values.tolist() == [0.5, 2, -1.5]
    assert (got.n_features, got.n_labels) == (5, 4)
    got.check()


def test_svmlight_golden(tmp_path):
    text = "# made by hand\n1,3 2:0.25 # first\n\n \t\n 0:1\n2:7 # \xe9: no label\n0\n"
    got = read(written(tmp_path, text, "a.svm"))
    nothing = (set(), {})
    rows = [({1, 3}, {2: 0.25}), nothing, nothing, (set(), {0: 1}), (set(), {2: 7}), ({0}, {})]
    assert_same(got, dataset(rows, n_features=3, n_labels=4))
    got.check()


@pytest.mark.parametrize(
    ("line", "labels", "features"),
    [
        ("1:2", set(), {1: 2}),
        ("\t1:2\t\t3:4 ", set(), {1: 2, 3: 4}),
        ("", set(), {}),
        (" \t", set(), {}),
        ("3,1,3,0 4:1 2:1", {0, 1, 3}, {2: 1, 4: 1}),
        ("0 1:0 2:-0", {0}, {1: 0.0, 2: -0.0}),
        ("0 1:1 1:2 1:4", {0}, {1: 7}),
        ("0 4:1 1:16777216 1:1 1:1", {0}, {1: 16777216, 4: 1}),  # in float32, from the left
        ("0 4:1 1:1 1:1 1:16777216", {0}, {1: 16777218, 4: 1}),
        ("007 0003:1", {7}, {3: 1}),
        ("0 1:1e-5 2:+.5 3:5. 4:1E2", {0}, {1: 1e-5, 2: 0.5, 3: 5, 4: 100}),
        ("0 1:1e-400 2:0.1e39", {0}, {1: 0, 2: 1e38}),
    ],
)
def test_xmc_lines(tmp_path, line, labels, features):
    expected = dataset([({5}, {0: 1}), (labels, features), ({6}, {0: 1})], 5, 8)
    assert_same(read(written(tmp_path, f"3 5 8\n5 0:1\n{line}\n6 0:1\n")), expected)


@pytest.mark.parametrize("ending", ["", "\n", "\n\n", "\n \n\t\n\n", "\n "])
@pytest.mark.parametrize("chunk_size", CHUNK_SIZES)
def test_only_blank_lines_may_follow(tmp_path, ending, chunk_size):
    got = read_xmc(Source(written(tmp_path, f"2 3 3  \n1 1:1\n2 2:2{ending}"), chunk_size))
    assert_same(got, dataset([({1}, {1: 1}), ({2}, {2: 2})], 3, 3))


def test_blank_lines_are_examples_as_far_as_the_header_counts(tmp_path):
    got = read(written(tmp_path, "3 1 1\n\n\n\n\n"))
    assert_same(got, dataset([(set(), {})] * 3, 1, 1))


@pytest.mark.parametrize("text", ["0 3 4", "0 3 4\n", "0 3 4\n\n"])
def test_no_examples(tmp_path, text):
    assert_same(read(written(tmp_path, text)), dataset([], 3, 4))


def test_svmlight_sizes_are_raised_never_lowered(tmp_path):
    path = written(tmp_path, "4 7:1\n", "a.libsvm")
    sizes = [(7, 4), (8, 5), (20, 3), (2, 30)]
    got = [read(path, n_features=f, n_labels=n) for f, n in sizes]
    assert [(d.n_features, d.n_labels) for d in got] == [(8, 5), (8, 5), (20, 5), (8, 30)]
    assert (read(path).n_features, read(path).n_labels) == (8, 5)


def test_xmc_sizes_are_those_of_the_file(tmp_path):
    got = read(written(tmp_path, "1 3 4\n1 1:1\n"), n_features=9, n_labels=9)
    assert (got.n_features, got.n_labels) == (3, 4)


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.ZstdCompressor().compress])
def test_compressed_in_several_members(tmp_path, compress):
    suffix = ".gz" if compress is gzip.compress else ".zst"
    content = compress(b"2 3 3\n1 1") + compress(b":1\n") + compress(b"2 2:2\n")
    expected = dataset([({1}, {1: 1}), ({2}, {2: 2})], 3, 3)
    assert_same(read(written(tmp_path, content, "a.txt" + suffix)), expected)
    for chunk_size in CHUNK_SIZES:
        assert_same(read_xmc(Source(tmp_path / ("a.txt" + suffix), chunk_size)), expected)


@pytest.mark.parametrize("name", ["A.SVM", "a.svm.gz", "a.libsvm.zst", "a.svmlight"])
def test_svmlight_by_name(tmp_path, name):
    compress = {".gz": gzip.compress, ".zst": zstandard.ZstdCompressor().compress}
    content = compress.get(Path(name).suffix, bytes)(b"0 2:3\n")
    assert_same(read(written(tmp_path, content, name)), dataset([({0}, {2: 3})], 3, 1))


@given(st.lists(example_texts(), max_size=12), st.booleans(), st.sampled_from(CHUNK_SIZES))
def test_xmc_equals_the_dumb_parser(folder, lines, newline, chunk_size):
    text = f"{len(lines)} {N_FEATURES} {N_LABELS}\n" + "\n".join(lines)
    # A last line that is empty exists only by its newline.
    text += "\n" if newline or not (lines and lines[-1]) else ""
    got = read_xmc(Source(written(folder, text), chunk_size))
    got.check()
    assert_same(got, dumb_xmc(text))


COMMENTS = st.sampled_from(["", "", "# x: y,1 \xe9", "#"])


@pytest.mark.filterwarnings("ignore::slide.core.errors.SlideWarning")
@given(st.lists(st.tuples(example_texts(), COMMENTS), max_size=12), st.sampled_from(CHUNK_SIZES))
def test_svmlight_equals_the_dumb_parser(folder, lines, chunk_size):
    text = "\n".join(["3 4:5", *(line + comment for line, comment in lines)])
    got = read_svmlight(Source(written(folder, text), chunk_size))
    got.check()
    assert_same(got, dumb_svmlight(text))


def _spellings() -> list[str]:
    """Numbers of every length, many of them a hair away from halfway between two float32."""
    rng = np.random.default_rng(3)
    spellings = [
        "9007199254740993",
        "1.00000005960464477539",
        "0.0",
        "00.10",
        "340282346638528859e21",
    ]
    bits = rng.integers(0x20000000, 0x5F000000, 4000).astype(np.uint32)
    halfway = [(float(v) + float(np.nextafter(v, v + v))) / 2 for v in bits.view(np.float32)]
    for number in halfway:
        n_digits = int(rng.integers(1, 24))
        spellings += [f"{number:.{n_digits}e}", f"{number:.{n_digits}f}", repr(number)]
        spellings += [f"{number % 10:.{n_digits}f}", f"{number % 1000:.{n_digits}f}"]
    return spellings


def test_numbers_equal_float_of_the_text_rounded_to_float32(tmp_path):
    spellings = _spellings()
    lines = "".join(f"0 0:{spelling}\n" for spelling in spellings)
    got = read(written(tmp_path, f"{len(spellings)} 1 1\n{lines}"))
    expected = np.array([float(spelling) for spelling in spellings]).astype(np.float32)
    assert got.x.values.tobytes() == expected.tobytes()
