"""Numbers in columns of Parquet and Arrow, some rows at a time."""

import io
import sys
import tracemalloc

import numpy as np
import pyarrow as pa
import pytest
from column_files import (
    EXPECTED,
    INDICES,
    LABELS,
    VALUES,
    floats,
    ints,
    saved,
)
from data_files import assert_same, datasets
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import feather, parquet

from slide.data import convert_to_folder, read
from slide.data.columns import column_parts
from slide.data.source import BEGIN, Source


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("columns")


def lists_in(matrix, what):
    parts = np.split(getattr(matrix, what), matrix.indptr[1:-1])
    return [part.tolist() for part in parts][: matrix.n_rows]


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
    path = saved(tmp_path, "a.arrow", labels=LABELS, features=INDICES, values=VALUES)

    class Stdin:
        buffer = io.BytesIO(path.read_bytes())

    monkeypatch.setattr(sys, "stdin", Stdin)
    assert_same(read("-"), EXPECTED)
