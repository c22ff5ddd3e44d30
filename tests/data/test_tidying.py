"""Blanks, line ends and spellings that other tools read: read here, too, wherever they stand."""

import pytest
from data_files import assert_same, dataset

from slide.data.source import LONGEST_HEAD, Source
from slide.data.svmlight import read_svmlight
from slide.data.xmc import read_xmc

FIRST, LAST = "0,2 1:0.5 4:2", "3 0:1"
LINES = {
    "3, 1 2:1": ({1, 3}, {2: 1}),
    "3 ,1 2:1": ({1, 3}, {2: 1}),
    "3 \t,  1,0 2:1": ({0, 1, 3}, {2: 1}),
    "3, 1": ({1, 3}, {}),
    "3, 1, 0  ": ({0, 1, 3}, {}),
    " 3,1 2:1": ({1, 3}, {2: 1}),
    "\t3 2:1": ({3}, {2: 1}),
    "  3": ({3}, {}),
    " \t 3 , 1 2:1": ({1, 3}, {2: 1}),
    "+3,+1 2:1": ({1, 3}, {2: 1}),
    "3.0,1. 2:1": ({1, 3}, {2: 1}),
    " +3.000, 1 2:1": ({1, 3}, {2: 1}),
    "3 qid:7 2:1": ({3}, {2: 1}),
    "3 qid:7": ({3}, {}),
    "qid:7 2:1": (set(), {2: 1}),
    "3, 1\tqid:7  2:1": ({1, 3}, {2: 1}),
    " 2:1": (set(), {2: 1}),
    "3\t\t2:1\t4:1 \t ": ({3}, {2: 1, 4: 1}),
    "": (set(), {}),
    " \t ": (set(), {}),
}
ENDINGS = {"windows": "\r\n", "old mac": "\r", "unix": "\n"}
MARK = "\ufeff"


def both_readings(folder, lines, end="\n", mark="", chunk_size=1 << 19, last_end=True):
    """The examples by both formats; all but the sizes must be the same."""
    tail = end if last_end else ""
    text = end.join([*lines]) + tail
    (folder / "a.svm").write_bytes((mark + text).encode())
    (folder / "a.txt").write_bytes((mark + f"{len(lines)} 5 4{end}" + text).encode())
    svmlight = read_svmlight(Source(folder / "a.svm", chunk_size))
    return svmlight, read_xmc(Source(folder / "a.txt", chunk_size))


@pytest.mark.parametrize(("line", "row"), LINES.items())
@pytest.mark.parametrize("chunk_size", [1, 1 << 19])
def test_what_can_mean_one_thing_alone(tmp_path, line, row, chunk_size):
    expected = dataset([({0, 2}, {1: 0.5, 4: 2}), row, ({3}, {0: 1})], 5, 4)
    for got in both_readings(tmp_path, [FIRST, line, LAST], chunk_size=chunk_size):
        assert_same(got, expected)


@pytest.mark.parametrize("end", ENDINGS.values(), ids=ENDINGS)
@pytest.mark.parametrize("mark", ["", MARK], ids=["bare", "marked"])
@pytest.mark.parametrize("last_end", [True, False])
@pytest.mark.parametrize("chunk_size", [1, 2, 3, 5, 1 << 19])
def test_line_ends_and_byte_order_marks(tmp_path, end, mark, last_end, chunk_size):
    expected = dataset([({0, 2}, {1: 0.5, 4: 2}), (set(), {}), ({3}, {0: 1})], 5, 4)
    lines = [FIRST, "", LAST]
    for got in both_readings(tmp_path, lines, end, mark, chunk_size, last_end):
        assert_same(got, expected)


@pytest.mark.parametrize("chunk_size", [1, 7, 1 << 19])
def test_windows_and_unix_line_ends_in_one_file(tmp_path, chunk_size):
    (tmp_path / "a.txt").write_bytes(b"2 5 4\n0,2 1:0.5 4:2\r\n3 0:1\n")
    expected = dataset([({0, 2}, {1: 0.5, 4: 2}), ({3}, {0: 1})], 5, 4)
    assert_same(read_xmc(Source(tmp_path / "a.txt", chunk_size)), expected)


def test_a_windows_line_end_at_the_end_of_a_piece(tmp_path):
    line = "0 1:1" + " " * (LONGEST_HEAD - 6) + "\r\n"  # the carriage return is its last byte
    (tmp_path / "a.svm").write_bytes((line + "0 0:1\r\n").encode())
    got = read_svmlight(Source(tmp_path / "a.svm", LONGEST_HEAD))
    assert_same(got, dataset([({0}, {1: 1}), ({0}, {0: 1})], 2, 1))


@pytest.mark.parametrize("header", ["3  5 4", "3\t5\t4", " 3 5 4 \t", "\t3 5  4"])
def test_blanks_of_a_header(tmp_path, header):
    (tmp_path / "a.txt").write_text(f"{header}\n{FIRST}\n\n{LAST}\n")
    got = read_xmc(Source(tmp_path / "a.txt"))
    assert (got.n_samples, got.n_features, got.n_labels) == (3, 5, 4)
