"""Small files of each kind, as they should be: what fuzzing starts from."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tempfile
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.sparse
import zstandard

from slide.core.contract.arrays import CSR
from slide.core.contract.optim import SGD
from slide.core.direct.inputs import Inputs
from slide.core.direct.network import Direct
from slide.core.examples.names import Names
from slide.core.examples.texts import TextFeatures
from slide.core.learners.config import Config
from slide.core.models.model import Model
from slide.core.sampled.network import Network
from slide.data import read_texts
from slide.reference.kernels import ReferenceBackend

Files = dict[str, bytes]

XMC = b"4 12 5\n0,2 1:0.5 4:2\n3\n 0:-1.5e-7\n1 3:0\n"
SVMLIGHT = b"0,2 1:0.5 4:2 # one\n3 qid:1 2:1\n#\n 0:-1.5e-7\n1, 2 3:0\n"
APART = {
    "trn_X_Xf.txt": b"3 5\n1:0.5 4:2\n\n0:-1.5\n",
    "trn_X_Y.txt": b"3 4\n0:1 2:1\n3:1\n1:1\n",
    "filter_labels_train.txt": b"0 2\n2 0\n",
}
ROWS = [
    {"text": "a b\u00fcrger", "labels": ["x", "y"]},
    {"text": "b, c", "labels": []},
    {"text": "a c", "labels": ["y"]},
]
JSON_LINES = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS).encode()
CSV = b'text,labels\n"an ""old""\ncat","x,y"\nold dog,y\n'
TSV = b"text\tlabels\nan old cat\tx,y\nold dog\ty\n"
X = CSR(
    np.array([0, 2, 2, 3]), np.array([1, 4, 0], np.int32), np.array([0.5, 2, -1], np.float32), 5
)
Y = CSR(np.array([0, 1, 2, 2]), np.array([0, 3], np.int32), np.ones(2, np.float32), 4)


def compressed() -> Files:
    """The same text by each compression."""
    return {
        "a.svm.gz": gzip.compress(SVMLIGHT, mtime=0),
        "a.svm.bz2": bz2.compress(SVMLIGHT),
        "a.svm.xz": lzma.compress(SVMLIGHT),
        "a.svm.zst": zstandard.ZstdCompressor(write_checksum=False).compress(SVMLIGHT),
    }


def numbers() -> pa.Table:
    """Numbers in columns, with a value for each index."""
    columns = {"features": [[1, 4], [], [0]], "values": [[0.5, 2.0], [], [-1.0]]}
    return pa.table(columns | {"labels": [[0], [3], []]})


def vectors() -> pa.Table:
    """Numbers in vectors of Spark, sparse and dense."""
    lists = {"indices": pa.list_(pa.int32()), "values": pa.list_(pa.float64())}
    kind = pa.struct({"type": pa.int8(), "size": pa.int32()} | lists)
    rows = [
        {"type": 0, "size": 3, "indices": [0, 2], "values": [0.5, 2.0]},
        {"type": 1, "size": None, "indices": None, "values": [1.0, 0.0, 3.0]},
    ]
    return pa.table({"features": pa.array(rows, kind), "label": [0.0, 1.0]})


def pairs() -> pa.Table:
    """Numbers in pairs of index and value."""
    rows = [[{"index": 1, "value": 0.5}, {"index": 4, "value": 2.0}], []]
    return pa.table({"features": rows, "labels": [[0, 2], []]})


def columnar(table: pa.Table, kind: str) -> bytes:
    """A table as Parquet, or as a file or a stream of Arrow."""
    file = io.BytesIO()
    if kind == "parquet":
        pq.write_table(table, file)
        return file.getvalue()
    with (pa.ipc.new_file if kind == "file" else pa.ipc.new_stream)(file, table.schema) as writer:
        writer.write_table(table)
    return file.getvalue()


def texts() -> pa.Table:
    """Texts with lists of labels."""
    return pa.Table.from_pylist(ROWS)


def parquet() -> bytes:
    """The same as Parquet."""
    return columnar(texts(), "parquet")


def arrays() -> Files:
    """The members of an npz file of ours."""
    named = {
        "x_indptr": X.indptr, "x_indices": X.indices, "x_values": X.values,
        "x_n_cols": np.array(5), "y_indptr": Y.indptr, "y_indices": Y.indices,
        "y_values": Y.values, "y_n_cols": np.array(4),
    }  # fmt: skip
    return {f"{name}.npy": npy(array) for name, array in named.items()}


def npy(array: np.ndarray) -> bytes:
    """An array as NumPy writes it."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def members(content: bytes) -> Files:
    """What is in an archive."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def archive(contents: Files) -> bytes:
    """An archive of these."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as opened:
        for name, content in contents.items():
            opened.writestr(zipfile.ZipInfo(name), content)
    return file.getvalue()


def scipy_pair() -> Files:
    """A pair that SciPy wrote."""
    pair = {"X_a.npz": X.to_scipy(), "Y_a.npz": Y.to_scipy()}
    return {name: scipy_file(matrix) for name, matrix in pair.items()}


def scipy_file(matrix: scipy.sparse.csr_matrix) -> bytes:
    """As SciPy writes it."""
    file = io.BytesIO()
    scipy.sparse.save_npz(file, matrix)
    return file.getvalue()


@cache
def sampled_model() -> Model:
    """A model with hidden layers, names and ids of its own."""
    config, backend = Config(hidden=(3, 2), K=2, L=2), ReferenceBackend()
    rng = np.random.default_rng(0)
    network = Network.draw(config.learner.layers, 5, 4, backend, SGD(), rng)
    names = Names(["a", "b", "c", "d", "e", "f"])
    return Model(config, network, backend, np.array([2, 0, 1, 1]), 3, "a.svm",
                 label_ids=np.array([0, 1, 3, 5], np.int32), label_names=names)  # fmt: skip


@cache
def text_model() -> Model:
    """Direct connections from the words of texts to names, with pairs of words."""
    backend = ReferenceBackend()
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "a.jsonl"
        path.write_bytes(JSON_LINES.replace(b"a c", b"ab cd").replace(b"b, c", b"de"))
        data = read_texts(path, "text", "labels")
    assert isinstance(data.text, TextFeatures)
    n = data.n_features
    inputs = Inputs(np.ones(n, np.float32), np.array([1, n + 2], np.int64))
    weight = CSR(
        np.array([0, 2, 4]), np.array([0, n, 1, n + 1], np.int32), np.ones(4, np.float32), n + 2
    )
    network = Direct.of(weight, np.array([0.5, -1], np.float32), inputs, backend)
    config = Config(hidden=0, pairs=True, loss="bce")
    return Model(config, network, backend, np.array([1, 2]), 3, "a.jsonl",
                 feature_names=data.feature_names, label_names=data.label_names,
                 text=data.text)  # fmt: skip


@cache
def sampled_folder() -> Files:
    """The files of its folder."""
    return contents("m", sampled_model().save)


@cache
def text_folder() -> Files:
    """The files of its folder."""
    return contents("m", text_model().save)


def contents(name: str, write: Callable[[Path], object]) -> Files:
    """All files that are written into a folder of this name, in the order of their paths."""
    with tempfile.TemporaryDirectory() as place:
        write(Path(place) / name)
        paths = sorted(path for path in Path(place).rglob("*") if path.is_file())
        return {str(path.relative_to(place)): path.read_bytes() for path in paths}
