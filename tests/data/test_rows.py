"""Which lines of svmlight are examples: each of them has its line of predictions."""

import numpy as np
import pytest
from data_files import assert_same, dataset

from slide.core.errors import SlideWarning
from slide.data import prediction_lines, read, write
from slide.data.source import Source
from slide.data.svmlight import read_svmlight

NOTHING = (set(), {})
LINES = {
    "": [NOTHING],
    " \t ": [NOTHING],
    "\r": [NOTHING],
    " # remark": [NOTHING],
    "\t#": [NOTHING],
    "3": [({3}, {})],
    "3,1 ": [({1, 3}, {})],
    "3 # remark": [({3}, {})],
    " 2:1": [(set(), {2: 1})],
    "2:1# remark": [(set(), {2: 1})],
    "# remark": [],
    "#": [],
    "#3 2:1": [],
}


@pytest.mark.parametrize(("line", "rows"), LINES.items())
@pytest.mark.parametrize("chunk_size", [1, 5, 1 << 19])
def test_a_line_is_an_example_unless_it_begins_with_a_hash(tmp_path, line, rows, chunk_size):
    whole = dataset([({0}, {0: 1}), *rows, *rows, ({3}, {4: 1})], 5, 4)
    (tmp_path / "a.svm").write_bytes(f"0 0:1\n{line}\n{line}\n3 4:1\n".encode())
    assert_same(read_svmlight(Source(tmp_path / "a.svm", chunk_size)), whole)


@pytest.mark.parametrize("end", ["\n", "\n\n", "\n \n", "\n\n\n"])
def test_blank_lines_at_the_end_are_examples_and_are_told(tmp_path, end):
    (tmp_path / "a.svm").write_text(f"0 0:1{end}")
    n_blank = end.count("\n") - 1
    if not n_blank:
        assert read(tmp_path / "a.svm").n_samples == 1
        return
    with pytest.warns(SlideWarning, match=r"a\.svm: .*blank line.* at its end") as told:
        assert read(tmp_path / "a.svm").n_samples == 1 + n_blank
    assert len(told) == 1


def test_a_remark_after_the_last_example_is_none(tmp_path):
    (tmp_path / "a.svm").write_text("0 0:1\n# end")
    assert read(tmp_path / "a.svm").n_samples == 1


@pytest.mark.filterwarnings("ignore:.*blank line")
@pytest.mark.parametrize("name", ["a.svm", "a.txt", "a.npz"])
def test_all_writers_and_readers_keep_empty_examples(tmp_path, name):
    rows = [NOTHING, ({0}, {0: 1}), NOTHING, ({1}, {}), (set(), {1: 1}), NOTHING, NOTHING]
    write(dataset(rows, 2, 2), tmp_path / name)
    assert_same(read(tmp_path / name), dataset(rows, 2, 2))


def test_an_example_without_predictions_has_its_line():
    ids, scores = np.full((3, 2), -1, np.int32), np.zeros((3, 2), np.float32)
    assert list(prediction_lines(ids, scores)) == ["", "", ""]
