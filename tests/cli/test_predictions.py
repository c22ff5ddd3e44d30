"""Predictions as text: what is not there is not written."""

import numpy as np
import pytest

from slide.core.errors import DataError, InputError
from slide.data import prediction_lines, write_predictions

IDS = np.array([[3, 1], [7, -1], [-1, -1]], np.int32)
LOGITS = np.array([[2.5, -1.0], [0.125, -np.inf], [-np.inf, -np.inf]], np.float32)


def test_missing_places_are_left_out():
    assert list(prediction_lines(IDS, LOGITS)) == ["3:2.5 1:-1", "7:0.125", ""]


def test_a_file_is_never_replaced(tmp_path):
    path = tmp_path / "p.txt"
    write_predictions(IDS, LOGITS, path)
    assert path.read_text() == "3:2.5 1:-1\n7:0.125\n\n"
    with pytest.raises(DataError, match="exists"):
        write_predictions(IDS[:0], LOGITS[:0], path)
    assert path.read_text().startswith("3:2.5")


@pytest.mark.parametrize(
    ("ids", "scores", "words"),
    [
        (IDS[0], LOGITS[0], r"ids have shape \(2,\) and scores \(2,\): expected \(n, k\)"),
        (IDS, LOGITS[:2], r"ids have shape \(3, 2\) and scores \(2, 2\)"),
        (IDS.astype(float), LOGITS, "ids are float64 and scores float32"),
        (IDS, LOGITS.astype(object), "ids are int32 and scores object"),
        (IDS > 0, LOGITS, "ids are bool"),
        (IDS - 1, LOGITS, "ids has -2: expected labels from 0"),
        (IDS, np.where(IDS == 7, np.nan, LOGITS), "scores has nan"),
        ("x", LOGITS, "ids is a str"),
        ([[1], [2, 3]], LOGITS, "ids is a list that is no array"),
    ],
)
def test_what_are_no_predictions_is_a_sentence(tmp_path, ids, scores, words):
    with pytest.raises(InputError, match=f"^predictions: {words}"):
        write_predictions(ids, scores, tmp_path / "p.txt")
    assert list(tmp_path.iterdir()) == []


def test_predictions_of_others_are_written_too(tmp_path):
    write_predictions(IDS.astype(np.int64).tolist(), LOGITS.astype(">f8"), tmp_path / "p.txt")
    assert (tmp_path / "p.txt").read_text() == "3:2.5 1:-1\n7:0.125\n\n"
