"""Numbers in columns of Parquet and Arrow: conventions of other tools, and each refusal by row."""

import io
import sys
import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from data_files import assert_same, dataset, datasets
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import feather, ipc, parquet

from slide.core.errors import DataError
from slide.data import convert_to_folder, read, write
from slide.data.columns import column_parts
from slide.data.source import BEGIN, Source

INDICES, VALUES, LABELS = [[1, 4], [], [0]], [[0.5, 2.0], [], [-1.0]], [[0], [3], []]
EXPECTED = dataset([({0}, {1: 0.5, 4: 2}), ({3}, {}), (set(), {0: -1})], 5, 4)
ONES = dataset([({0}, {1: 1, 4: 1}), ({3}, {}), (set(), {0: 1})], 5, 4)
VECTOR = pa.struct(
    {"type": pa.int8(), "size": pa.int32(), "indices": pa.list_(pa.int32()),
     "values": pa.list_(pa.float64())}
)  # fmt: skip
PAIRS = [list(zip(*each, strict=True)) for each in zip(INDICES, VALUES, strict=True)]


def as_structs(index="index", value="value"):
    return [[{index: i, value: v} for i, v in pairs] for pairs in PAIRS]


def as_lists(index="indices", value="values"):
    return [{index: i, value: v} for i, v in zip(INDICES, VALUES, strict=True)]


def sparse(indices, values, size=5):
    return {"type": 0, "size": size, "indices": indices, "values": values}


def dense(*values):
    return {"type": 1, "size": None, "indices": None, "values": list(values)}


def to_parquet(table, path):
    parquet.write_table(table, path, row_group_size=2)


def to_file(table, path):
    with ipc.new_file(path, table.schema) as writer:
        writer.write_table(table, 2)


def to_stream(table, path):
    with ipc.new_stream(path, table.schema) as writer:
        writer.write_table(table, 2)


def to_feather(table, path):
    feather.write_feather(table, path, "zstd", chunksize=2)


WRITERS = {
    "a.parquet": to_parquet, "a.pq": to_parquet, "a.arrow": to_stream, "a.arrows": to_stream,
    "a.ipc": to_file, "a.feather": to_feather, "by-first-bytes": to_file, "as-well": to_parquet,
    "so-streams.txt": to_stream,
}  # fmt: skip


def saved(folder, name="a.parquet", **columns):
    path = folder / name
    WRITERS[name](pa.table(columns), path)
    return path


FEATURES = {
    "lists": {"features": INDICES, "values": VALUES},
    "called indices": {"indices": INDICES, "values": VALUES},
    "structs": {"features": as_structs()},
    "structs of keys": {"features": as_structs("key")},
    "a map": {"features": pa.array(PAIRS, pa.map_(pa.int32(), pa.float32()))},
    "lists in a struct": {"features": as_lists("index", "value")},
    "lists in a struct with a size": {"features": [{"size": 5} | each for each in as_lists()]},
    "vectors": {
        "features": pa.array([sparse(i, v) for i, v in zip(INDICES, VALUES, strict=True)], VECTOR)
    },
    "vectors of both kinds": {
        "features": pa.array(
            [sparse([1, 4], [0.5, 2]), dense(0, 0, 0, 0, 0), dense(-1, 0, 0, 0, 0)], VECTOR
        )
    },
    "large lists": {
        "features": pa.array(INDICES, pa.large_list(pa.uint8())),
        "values": pa.array(VALUES, pa.large_list(pa.float16())),
    },
}


@pytest.mark.parametrize("columns", FEATURES.values(), ids=FEATURES)
@pytest.mark.parametrize("name", ["a.parquet", "a.ipc"])
def test_features_as_other_tools_have_them(name, columns, tmp_path):
    path = saved(tmp_path, name, other=["a", "b", "c"], labels=LABELS, **columns)
    got = read(path)
    got.check()
    assert_same(got, EXPECTED)
    assert_same(column_parts(Source(path), rows_at_a_time=1).whole(), EXPECTED)


