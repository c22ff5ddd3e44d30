"""Every malformed input ends in a DataError with its line and a sentence that names the fault."""

import io
import tracemalloc
from pathlib import Path

import pytest

from slide.core.errors import DataError
from slide.data import read
from slide.data.source import Source
from slide.data.svmlight import read_svmlight
from slide.data.xmc import read_xmc

HEAD = b"3 5 4\n0,2 1:0.5 4:2\n"  # one valid example of three, so the next line is line 3
TAIL = b"\n3 0:1\n"
THIRTY = b"123456789012345678901234567890"

# What stands on line 3 of an otherwise valid file -> words of the sentence.
BAD_LINES = {
    b"0 5:1": ["feature '5'", "out of range", "less than 5"],
    b"4 1:1": ["label '4'", "out of range", "less than 4"],
    b"0,4,1 1:1": ["label '4'", "in the labels '0,4,1'"],
    b"0 -1:1": ["'-1'", "no feature number"],
    b"-1 1:1": ["'-1'", "no label number", "leave out labels"],
    b"+1,-1 1:1": ["'-1'", "no label number", "leave out labels"],
    b"1.5 1:1": ["'1.5'", "no label number", "0, 1, 2"],
    b"1e0 1:1": ["'1e0'", "no label number"],
    b"++1 1:1": ["'++1'", "no label number"],
    b"0 +1:1": ["'+1'", "no feature number"],
    b"0 1.5:1": ["'1.5'", "no feature number"],
    b"one 1:1": ["'one'", "no label number"],
    b"0 x:1": ["'x'", "no feature number"],
    b"0 1:1 " + THIRTY + b":1": ["feature '123", "30 digits"],
    THIRTY + b" 1:1": ["label '123", "30 digits"],
    b"0 " + b"0" * 18 + b"1:1": ["19 digits"],
    b"0 18446744073709551617:1": ["20 digits"],  # 2**64 + 1
    b"0 18446744073709551:1": ["out of range"],
    b"0 4294967297:1": ["out of range"],  # 2**32 + 1
    b"0 1:": ["value is missing", "'1:'"],
    b"0 1: 2:1": ["value is missing", "'1:'"],
    b"0 1: 2": ["value is missing", "'1:'"],
    b"0 :1": ["feature number is missing"],
    b":": ["feature number is missing"],
    b"0 1:2:3": ["second ':'", "'1:2:3'"],
    b"0 1:2: 3:1": ["second ':'"],
    b"0 1:x": ["'x' is not a number"],
    b"0 1:.": ["'.' is not a number"],
    b"0 1:-": ["'-' is not a number"],
    b"0 1:1.2.3": ["'1.2.3' is not a number"],
    b"0 1:1_000": ["'1_000' is not a number"],
    b"0 1:1e": ["'1e' is not a number"],
    b"0 1:--1": ["'--1' is not a number"],
    b"0 1:0x10": ["'0x10' is not a number"],
    b"0 1:nan": ["'nan' is not finite"],
    b"0 1:-INF": ["'-INF' is not finite"],
    b"0 1:+Infinity": ["'+Infinity' is not finite"],
    b"0 1:1e39": ["'1e39' overflows"],
    b"0 1:-1e999": ["'-1e999' overflows"],
    b"0 1:" + b"9" * 400: ["overflows"],
    b"0 1:3e38 2:1 1:3e38": ["feature 1", "sum"],
    b"0 1:3e38 1:3e38 1:-3e38": ["feature 1", "sum"],
    b"0, 1:1": ["label number is missing", "'0,'"],
    b",0 1:1": ["label number is missing", "',0'"],
    b"0,,1 1:1": ["label number is missing", "'0,,1'"],
    b",": ["label number is missing"],
    b"0, 1:1 2:1": ["label number is missing", "'0,'"],
    b"0 , 1:1": ["','", "no feature"],
    b"0,, 1 1:1": ["label number is missing"],
    b"0 1:1, 2:1": ["'1:1,'", "features by commas", "blanks"],
    b"0 1:1 ,2:1": ["',2:1'", "blanks"],
    b"0 1 1:1": ["'1'", "no feature", "index:value"],
    b" 0 1 1:1": ["'1'", "no feature", "labels start the line"],
    b"0 1:1 7": ["'7'", "no feature"],
    b"0 1:1 x": ["'x'", "no feature"],
    b"0,1:1": ["'0,1:1'", "mixes"],
    b"0 1:1,2": ["'1:1,2'", "mixes"],
    b"0 qid:x 1:1": ["query id", "qid:NUMBER"],
    b"0 1:1 qid:3": ["query id", "before all features"],
    b"0 1:1\r2:1": ["carriage return within a line", "dos2unix"],
    b"0 1:1\r\r": ["carriage return within a line", "dos2unix"],
    b"0 1:1\0": ["NUL byte"],
    b"0 1:1\x07": ["0x07", "ASCII"],
    b"0 1:1\x7f": ["0x7f"],
    b"0 1:\xd9\xa1": [
        "0xd9a1",
        "arabic-indic digit one",
        "ASCII",
    ],  # an Arabic digit one, which float() would take
    b"0 1:1\xc2\xa05:1": ["no-break space (U+00A0", "0xc2a0"],
    b"0\x0b1:1": ["0x0b"],
    b"\xef\xbb\xbf0 1:1": ["byte order mark after the beginning"],
    b"0 1:1\xe3\x80\x802:1": ["ideographic space (U+3000"],
    b"0 1:1\x1a": ["0x1a"],
    b"0 1:1\xe9": ["the byte 0xe9"],
    b"0 1:1\xf4\x8f\xbf\xbf": ["without a name (U+10FFFF"],
}


