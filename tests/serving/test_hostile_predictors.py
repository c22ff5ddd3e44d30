"""Frozen models that somebody made to harm: refused in a sentence, when they are mapped."""

import json
import os

import numpy as np
import pytest
from fuzzing import folders, valid
from safetensors.numpy import load_file, save_file

from slide.core.errors import ModelError
from slide.serving.folder import PARTS, digest_of
from slide.serving.predictor import Predictor

FILES = {
    "hidden": folders.frozen(valid.sampled_model, "float32"),
    "hidden int8": folders.frozen(valid.sampled_model, "int8"),
    "direct": folders.frozen(valid.text_model, "float32"),
    "direct int8": folders.frozen(valid.text_model, "int8"),
}


def laid(place, kind):
    """The folder of a frozen model."""
    (place / "m").mkdir()
    for name, content in FILES[kind]().items():
        (place / name).write_bytes(content)
    return place / "m"


def refused(folder, words, **asked):
    with pytest.raises(ModelError, match=words) as caught:
        Predictor.load(folder, **asked)
    assert len(str(caught.value).replace(str(folder), "")) < 300


def change_arrays(folder, **changes):
    """Other arrays by name, of what is there; their digest, too."""
    arrays = load_file(folder / "arrays.safetensors")
    arrays |= {name: change(arrays[name].copy()) for name, change in changes.items()}
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    save_file(arrays, folder / "arrays.safetensors")
    change_config(folder, lambda said: said.update(sha256=digest_of(folder / "arrays.safetensors")))


def change_config(folder, change):
    said = json.loads((folder / "config.json").read_text())
    change(said)
    (folder / "config.json").write_text(json.dumps(said))


@pytest.mark.parametrize("name", sorted(PARTS))
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_parts_are_files_of_the_folder(tmp_path, name, kind):
    folder, elsewhere = laid(tmp_path, "direct"), tmp_path / "elsewhere"
    path = folder / name
    if path.exists():
        path.rename(elsewhere)
    path.symlink_to(elsewhere) if kind == "link" else os.mkfifo(path)
    refused(folder, f"{name} is a link, a pipe or a folder, expected a file")


def put(place, number):
    def change(array):
        array.reshape(-1)[place] = number
        return array

    return change


BAD_ARRAYS = {
    "ids beyond": ("direct", {"ids": put(0, 2)}, "ids has ids from"),
    "ids of 2 dimensions": ("direct", {"ids": lambda a: a[:, None]}, "ids has the shape"),
    "inputs of labels": ("direct", {"label_inputs": put(0, 99)}, "label_inputs has ids"),
    "pairs beyond": ("direct", {"pairs": put(1, 2**40)}, "pairs of features that there are not"),
    "pairs in disorder": ("direct", {"pairs": lambda a: a[::-1]}, "do not ascend"),
    "an infinite feature": ("direct", {"input_weights": put(0, np.inf)}, "not finite"),
    "less than no examples": ("direct", {"label_counts": put(0, -1)}, "less than no examples"),
    "last of other labels": ("hidden", {"tables.2.hidden": lambda a: a[1:]}, "has the shape"),
    "a list beyond": ("direct int8", {"ids": put(0, -1)}, "ids has ids from"),
    "neurons beyond": ("hidden", {"tables.2.ids": put(0, 4)}, "ids of tables has ids"),
    "digits beyond": ("hidden int8", {"tables.2.family.1": put(0, 2**40)}, "beyond their tables"),
    "shifts beyond": ("hidden", {"tables.2.family.2": put(0, 1)}, "beyond their tables"),
    "offsets": ("hidden", {"tables.2.offsets": put(1, 2**62)}, "do not fit their ids"),
}


@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_numbers_that_loops_would_follow_anywhere(tmp_path, name):
    kind, changes, words = BAD_ARRAYS[name]
    folder = laid(tmp_path, kind)
    change_arrays(folder, **changes)
    refused(folder, words)


BAD_TABLES = [
    ("K", 2**40), ("L", 10**30), ("d", 2**50), ("n_coordinates", -1), ("n_buckets", 2**60),
    ("probes", 10**9), ("radius", float("nan")), ("salt", "1"), ("policy", ["fifo"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), BAD_TABLES)
def test_tables_that_nobody_made(tmp_path, name, value):
    folder = laid(tmp_path, "hidden")
    change_config(folder, lambda said: said["engine"]["tables"][-1].update({name: value}))
    refused(folder, "is damaged")


@pytest.mark.parametrize("name", ["strategy", "budget", "bucket_limit", "shared", "threshold"])
def test_queries_that_nobody_made(tmp_path, name):
    folder = laid(tmp_path, "hidden")
    change_config(folder, lambda said: said["engine"]["tables"][-1]["query"].update({name: []}))
    refused(folder, "is damaged")


HEADERS = [
    [], 3, {"a": 3}, {"a": {"dtype": "F32", "shape": [1], "data_offsets": [0]}},
    {"a": {"dtype": "F32", "shape": [0, 2**63], "data_offsets": [0, 0]}},
    {"a": {"dtype": "F32", "shape": [2**62, 4], "data_offsets": [0, 8]}},
    {"a": {"dtype": "F32", "shape": [1.5], "data_offsets": [0, 6]}},
    {"a": {"dtype": "I64", "shape": [0], "data_offsets": [0, 1]}},
    {"a": {"dtype": ["F32"], "shape": [2], "data_offsets": [0, 8]}},
    {"a" * 5000: {"dtype": "no", "shape": [2], "data_offsets": [0, 8]}},
]  # fmt: skip


@pytest.mark.parametrize("header", HEADERS)
def test_headers_that_claim_what_is_not_there(tmp_path, header):
    folder, text = laid(tmp_path, "hidden"), json.dumps(header).encode()
    content = len(text).to_bytes(8, "little") + text + bytes(8)
    (folder / "arrays.safetensors").write_bytes(content)
    refused(folder, "arrays.safetensors is damaged")


def test_arrays_that_lie_where_no_number_may(tmp_path):
    folder = laid(tmp_path, "hidden")
    header = {"a": {"dtype": "F32", "shape": [1], "data_offsets": [1, 5]}}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    content = len(text).to_bytes(8, "little") + text + bytes(5)
    (folder / "arrays.safetensors").write_bytes(content)
    refused(folder, "an array of float32")


@pytest.mark.parametrize("kind", ["hidden", "direct"])
def test_weights_that_are_not_finite_are_found_by_a_check(tmp_path, kind):
    folder = laid(tmp_path, kind)
    change_arrays(folder, **{{"hidden": "output", "direct": "values"}[kind]: put(0, np.nan)})
    refused(folder, "weights that are not finite", check=True)