@pytest.mark.parametrize("name", WRITERS)
def test_files_and_streams(name, tmp_path):
    assert_same(read(saved(tmp_path, name, labels=LABELS, **FEATURES["lists"])), EXPECTED)


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "a.ipc"])
def test_compressed_as_a_whole(name, tmp_path):
    path = saved(tmp_path, name, labels=LABELS, **FEATURES["lists"])
    zipped = path.with_name(f"{name}.zst")
    zipped.write_bytes(pa.compress(path.read_bytes(), "zstd", asbytes=True))
    path.unlink()
    assert_same(read(zipped), EXPECTED)


def test_files_of_polars_and_pandas(tmp_path):
    frame = pl.DataFrame({"features": as_structs(), "labels": LABELS})
    frame.write_parquet(tmp_path / "a.parquet")
    frame.write_ipc(tmp_path / "a.arrow", compression="lz4")
    arrays = {
        "features": map(np.int64, INDICES),
        "values": map(np.float32, VALUES),
        "labels": LABELS,
    }
    pd.DataFrame({name: list(lists) for name, lists in arrays.items()}).to_parquet(
        tmp_path / "b.parquet"
    )
    for name in ("a.parquet", "a.arrow", "b.parquet"):
        assert_same(read(tmp_path / name), EXPECTED)


def test_values_are_1_where_there_are_none(tmp_path):
    assert_same(read(saved(tmp_path, features=INDICES, labels=LABELS)), ONES)
    fixed = pa.array([[1, 4], [0, 3]], pa.list_(pa.int64(), 2))
    expected = dataset([({1}, {1: 1, 4: 1}), ({0}, {0: 1, 3: 1})], 5, 2)
    assert_same(read(saved(tmp_path, "a.ipc", features=fixed, labels=[1, 0])), expected)


@pytest.mark.parametrize("numbers", [[2, 0, 1], [2.0, 0.0, 1.0], np.float16([2, 0, 1])])
def test_one_label_each(numbers, tmp_path):
    expected = dataset([({2}, {1: 1, 4: 1}), ({0}, {}), ({1}, {0: 1})], 5, 3)
    assert_same(read(saved(tmp_path, features=INDICES, label=numbers)), expected)


def test_lists_that_are_all_empty(tmp_path):
    got = read(saved(tmp_path, features=[[], []], values=[[], []], labels=[[], []]))
    assert_same(got, dataset([(set(), {}), (set(), {})], 0, 0))
    none = pa.array([], pa.list_(pa.int32()))
    for name in ("a.parquet", "a.ipc", "a.arrow"):
        assert read(saved(tmp_path, name, features=none, labels=none)).n_samples == 0


def test_rows_are_sorted_and_repeats_merged(tmp_path):
    path = saved(tmp_path, features=[[4, 1, 4]], values=[[1, 0.5, 1]], labels=[[3, 3, 1]])
    assert_same(read(path), dataset([({1, 3}, {1: 0.5, 4: 2})], 5, 4))


def test_sizes_grow_to_those_of_a_model_and_of_vectors(tmp_path):
    path = saved(tmp_path, labels=LABELS, **FEATURES["lists"])
    got = read(path, n_features=9, n_labels=7)
    assert (got.n_features, got.n_labels) == (9, 7)
    wide = pa.array([sparse([1], [1.0], 70), sparse([], [], 70)], VECTOR)
    assert read(saved(tmp_path, features=wide, label=[0, 0])).n_features == 70


def test_labels_are_not_looked_for_where_none_are_wanted(tmp_path):
    got = read(saved(tmp_path, **FEATURES["structs"]), features_only=True)
    assert_same(got, dataset([(set(), row) for row in ({1: 0.5, 4: 2}, {}, {0: -1})], 5, 0))
    read(saved(tmp_path, labels=["a", "b", "c"], **FEATURES["structs"]), features_only=True)


def test_patterns_name_several_files(tmp_path):
    for name in ("part-0.parquet", "part-1.parquet"):
        to_parquet(pa.table({"features": INDICES, "labels": LABELS}), tmp_path / name)
    got = read(tmp_path / "part-*.parquet")
    assert_same(got, dataset([({0}, {1: 1, 4: 1}), ({3}, {}), (set(), {0: 1})] * 2, 5, 4))