def written(tmp_path: Path, content: bytes, name: str = "a.txt") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


def assert_sentence(error: DataError, words: list[str]) -> None:
    for word in words:
        assert word in error.message
    assert "\n" not in error.message
    assert len(error.message) < 250


@pytest.mark.parametrize(("line", "words"), BAD_LINES.items())
@pytest.mark.parametrize("chunk_size", [1, 13, 1 << 19])
def test_bad_line_in_xmc(tmp_path, line, words, chunk_size):
    path = written(tmp_path, HEAD + line + TAIL)
    with pytest.raises(DataError) as caught:
        read_xmc(Source(path, chunk_size))
    assert caught.value.line == 3
    assert caught.value.path == str(path)
    assert_sentence(caught.value, words)


NO_FAULTS_IN_SVMLIGHT = [b"0 5:1", b"4 1:1", b"0,4,1 1:1"]  # there are no sizes to exceed


@pytest.mark.parametrize("line", [line for line in BAD_LINES if line not in NO_FAULTS_IN_SVMLIGHT])
@pytest.mark.parametrize("chunk_size", [1, 13, 1 << 19])
def test_bad_line_in_svmlight(tmp_path, line, chunk_size):
    path = written(tmp_path, b"# comment\n\n1 2:3 # comment\n" + line + TAIL, "a.svm")
    with pytest.raises(DataError) as caught:
        read_svmlight(Source(path, chunk_size))
    assert caught.value.line == 4
    assert_sentence(caught.value, BAD_LINES[line])


