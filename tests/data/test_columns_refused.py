"""Numbers in columns of Parquet and Arrow that are refused, each by its row."""

import sys

import numpy as np
import pyarrow as pa
import pytest
from column_files import (
    EXPECTED,
    INDICES,
    LABELS,
    VALUES,
    VECTOR,
    dense,
    ints,
    saved,
    sparse,
    to_file,
)

from slide.core.errors import DataError
from slide.data import read, write
from slide.data.columns import column_parts
from slide.data.source import Source


def vectors(*rows):
    return {"features": pa.array([dense(1), *rows], VECTOR), "label": [0] * (1 + len(rows))}


SIGNALS = pa.array(np.frombuffer(b"\x01\0\0\0\0\0\xf0\x7f" * 2, np.float64))
BAD = {
    "a negative feature": ({"features": [[1], [0, -1]]}, "row 2: feature -1, expected a whole"),
    "a huge feature": ({"features": [[1], [2**31 - 1]]}, "row 2: feature 2147483647, expected"),
    "an unsigned one": (
        {"features": pa.array([[1], [2**64 - 1]], pa.list_(pa.uint64()))},
        "row 2: feature 18446744073709551615",
    ),
    "NaN": (
        {"features": [[1], [0, 7]], "values": [[1], [1, np.nan]]},
        "row 2: the value nan of feature 7 is not finite",
    ),
    "an overflow": (
        {"features": [[1], [7]], "values": [[1], [1e39]]},
        "row 2: the value 1e.39 of feature 7 overflows",
    ),
    "a sum": (
        {"features": [[1], [7, 7]], "values": [[1], [3e38, 3e38]]},
        "row 2: the values given for feature 7 sum",
    ),
    "a null list": (
        {"features": [[1], None]},
        r"row 2: 'features' is null, expected a list: write \[\]",
    ),
    "a null index": (
        {"features": [[1], [0, None]]},
        "row 2: 'features' has a null, expected numbers",
    ),
    "null values": ({"features": [[1], [0]], "values": [[1.0], None]}, "row 2: 'values' is null"),
    "a null value": (
        {"features": [[1], [0]], "values": [[1.0], [None]]},
        "row 2: 'values' has a null",
    ),
    "fewer values": (
        {"features": [[1], [0, 1]], "values": [[1.0], [1.0]]},
        "row 2: 2 indices and 1 values, expected as many",
    ),
    "lists of nulls": ({"features": [[None], []]}, "row 1: 'features' has a null"),
    "a null pair": (
        {"features": [[{"index": 0, "value": 1.0}], [None]]},
        "row 2: 'features' has a null",
    ),
    "a null in a pair": (
        {"features": [[{"index": 0, "value": 1.0}], [{"index": None, "value": 1.0}]]},
        "row 2: 'features.index' has a null",
    ),
    "a null struct": (
        {"features": [{"indices": [0], "values": [1.0]}, None]},
        "row 2: 'features' is null",
    ),
    "a struct of unequal lists": (
        {"features": [{"indices": [0], "values": [1.0]}, {"indices": [], "values": [1.0]}]},
        "row 2: 0 indices and 1 values",
    ),
    "a negative label": (
        {"labels": [[1], [0, -1]]},
        "row 2: label -1, expected.*leave out labels that",
    ),
    "a huge label": ({"labels": [[1], [2**40]]}, "row 2: label 1099511627776"),
    "half a label": ({"labels": [1.0, 0.5]}, "row 2: label 0.5, expected a whole number"),
    "a label that signals": (
        {"labels": SIGNALS},
        "row 1: label nan",
    ),
    "a value that signals": (
        {"features": [[0]] * 2, "values": pa.FixedSizeListArray.from_arrays(SIGNALS, 1)},
        "row 1: the value nan",
    ),
    "a label that is NaN": ({"labels": [1.0, np.nan]}, "row 2: label nan"),
    "no label": ({"labels": [1, None]}, "row 2: 'labels' is null, expected a whole number"),
    "null labels": ({"labels": [[1], None]}, "row 2: 'labels' is null"),
    "a null vector": (vectors(None), "row 2: 'features' is null, expected a vector"),
    "a vector of a third kind": (
        vectors({"type": 2, "size": 1, "indices": [0], "values": [1]}),
        "row 2: 'features' is no vector of Spark",
    ),
    "a vector without indices": (
        vectors({"type": 0, "size": 1, "indices": None, "values": [1]}),
        "row 2: 'features.indices' is null",
    ),
    "a vector without values": (vectors(sparse([0], None, 1)), "row 2: 'features.values' is null"),
    "a vector of fewer values": (
        vectors(dense(1), sparse([0], [], 1)),
        "row 3: 1 indices and 0 values",
    ),
    "a vector beyond its size": (
        vectors(sparse([1], [1.0], 1)),
        "row 2: feature 1 of a vector of 1",
    ),
    "a vector of another size": (
        vectors(sparse([0], [1.0], 3)),
        "row 2: a vector of 3 features, expected 1 as",
    ),
    "a negative index of a vector": (
        vectors(sparse([-1], [1.0], 1)),
        "row 2: feature -1, expected",
    ),
}


