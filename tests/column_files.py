"""Files of numbers in columns, as other tools write them, and what is in them."""

import pyarrow as pa
from data_files import dataset
from pyarrow import feather, ipc, parquet

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


def ints(lists):
    return pa.array(lists, pa.list_(pa.int64()))


def floats(lists):
    return pa.array(lists, pa.list_(pa.float64()))