@pytest.mark.parametrize("line", [b"0 2147483647:1", b"2147483647 0:1"])
def test_svmlight_numbers_stay_below_two_to_the_31(tmp_path, line):
    with pytest.raises(DataError, match="out of range"):
        read(written(tmp_path, line, "a.svm"))
    below = line.replace(b"2147483647", b"2147483646")
    got = read(written(tmp_path, below, "a.svm"))
    assert 2147483647 in (got.n_features, got.n_labels)


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (b"", None, ["empty"]),
        (b"\n", 1, ["first line", "n_samples n_features n_labels"]),
        (b"0,2 1:0.5\n", 1, ["first line", "'0,2 1:0.5'"]),
        (b"3 5\n", 1, ["'3 5'", "three whole numbers"]),
        (b"3 5 4 1\n", 1, ["'3 5 4 1'"]),
        (b"-3 5 4\n", 1, ["'-3 5 4'"]),
        (b"3 5.0 4\n", 1, ["'3 5.0 4'"]),
        (b"3 5 four\n", 1, ["'3 5 four'"]),
        (b"3 5 4\r0 1:1\n1 1:1\n", 2, ["newline after lines", "one kind"]),
        (b"3 5 4\n0 1:1 # mine\n", 2, ["comment, which only svmlight has"]),
        (b"# mine\n3 5 4\n", 1, ["'# mine'", "three whole numbers"]),
        (b"\xef\xbb\xbf", None, ["empty"]),
        ("3 5 4\n0 1:1\n".encode("utf-16"), 1, ["UTF-16", "iconv"]),
        (b"\xfe\xff" + "3 5 4\n0 1:1\n".encode("utf-16-be"), 1, ["UTF-16", "iconv"]),
        ("3 5 4\n0 1:1\n".encode("utf-32"), 1, ["UTF-32", "iconv"]),
        ("3 5 4\n0 1:1\n".encode("utf-16-le"), 1, ["NUL byte", "UTF-16"]),
        (b"1 2147483648 4\n0 1:1\n", 1, ["n_features", "2147483647"]),
        (b"1 5 2147483648\n0 1:1\n", 1, ["n_labels", "2147483647"]),
        (b"1 " + THIRTY + b" 4\n0 1:1\n", 1, ["n_features", "'123456"]),
        (THIRTY + b" 5 4\n0 1:1\n", 1, ["n_samples", "'123456"]),
        (b"9" * 5000 + b" 5 4\n", 1, ["n_samples"]),
        (b"999999999999999999 5 4\n0 1:1\n", 2, ["1 of the 999999999999999999 examples"]),
        (b"2 5 4\n0 1:1", 2, ["ends after 1 of the 2"]),
        (b"2 5 4\n0 1:1\n", 2, ["ends after 1 of the 2"]),
        (b"2 5 4", 1, ["ends after 0 of the 2"]),
        (b"1 5 4\n0 1:1\n1 1:1\n", 3, ["more examples than the 1", "correct the header"]),
        (b"1 5 4\n0 1:1\n\n \n 1:1\n\n", 5, ["more examples than the 1"]),
        (b"0 5 4\n0 1:1\n", 2, ["more examples than the 0"]),
        (b"\x89PNG\r\n\x1a\n", 1, ["0x89"]),
    ],
)
@pytest.mark.parametrize("chunk_size", [4, 1 << 19])
def test_bad_file(tmp_path, content, line, words, chunk_size):
    path = written(tmp_path, content)
    with pytest.raises(DataError) as caught:
        read_xmc(Source(path, chunk_size))
    assert caught.value.line == line
    assert_sentence(caught.value, words)


def test_claimed_sizes_take_no_memory(tmp_path):
    path = written(tmp_path, b"10000000 2147483647 2147483647\n0 1:1\n")
    tracemalloc.start()
    with pytest.raises(DataError, match="1 of the 10000000"):
        read_xmc(Source(path, 100))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10**6


@pytest.mark.parametrize("content", [b"", b"# only a comment\n#\n"])
def test_svmlight_without_examples(tmp_path, content):
    with pytest.raises(DataError, match=r"empty|no example"):
        read(written(tmp_path, content, "a.svm"))


def test_header_and_reality_of_indices_at_the_edge(tmp_path):
    read(written(tmp_path, b"1 5 4\n3 4:1\n"))
    with pytest.raises(DataError, match="out of range"):
        read(written(tmp_path, b"1 4 4\n3 4:1\n"))
    with pytest.raises(DataError, match="out of range"):
        read(written(tmp_path, b"1 5 3\n3 4:1\n"))


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz", "a.txt.zst", "a.svm", "X_a.npz"])
def test_no_file_a_folder_no_permission(tmp_path, name, monkeypatch):
    path = tmp_path / name
    with pytest.raises(DataError, match="no such file"):
        read(path)
    path.mkdir()
    with pytest.raises(DataError, match="folder, expected a file"):
        read(path)

    def refuse(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(io, "open", refuse)  # Path.open and zipfile
    monkeypatch.setattr("builtins.open", refuse)  # gzip
    with pytest.raises(DataError, match="no permission"):
        read(path)
