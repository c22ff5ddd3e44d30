"""Logs of clicks from tables: which columns, which values, and what is refused."""

import numpy as np
import pyarrow as pa
import pytest
from pyarrow.parquet import write_table

from slide.core.errors import ConfigError, DataError
from slide.data import is_click_log, read_clicks


def events(log):
    times = [None] * len(log.users) if log.times is None else log.times.tolist()
    return list(zip(log.users.tolist(), log.items.tolist(), log.clicked.tolist(), times,
                    strict=True))  # fmt: skip


EXPECTED = [("u", "7", True, 30.0), ("v", "8", False, 10.0)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "User_ID,movieId,Clicked,Timestamp\nu,7,1,30\nv,8,0,10\n"),
        ("a.tsv", "time\tfeedback\titem\tuser\n30\ttrue\t7\tu\n10\tFalse\t8\tv\n"),
        ("a.jsonl", '{"user": "u", "item": 7, "click": true, "time": 30}\n'
                    '{"user": "v", "item": 8, "click": 0.0, "time": 10}\n'),
    ],
)  # fmt: skip
def test_usual_columns_are_found(tmp_path, name, text) -> None:
    (tmp_path / name).write_text(text)
    assert events(read_clicks(tmp_path / name)) == EXPECTED
    assert is_click_log(tmp_path / name)


def test_parquet_is_a_log_unless_it_has_features(tmp_path) -> None:
    log = {"user": ["u", "v"], "item": [7, 8], "click": [True, False], "time": [30, 10]}
    write_table(pa.table(log), tmp_path / "log.parquet")
    assert events(read_clicks(tmp_path / "log.parquet")) == EXPECTED
    assert is_click_log(tmp_path / "log.parquet")
    write_table(pa.table({"features": [[1], [2]], "label": [0, 1]}), tmp_path / "x.parquet")
    assert not is_click_log(tmp_path / "x.parquet")
    assert not is_click_log(tmp_path / "train.txt.gz")


def test_columns_and_ratings_are_said(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("a,b,c,d\nu,7,4,30\nv,8,3.5,10\nv,9,5,11\n")
    columns = ["a", "b", "c", "d"]
    log = read_clicks(tmp_path / "a.csv", columns, clicked_from=4)
    assert log.clicked.tolist() == [True, False, True]
    assert log.times.tolist() == [30, 10, 11]
    assert read_clicks(tmp_path / "a.csv", columns[:3], clicked_from=3.5).times is None
    taken = log.take(np.array([False, True, True]))
    assert events(taken) == [("v", "8", False, 10.0), ("v", "9", True, 11.0)]


@pytest.mark.parametrize(
    ("row", "limit", "sentence"),
    [
        ("u,7,3,9", None, "'click' is '3', expected 0 or 1, or false or true: say clicked_from=X"),
        ("u,7,,9", None, "'click' is empty, expected 0 or 1"),
        ("u,7,good,9", 4, "'click' is 'good', expected a number"),
        ("u,7,nan,9", 4, "'click' is 'nan', expected a number"),
        ("u,,1,9", None, "'item' is empty, expected an id"),
        ("u,7,1,soon", None, "'time' is 'soon', expected a number, or a date"),
    ],
)
def test_a_value_that_is_none_is_refused_with_its_line(tmp_path, row, limit, sentence) -> None:
    (tmp_path / "a.csv").write_text(f"user,item,click,time\nu,1,1,1\n{row}\n")
    with pytest.raises(DataError) as caught:
        read_clicks(tmp_path / "a.csv", clicked_from=limit)
    assert f"a.csv:3: {sentence}" in str(caught.value)


def test_what_is_no_log_is_refused(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("user,item,when\nu,1,1\n")
    with pytest.raises(DataError, match=r'click.*say columns=\("USER", "ITEM", "CLICK", "TIME"\)'):
        read_clicks(tmp_path / "a.csv")
    with pytest.raises(ConfigError, match="three or four columns: user, item, click and time, or"):
        read_clicks(tmp_path / "a.csv", ["user", "item"])
    for limit in ("4", float("nan"), True):
        with pytest.raises(ConfigError, match="clicked_from is "):
            read_clicks(tmp_path / "a.csv", clicked_from=limit)


def test_files_are_one_log_of_one_width(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("user,item,click,time\nu,1,1,1\n")
    (tmp_path / "b.csv").write_text("user,item,click,time\nu,2,0,2\n")
    (tmp_path / "c.csv").write_text("user,item,click\nu,2,0\n")
    both = read_clicks([tmp_path / "a.csv", tmp_path / "b.csv"])
    assert events(both) == [("u", "1", True, 1.0), ("u", "2", False, 2.0)]
    with pytest.raises(DataError, match="it has no time, and others do"):
        read_clicks([tmp_path / "a.csv", tmp_path / "c.csv"])
