"""Predictions as text: what is not there is not written."""

import numpy as np
import pytest

from slide.core.errors import DataError
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
