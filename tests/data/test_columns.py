"""Numbers in columns of Parquet and Arrow: conventions of other tools."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from column_files import (
    EXPECTED,
    INDICES,
    LABELS,
    ONES,
    PAIRS,
    VALUES,
    VECTOR,
    WRITERS,
    as_lists,
    as_structs,
    dense,
    saved,
    sparse,
    to_parquet,
)
from data_files import assert_same, dataset

from slide.data import read
from slide.data.columns import column_parts
from slide.data.source import Source

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
