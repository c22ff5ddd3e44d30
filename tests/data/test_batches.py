"""Tables in batches against the same tables row by row, and logs that are read so."""

import json
from contextlib import contextmanager

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pyarrow import parquet

from slide.core.errors import DataError
from slide.data import read_sessions
from slide.data.session_logs import Events
from slide.data.source import Source
from slide.data.tables import arrow, delimited, json_lines, opened

IDS = st.sampled_from(["a", "7", "07", "x,y", 'x"y', "l\nm", "\n", "ü", "tab\t", "", " "])
NUMBERS = ["1", "2.5", " 1e3 ", "1_0", "20261130", "20261130_101010", "-0", "nan", "1e999", ""]
DATES = ["2026-11-30", " 2026-11-30T08:15:00.123456 ", "2026-11-30T01:00+02:00", "2026-W05-1",
         "0001-01-01", "noon", "20261130T101010"]  # fmt: skip
TIMES = st.one_of(
    *[st.lists(st.sampled_from(each), min_size=12, max_size=12)
      for each in (NUMBERS[:7], DATES[:5], NUMBERS + DATES)]
)  # fmt: skip


def quoted(field):
    return '"' + field.replace('"', '""') + '"' if set(field) & set('",\n\t') else field


def outcome(call):
    """What a call gives, or the error that it ends with."""
    try:
        return call()
    except DataError as error:
        return str(error)


def listed(path):
    log = read_sessions(path)
    return [*log.sessions], [*log.items], None if log.times is None else log.times.tobytes()


def by_row(path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Events, "_took", lambda *_: False)
        return outcome(lambda: listed(path))


def taken(rows):
    """The rows that come before an error, and the error."""
    found = []
    try:
        for row in rows:
            found.append((list(row.values), row.line, row.number))
    except DataError as error:
        return found, str(error)
    return found, None


@contextmanager
def at_a_time(n_rows):
    with pytest.MonkeyPatch.context() as patch:
        for module in (arrow, delimited, json_lines):
            patch.setattr(module, "ROWS_AT_A_TIME", n_rows)
        yield


def in_batches(path, columns, n_rows):
    with at_a_time(n_rows):
        return taken(row for batch in opened(Source(path)).batches(columns) for row in batch.rows())


def one_by_one(path, columns):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "TEXTS_AT_A_TIME", 1)
        return taken(opened(Source(path)).rows(columns))


@given(
    st.lists(st.tuples(IDS, IDS), max_size=12),
    TIMES,
    st.sampled_from([",", "\t"]),
    st.dictionaries(st.integers(0, 12), st.sampled_from(["", "a", "a,b,c,d", 'a"b"', '"', '"a"b']),
                    max_size=2),
    st.integers(1, 4),
)  # fmt: skip
@example([("a", "l\nm"), ("", "a")], ["1"] * 12, ",", {}, 4)
@example([("a", "a")] * 3, ["1"] * 12, ",", {1: "", 2: '"'}, 2)
@example([("a", "a")] * 3, ["1", "2026-11-30", "1"], ",", {}, 1)
@example([("a", "b")] * 2, ["2026-11-30", "20261130.10"], ",", {}, 4)
def test_csv_in_batches(tmp_path_factory, ids, times, delimiter, odd, n_rows):
    rows = [delimiter.join(map(quoted, [*pair, time]))
            for pair, time in zip(ids, times, strict=False)]  # fmt: skip
    for place, line in odd.items():
        rows.insert(place, line.replace(",", delimiter))
    path = tmp_path_factory.mktemp("t") / ("t.csv" if delimiter == "," else "t.tsv")
    path.write_text("\n".join([delimiter.join(["session", "item", "time"]), *rows]))
    columns = ["time", "session"]
    assert in_batches(path, columns, n_rows) == one_by_one(path, columns)
    with at_a_time(n_rows):
        assert outcome(lambda: listed(path)) == by_row(path)


ODD_IDS = st.sampled_from([1, "1", "a", 2**70, None, 1.5, True, "", "\ud800"])
ODD_TIMES = st.sampled_from([1, 2.5, "3", "2026-11-30", None, True, 10**400])


@given(st.lists(st.tuples(ODD_IDS, ODD_IDS, ODD_TIMES)), st.integers(1, 4))
@example([("a", 1, 2), ("a", "1", 2.5), ("b", 1, "3")], 2)
@example([("a", 1, 10**400)], 1)
@example([("a", 1, 1), ("\ud800", 1, 1)], 4)
def test_json_in_batches(tmp_path_factory, rows, n_rows):
    path = tmp_path_factory.mktemp("t") / "t.jsonl"
    names = "session", "item", "time"
    lines = [json.dumps(dict(zip(names, row, strict=True))) for row in rows]
    path.write_text("\n".join([*lines, "{}"]))
    assert in_batches(path, names, n_rows) == one_by_one(path, names)
    with at_a_time(n_rows):
        assert outcome(lambda: listed(path)) == by_row(path)
    path.write_text("\n".join(lines) or "\n")
    with at_a_time(n_rows):
        assert outcome(lambda: listed(path)) == by_row(path)


COLUMNS = [
    pa.array([3, 1, 2], pa.int16()), pa.array([3, None, 2]), pa.array(["ü", "b", ""]),
    pa.array(["a", "b", "a"]).dictionary_encode(), pa.array(["a", None, "b"], pa.large_string()),
    pa.array([0.1, 2.5, float("nan")]), pa.array([0.1, 2.5, 3], pa.float32()),
    pa.array([True, None, False]), pa.array([0, 1, 2], pa.timestamp("us")),
    pa.array([[1], [], None]), pa.array([2**63, 1, 0], pa.uint64()),
]  # fmt: skip


def test_a_byte_that_is_no_text_has_its_line(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"text,tag\na,b\n" * 9 + b"\xff,b\n")
    table = opened(Source(tmp_path / "t.csv", chunk_size=30))
    found, error = taken(table.rows(["text"]))
    assert found[-1] == (["a"], 18, 17)
    assert "t.csv:19: the byte 0xff" in error


def test_the_first_of_several_blank_lines_is_named(tmp_path):
    (tmp_path / "t.csv").write_text("text,tag\na,b\n\n\na,b\n")
    found, error = in_batches(tmp_path / "t.csv", ["tag"], 9)
    assert found == [(["b"], 2, 1)]
    assert "t.csv:3: the line is blank" in error


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: str(column.type))
def test_values_are_those_that_python_has(column):
    found, wanted = arrow.values_of(column), column.to_pylist()
    assert repr(found) == repr(wanted)  # NaN, True and 1 are told apart
    assert list(map(type, found)) == list(map(type, wanted))


@pytest.mark.parametrize("time", range(len(COLUMNS)))
@pytest.mark.parametrize("id_", range(len(COLUMNS)))
def test_parquet_in_batches(tmp_path, id_, time):
    columns = [COLUMNS[id_], pa.array(["x", "y", "x"]), COLUMNS[time]]
    parquet.write_table(pa.table(columns, ["session", "item", "time"]), tmp_path / "t.parquet")
    assert outcome(lambda: listed(tmp_path / "t.parquet")) == by_row(tmp_path / "t.parquet")


def test_usual_logs_are_taken_by_column(tmp_path, monkeypatch):
    monkeypatch.delattr(Events, "_take_by_row")
    for time in ("3", "2026-11-30", "2026-11-30T08:15:00Z"):
        (tmp_path / "t.csv").write_text(f'user,item,time\n1,"a,b",{time}\n1,c,{time}\n')
        assert read_sessions(tmp_path / "t.csv").items.tolist() == ["a,b", "c"]
