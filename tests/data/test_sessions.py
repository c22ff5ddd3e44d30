"""Rows of sessions: against a plain definition of prefixes, from arrays and from files."""

import gzip
import json
from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

import slide
from slide.core.errors import ConfigError, DataError, InputError
from slide.data import last_of_sessions, read_sessions, session_rows, sessions

EVENTS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.integers(0, 4)), max_size=40)
# Session b comes second, ends first; x comes again in a.
SESSIONS, ITEMS, TIMES = list("abaab"), list("xyzxw"), [0, 1, 2, 8, 4]


def by_session(log, timed):
    """Items and times of each session, by session as the log meets them."""
    found = {}
    for session, item, time in sorted(log, key=lambda event: event[2]) if timed else log:
        found.setdefault(session, []).append((item, time))
    return {session: found[session] for session, *_ in log}


def features(prefix):
    kept = list(enumerate(reversed(prefix)))[: session_rows.LONGEST]
    found = {}
    for distance, item in kept:
        found.setdefault(str(item), np.float32(0.8**distance))
    return found


def expected(log, timed, seen_are_answers):
    rows = []
    for events in by_session(log, timed).values():
        items = [item for item, _ in events]
        for n in range(1, len(items)):
            if seen_are_answers or items[n] not in items[:n]:
                rows.append((features(items[:n]), str(items[n])))
    return rows


def listed(data):
    """Features by name of each row, and its labels by name."""
    names = data.feature_names
    pairs = [data.x.row(i) for i in range(data.n_samples)]
    labels = [names.of(data.y.row(i)[0]) for i in range(data.n_samples)]
    return [
        (dict(zip(names.of(ids), values, strict=True)), *label)
        for (ids, values), label in zip(pairs, labels, strict=True)
    ]


def columns(log):
    return [list(column) for column in zip(*log, strict=True)] if log else [[], [], []]


@given(EVENTS, st.booleans(), st.booleans(), st.integers(1, 4), st.integers(1, 20))
def test_rows_are_prefixes(log, timed, seen_are_answers, longest, at_a_time):
    whose, items, times = columns(log)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session_rows, "LONGEST", longest)
        patch.setattr(session_rows, "ENTRIES_AT_A_TIME", at_a_time)
        data = sessions(whose, items, times if timed else None, seen_are_answers=seen_are_answers)
        data.check()
        assert listed(data) == expected(log, timed, seen_are_answers)
        ends = [features([item for item, _ in each]) for each in by_session(log, timed).values()]
        who, whole = last_of_sessions(whose, items, times if timed else None)
    whole.check()
    assert who == list(by_session(log, timed))
    assert [listed_row(whole, i) for i in range(whole.n_samples)] == ends
    first_met = [str(item) for _, item, time in in_time(log, timed)]
    assert list(data.feature_names) == list(data.label_names) == list(dict.fromkeys(first_met))
    assert (data.left_out is None) == seen_are_answers
    if not seen_are_answers:
        assert (data.left_out.cells() == data.x.cells()).all()


def in_time(log, timed):
    return sorted(log, key=lambda event: event[2]) if timed else log


def listed_row(data, i):
    ids, values = data.x.row(i)
    return dict(zip(data.feature_names.of(ids), values, strict=True))


def test_a_row_by_hand():
    data = sessions(SESSIONS, ITEMS, TIMES)
    assert listed(data) == [
        ({"x": 1}, "z"),
        ({"x": np.float32(0.8), "z": 1}, "x"),
        ({"y": 1}, "w"),
    ]
    assert data.weights is None


def test_an_example_is_of_the_time_when_its_session_ended():
    days = np.array(["2026-01-01", "2026-01-01", "2026-01-09", "2026-01-09"], "datetime64[D]")
    times = sessions([1, 1, 2, 2], [1, 2, 1, 2], days).times
    assert times[1] > times[0]
    assert sessions([5, 5, 5, 2, 2], [1, 2, 3, 1, 2], [1, 2, 3, 0, 9]).times.tolist() == [3, 3, 9]
    assert sessions([5, 2, 5, 2], [1, 2, 3, 1]).times.tolist() == [1, 3]


def test_another_log_has_the_items_of_the_first():
    train = sessions(SESSIONS, ITEMS)
    other = sessions(list("ccc"), list("wnx"), like=train)
    assert list(other.feature_names) == ["x", "y", "z", "w", "n"]
    assert listed(other) == [({"w": 1}, "n"), ({"w": np.float32(0.8), "n": 1}, "x")]
    with pytest.raises(InputError, match="not trained on sessions"):
        sessions([1], [2], like=slide.Dataset(np.eye(2), [["a"], ["b"]]))


