"""Weights are written as safetensors would, but never twice in memory."""

import tracemalloc

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from slide.core.contract.arrays import CSR
from slide.core.contract.pieces import Pieces
from slide.core.direct import kind
from slide.core.direct.inputs import Inputs
from slide.core.direct.network import Direct
from slide.core.learners.config import Config
from slide.core.models import writing
from slide.core.models.model import Model
from slide.core.models.writing import header_of, save_tensors
from slide.reference.kernels import ReferenceBackend

DTYPES = [
    bool, np.uint8, np.int8, np.int16, np.uint16, np.float16, np.int32, np.uint32, np.float32,
    np.float64, np.int64, np.uint64,
]  # fmt: skip


def direct(n_labels, per_label, n_features=1000):
    """Direct connections drawn at random."""
    rng, n = np.random.default_rng(0), n_labels * per_label
    indices = np.sort(rng.integers(n_features - per_label, size=(n_labels, per_label)), axis=1)
    indices = (indices + np.arange(per_label)).astype(np.int32)
    weight = CSR(
        np.arange(n_labels + 1) * per_label, indices.reshape(-1),
        rng.standard_normal(n, np.float32), n_features,
    )  # fmt: skip
    inputs = Inputs(np.ones(n_features, np.float32), np.zeros(0, np.int64))
    bias = rng.standard_normal(n_labels, np.float32)
    return Direct.of(weight, bias, inputs, ReferenceBackend())


def test_the_same_bytes_as_the_library(tmp_path):
    tensors = {f"{np.dtype(each).name}é": np.ones((2, 3), each) for each in DTYPES}
    tensors |= {"b": np.zeros((2, 0), np.float32), "a": np.arange(6, dtype=np.int32)[::2]}
    save_tensors(tensors, tmp_path / "ours")
    save_file(
        {name: np.ascontiguousarray(each) for name, each in tensors.items()}, tmp_path / "theirs"
    )
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()


@pytest.mark.parametrize("at_a_time", [1, 3, 1 << 20])
def test_pieces_are_the_whole(tmp_path, monkeypatch, at_a_time):
    monkeypatch.setattr(kind, "ENTRIES_AT_A_TIME", at_a_time)
    monkeypatch.setattr(writing, "BYTES_AT_A_TIME", at_a_time)
    network, backend = direct(7, 3), ReferenceBackend()
    save_tensors(kind.streamed(network, backend), tmp_path / "a")
    expected = kind.tensors(network, backend)
    got = load_file(tmp_path / "a")
    assert got.keys() == expected.keys()
    for name, array in expected.items():
        assert got[name].tobytes() == array.tobytes(), name
        assert got[name].dtype == array.dtype


def test_pieces_of_labels_without_connections(tmp_path):
    network = direct(5, 0)
    save_tensors(kind.streamed(network, ReferenceBackend()), tmp_path / "a")
    assert load_file(tmp_path / "a")["indices"].shape == (0,)


def test_no_second_copy_while_saving(tmp_path, monkeypatch):
    monkeypatch.setattr(kind, "ENTRIES_AT_A_TIME", 1 << 16)
    network = direct(20_000, 50)
    n_bytes = network.param.weight.values.nbytes
    config = Config(hidden=0, loss="bce")
    model = Model(config, network, ReferenceBackend(), np.ones(20_000, np.int64), 9)
    tracemalloc.start()
    model.save(tmp_path / "m")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.3 * n_bytes  # of indices and values alike; most is a number a label


def test_offsets_are_64_bits_wide():
    huge = Pieces(np.float32, (1 << 20, 1 << 14), lambda: iter(()))
    header = header_of({"a": huge, "b": huge}).decode("utf-8", "replace")
    assert f'"data_offsets":[{1 << 36},{1 << 37}]' in header