def ints(lists):
    return pa.array(lists, pa.list_(pa.int64()))


def floats(lists):
    return pa.array(lists, pa.list_(pa.float64()))


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
        path = saved(tmp_path, name, labels=LABELS, **FEATURES["lists"])
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


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("columns")


def lists_in(matrix, what):
    parts = np.split(getattr(matrix, what), matrix.indptr[1:-1])
    return [part.tolist() for part in parts][: matrix.n_rows]


@settings(max_examples=40)
@given(
    data=datasets(),
    name=st.sampled_from(["a.parquet", "a.ipc", "a.arrow"]),
    at_a_time=st.integers(1, 9),
    start=st.integers(0, 9),
)
def test_parts_are_the_whole_from_any_row(folder, data, name, at_a_time, start):
    path = saved(
        folder, name, features=ints(lists_in(data.x, "indices")),
        values=floats(lists_in(data.x, "values")), labels=ints(lists_in(data.y, "indices")),
    )  # fmt: skip
    sizes = data.n_features, data.n_labels
    assert_same(read(path, *sizes), data)
    parts = list(column_parts(Source(path), rows_at_a_time=at_a_time).parts)
    assert all(part.examples.n_samples <= at_a_time for part in parts)
    assert [part.end.n_lines for part in parts] == list(
        np.cumsum([part.examples.n_samples for part in parts])
    )
    place = BEGIN._replace(n_lines=start)
    rest = column_parts(Source(path), *sizes, False, place, at_a_time).whole()
    assert_same(rest, data.take(np.arange(min(start, data.n_samples), data.n_samples)))


def frames(n):
    rng = np.random.default_rng(0)
    indices = rng.integers(0, 1000, 20 * n)
    lists = pa.ListArray.from_arrays(pa.array(np.arange(n + 1, dtype=np.int32) * 20), indices)
    return pa.table({"features": lists, "label": rng.integers(0, 9, n)})


@pytest.mark.parametrize("name", ["a.parquet", "a.ipc"])
def test_memory_does_not_grow_with_the_file(name, tmp_path):
    """Of NumPy by tracemalloc, and of pyarrow by its own pool."""
    peaks = []
    for n in (5_000, 40_000):
        path = tmp_path / f"{n}-{name}"
        if name == "a.parquet":  # one row group, or one batch
            parquet.write_table(frames(n), path, data_page_size=1 << 13, write_batch_size=64)
        else:
            feather.write_feather(frames(n), path, "uncompressed")
        before, pool = pa.total_allocated_bytes(), pa.default_memory_pool()
        held = 0
        tracemalloc.start()
        for _ in column_parts(Source(path), rows_at_a_time=128).parts:
            held = max(held, pool.bytes_allocated() - before)
        peaks.append(held + tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0] + 200_000
    assert peaks[1] < 3_000_000  # indices alone are 6,400,000 bytes


def test_a_conversion_goes_on_and_tells_how_far_it_is(tmp_path):
    path = tmp_path / "a.parquet"
    parquet.write_table(frames(9_000), path, row_group_size=3_000)
    seen = []

    def stop(n_bytes):
        seen.append(n_bytes)
        if len(seen) == 2:
            raise KeyboardInterrupt

    whole = convert_to_folder([path], tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        convert_to_folder([path], tmp_path / "out", watch=stop, every=1)
    again = []
    same = convert_to_folder([path], tmp_path / "out", watch=again.append, every=1)
    assert 0 < seen[0] < again[0] <= again[-1] == path.stat().st_size
    for each in (tmp_path / "whole").iterdir():
        assert each.read_bytes() == (tmp_path / "out" / each.name).read_bytes()
    assert_same(same, whole)
    assert_same(same, read(path))


def test_standard_input(monkeypatch, tmp_path):
    path = saved(tmp_path, "a.arrow", labels=LABELS, **FEATURES["lists"])

    class Stdin:
        buffer = io.BytesIO(path.read_bytes())

    monkeypatch.setattr(sys, "stdin", Stdin)
    assert_same(read("-"), EXPECTED)