@pytest.mark.parametrize(("columns", "sentence"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("name", ["a.parquet", "a.ipc"])
def test_bad_rows(name, columns, sentence, tmp_path):
    if "label" not in columns:
        columns = {"features": INDICES[:2], "labels": LABELS[:2]} | columns
    for rows_at_a_time in (1, 2, 100):
        source = Source(saved(tmp_path, name, **columns))
        with pytest.raises(DataError, match=f"{name}: {sentence}") as told:
            column_parts(source, rows_at_a_time=rows_at_a_time).whole()
        assert "\n" not in str(told.value)


ODD = {
    "texts": (
        {"text": ["a"], "tags": [["b"]]},
        r"no column 'features' or 'indices' of numbers: it has 'text', 'tags'; read texts",
    ),
    "text as features": (
        {"features": ["a"], "labels": [[0]]},
        "'features' is of the type string, expected lists of indices",
    ),
    "names of features": (
        {"features": [["a"]], "labels": [[0]]},
        "'features' is of the type list<.*string>",
    ),
    "a number": ({"features": [1], "labels": [[0]]}, "'features' is of the type int64"),
    "dense features": (
        {"features": [[0.5]], "labels": [[0]]},
        r"dense features \(list<.*double>\), expected sparse ones.*slide.Dataset\(x, y\)",
    ),
    "an embedding": (
        {"embedding": pa.array([[0.5]], pa.list_(pa.float32(), 1)), "labels": [[0]]},
        "'embedding' has dense features",
    ),
    "two of features": (
        {"features": [[0]], "indices": [[0]], "labels": [[0]]},
        "columns 'features' and 'indices', expected one",
    ),
    "two of labels": (
        {"features": [[0]], "label": [0], "labels": [[0]]},
        "columns 'labels' and 'label', expected one",
    ),
    "no labels": (
        {"features": [[0]], "tags": [[0]]},
        "no column 'labels' or 'label' of numbers: it has 'features', 'tags'",
    ),
    "names of labels": (
        {"features": [[0]], "labels": [["a"]]},
        "'labels' is of the type list<.*string>, expected whole numbers",
    ),
    "values as text": (
        {"features": [[0]], "values": [["1"]], "labels": [[0]]},
        "'values' is of the type list<.*string>, expected lists of numbers",
    ),
    "pairs of text": (
        {"features": [[{"index": 0, "value": "a"}]], "labels": [[0]]},
        "'features' is of the type",
    ),
    "other pairs": (
        {"features": [[{"index": 0, "indices": 0, "value": 1}]], "labels": [[0]]},
        "'features' is of the type",
    ),
    "lists of nothing": (
        {"features": pa.array([[], []], pa.list_(pa.int32(), 0)), "labels": [0, 0]},
        "'features' is of the type",
    ),
}


@pytest.mark.parametrize(("columns", "sentence"), ODD.values(), ids=ODD)
def test_columns_that_are_none(columns, sentence, tmp_path):
    with pytest.raises(DataError, match=f"a.ipc: .*{sentence}"):
        read(saved(tmp_path, "a.ipc", **columns))


def test_columns_that_are_there_twice(tmp_path):
    for twice in ("features", "values", "labels"):
        names = ["features", "values", "labels", twice]
        columns = [pa.array(each) for each in (INDICES, VALUES, LABELS, INDICES)]
        to_file(pa.Table.from_arrays(columns, names), tmp_path / "a.ipc")
        with pytest.raises(DataError, match=f"2 columns are called '{twice}'"):
            read(tmp_path / "a.ipc")


def test_damaged_files_are_a_sentence(tmp_path):
    for name, kind in (("a.parquet", "Parquet"), ("a.ipc", "Arrow"), ("a.arrow", "Arrow")):
        path = saved(tmp_path, name, labels=LABELS, features=INDICES, values=VALUES)
        content = path.read_bytes()
        begin = 9 if name != "a.ipc" else len(content) - 200  # what it is read by
        broken = content[:begin] + b"\xff" * 150 + content[begin + 150 :]
        for damaged in (b"", b"1 2 3\n", content[:-40], broken):
            path.write_bytes(damaged)
            with pytest.raises(DataError, match=f"no {kind} file, or a damaged one"):
                read(path)
    path.write_bytes(b"FEA1" + bytes(20))
    with pytest.raises(DataError, match="Feather version 1, expected 2"):
        read(path)


def test_offsets_outside_of_what_is_there_are_refused(tmp_path):
    """Which nobody but the reader of Arrow looks at: NumPy would read beyond the end."""
    path = saved(tmp_path, "a.ipc", features=ints(INDICES), labels=ints(LABELS))
    content = path.read_bytes()
    offsets = np.array([0, 2, 2], np.int32).tobytes()
    assert offsets in content
    path.write_bytes(content.replace(offsets, np.array([0, 2, 10**8], np.int32).tobytes(), 1))
    with pytest.raises(DataError, match="a damaged one"):
        read(path)


def test_without_pyarrow_it_is_a_sentence(tmp_path, monkeypatch):
    paths = [saved(tmp_path, name, features=INDICES, labels=LABELS) for name in ("a.pq", "a.ipc")]
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    for path in paths:
        with pytest.raises(DataError, match=r"needs pyarrow.*pip install 'slide-engine\[text\]'"):
            read(path)


def test_they_are_not_written(tmp_path):
    for name in ("b.parquet", "b.arrow"):
        with pytest.raises(DataError, match=r"read, not written: end the name in \.npz"):
            write(EXPECTED, tmp_path / name)
    assert not list(tmp_path.iterdir())
