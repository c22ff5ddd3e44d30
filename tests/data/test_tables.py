"""JSON lines, CSV, TSV and Parquet: what they have in common, and every refusal with its line."""

import csv
import gzip
import io
import json
import sys

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import feather, parquet

from slide.core.errors import DataError
from slide.data.source import Source
from slide.data.tables import is_table, opened

ROWS = [
    ["plain", "a"],
    ["Ünïcödé 日本語 🙂", "b c"],
    ["two\nlines, a \"quote\"\tand a tab \\ ", ""],
    ["", "x" * 300_000],
]  # fmt: skip


def read(path, *columns):
    return [list(row.values) for row in opened(Source(path)).rows(columns or ("text", "tag"))]


def written(path, rows=ROWS, names=("text", "tag")):
    """A table in the format that the name of its file says."""
    suffix = path.name.split(".")[1]
    if suffix == "parquet":
        columns = list(zip(*rows, strict=True))
        parquet.write_table(pa.table(dict(zip(names, columns, strict=True))), path)
        return path
    if suffix == "jsonl":
        text = "".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows)
    else:
        file = io.StringIO()
        csv.writer(file, dialect="excel-tab" if suffix == "tsv" else "excel").writerows(
            [names, *rows]
        )
        text = file.getvalue()
    content = text.encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


NAMES = ["t.jsonl", "t.csv", "t.tsv", "t.parquet", "t.jsonl.gz", "t.csv.gz"]


@pytest.mark.parametrize("name", NAMES)
def test_every_format_gives_the_same_rows(tmp_path, name):
    before = csv.field_size_limit()
    path = written(tmp_path / name)
    assert is_table(path)
    assert read(path) == ROWS
    assert read(path, "tag", "text", "tag") == [[tag, text, tag] for text, tag in ROWS]
    assert csv.field_size_limit() == before


@pytest.mark.parametrize("name", NAMES)
def test_what_has_no_name_is_known_by_its_first_bytes(tmp_path, name):
    other = written(tmp_path / name).rename(tmp_path / "unnamed")
    assert not is_table(other)
    assert read(other) == ROWS


@given(st.lists(st.tuples(*[st.text(st.characters(codec="utf-8", exclude_characters="\r"))] * 2)))
def test_csv_is_what_other_tools_write(tmp_path_factory, rows):
    path = written(tmp_path_factory.mktemp("t") / "t.csv", [list(row) for row in rows])
    assert read(path) == [list(row) for row in rows]


def test_a_mark_and_windows_line_ends_are_read(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"\xef\xbb\xbftext,tag\r\na,b\r\n\r\n")
    assert read(path) == [["a", "b"]]
    path = tmp_path / "t.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"text": "a", "tag": 1}\r\n\r\n')
    assert read(path) == [["a", 1]]


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        ('{"text": "a", "tag": 1}\n{"text": "a" "tag": 2}\n', 2, "this is no JSON"),
        ('{"text": "a", "tag": 1}\n[1, 2]\n', 2, "the line is an array, expected an object"),
        ('"a"\n', 1, "expected an object"),
        ('{"text": "a"}\n', 1, "there is no field 'tag': it has 'text'"),
        ('{"text": "a", "tags": 1}\n', 1, "no field 'tag', did you mean 'tags'"),
        ('{"text": "a", "tag": 1, "tag": 2}\n', 1, "the field 'tag' is there twice"),
        ('{"text": "a", "tag": NaN}\n', 1, "NaN is no JSON"),
        ('{"text": "a", "tag": 1}\n\n{"text": "a", "tag": 1}\n', 2, "the line is blank"),
        ("[" * 99_999 + "\n", 1, "this is no JSON"),
        ("{}\n", 1, "it has none"),
        ("", None, "the file is empty"),
    ],
)
def test_broken_json_lines_are_a_sentence(tmp_path, text, line, sentence):
    refused(tmp_path / "t.jsonl", text, line, sentence)


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        ("text,tag\na,b\na,b,c\n", 3, "there are 3 fields, expected 2 as in the first line"),
        ('text,tag\n"x\ny",b\na\n', 4, "there are 1 fields"),
        ('text,tag\na,b\n"x\ny,b\n', 3, "no CSV .unexpected end of data"),
        ('text,tag\n"a"b,c\n', 2, "no CSV"),
        ("text,tags\na,b\n", 1, "no column 'tag', did you mean 'tags'"),
        ("text,tag,tag\na,b,c\n", 1, "2 columns are called 'tag'"),
        ("text,tag\na,b\n\na,b\n", 3, "the line is blank"),
        ("\n", 1, "no column 'text': it has none"),
        ("", None, "the file is empty"),
    ],
)
def test_broken_csv_is_a_sentence(tmp_path, text, line, sentence):
    refused(tmp_path / "t.csv", text, line, sentence)
    if line:
        refused(tmp_path / "t.tsv", text.replace(",", "\t"), line, sentence.replace("CSV", "TSV"))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.jsonl", b'{"text": "a", "tag": 1}\n{"text": "\xff", "tag": 1}\n'),
        ("t.csv", b"text,tag\n   no  text   \xff,b\n"),
    ],
)
def test_bytes_that_are_no_text_are_a_sentence(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=r":2: the byte 0xff at place 1\d of the line is no UTF-8"):
        read(path)
    path.write_bytes(content.replace(b"\xff", b"").decode().encode("utf-16"))
    with pytest.raises(DataError, match="UTF-16"):
        read(path)


def refused(path, text, line, sentence):
    path.write_text(text)
    with pytest.raises(DataError, match=sentence) as told:
        read(path)
    assert told.value.line == line
    assert str(told.value).count("\n") == 0


def test_broken_parquet_is_a_sentence(tmp_path):
    path = written(tmp_path / "t.parquet")
    with pytest.raises(DataError, match="no column 'tags', did you mean 'tag'"):
        read(path, "tags")
    content = path.read_bytes()
    for damaged in (b"", b"text,tag\n", content[:-40], content[:20] + bytes(300) + content[320:]):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match="no Parquet file, or a damaged one"):
            read(path)
    with pytest.raises(DataError, match="no such file"):
        read(tmp_path / "none.parquet")


def test_columns_of_one_name_are_refused(tmp_path):
    for name, write in (("t.parquet", parquet.write_table), ("t.arrow", feather.write_feather)):
        write(pa.Table.from_arrays([pa.array(["a"])] * 2, ["text", "text"]), tmp_path / name)
        with pytest.raises(DataError, match="2 columns are called 'text'"):
            read(tmp_path / name, "text")


def test_without_pyarrow_it_is_a_sentence(tmp_path, monkeypatch):
    path = written(tmp_path / "t.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(DataError, match=r"pip install 'slide-engine\[text\]'"):
        read(path)