def test_models_judge_other_logs_by_names():
    train = sessions(np.arange(200) // 4, [f"i{i % 4}" for i in range(200)])
    model = slide.Trainer(slide.Config(epochs=1), backend="reference").fit(train)
    log = list("ccc"), ["i2", "i3", "new"]
    with pytest.warns(slide.UnseenWarning, match="1 label in 1 example"):
        judged = model.evaluate(sessions(*log), at=[1])  # its items are in another order
    assert judged["hit_rate_at_1"] == judged["mrr_at_1"] == 0.5
    with pytest.warns(slide.UnseenWarning):
        assert model.evaluate(sessions(*log, like=model), at=[1]) == judged


@pytest.mark.parametrize(
    ("log", "sentence"),
    [
        (([1, 2], [1]), "have 2 and 1 entries"),
        (([1.5], [1]), "sessions: .*float64: expected text or whole numbers"),
        (([1], np.array([None])), "items.*there is \\[None\\]"),
        (([[1]], [1]), "2 dimensions"),
        (([1], [1], [np.nan]), "times: one is not finite"),
        (([1], [1], np.array(["NaT"], "datetime64[s]")), "no time"),
        (([1], [1], ["noon"]), "times: .*expected numbers or datetime64"),
        (([1], [1], [[1]]), "2 dimensions"),
    ],
)
def test_arrays_that_are_no_log_are_refused(log, sentence):
    with pytest.raises(InputError, match=sentence):
        sessions(*log)


ROWS = [("s1", "7", 3), ("s2", "8", 5), ("s1", "9", 4)]


def write_kind(path, kind, names=("SessionId", "ItemID", "Time")):
    lines = [",".join(map(str, row)) for row in [names, *ROWS]]
    if kind == "json":
        text = "".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in ROWS)
        path.write_text(text)
    elif kind == "parquet":
        parquet.write_table(pa.table(dict(zip(names, zip(*ROWS, strict=True), strict=True))), path)
    elif kind == "tsv":
        path.write_text("\n".join(lines).replace(",", "\t"))
    elif kind == "csv.gz":
        path.write_bytes(gzip.compress("\n".join(lines).encode()))
    else:
        path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize("kind", ["csv", "tsv", "json", "parquet", "csv.gz"])
def test_files_of_each_kind(tmp_path, kind):
    log = read_sessions(write_kind(tmp_path / f"log.{kind}", kind))
    assert [*map(tuple, zip(*log, strict=True))] == ROWS
    named = write_kind(tmp_path / f"named.{kind}", kind, ("a", "b", "c"))
    assert read_sessions(named, ("a", "b")).times is None
    assert read_sessions(named, ("b", "a", "c")).sessions.tolist() == ["7", "8", "9"]


def test_several_files_are_one_log(tmp_path):
    for name in ("1.csv", "2.csv"):
        write_kind(tmp_path / name, "csv")
    assert len(read_sessions(tmp_path / "*.csv").items) == 6
    assert len(read_sessions([tmp_path / "2.csv"]).items) == 3
    (tmp_path / "3.csv").write_text("user,item\n1,2\n")
    with pytest.raises(DataError, match=r"3.csv: it has no time, and others do"):
        read_sessions(tmp_path / "*.csv")


def test_dates_are_times(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(
        "user,item,date\n1,a,2026-11-30\n1,b,2026-11-30T00:00:01\n1,c,20261130T000002Z\n"
    )
    assert np.diff(read_sessions(path).times).tolist() == [1, 1]
    assert read_sessions(path).times[0] == datetime.fromisoformat("2026-11-30T00:00Z").timestamp()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("user,thing\n1,2\n", r"log.csv:1: no column is called item"),
        ("item,when\n1,2\n", r"log.csv:1: no column is called session"),
        ("user,item,time\n1,2,3\n,2,3\n", r"log.csv:3: 'user' is empty"),
        ("user,item,time\n1,,3\n", r"log.csv:2: 'item' is empty"),
        ("user,item,time\n1,2,\n", r"log.csv:2: 'time' is empty, expected a number"),
        ("user,item,time\n1,2,noon\n", r"log.csv:2: 'time' is 'noon', expected a number"),
        ("user,item,time\n1,2,inf\n", r"log.csv:2: 'time' is 'inf'"),
        ("user,item,time\n1,2,3\n1,2,2026-01-01\n", r"log.csv:3: .*times before are numbers"),
    ],
)
def test_files_that_are_no_log_are_refused(tmp_path, text, sentence):
    (tmp_path / "log.csv").write_text(text)
    with pytest.raises(DataError, match=sentence):
        read_sessions(tmp_path / "log.csv")


@pytest.mark.parametrize("value", ["null", "1.5", "true", '[""]'])
def test_ids_are_text_or_whole_numbers(tmp_path, value):
    (tmp_path / "log.jsonl").write_text(f'{{"user": {value}, "item": 1}}\n')
    with pytest.raises(DataError, match=r"log.jsonl:1: 'user' is"):
        read_sessions(tmp_path / "log.jsonl")


@pytest.mark.parametrize("columns", [("a",), ("a", "a"), ("a", "b", "c", "d"), "ab", ("a", "")])
def test_columns_are_two_or_three_names(tmp_path, columns):
    with pytest.raises(ConfigError, match="expected the names of two or three columns"):
        read_sessions(write_kind(tmp_path / "log.csv", "csv"), columns)
