"""A run into a folder: the whole model or nothing, and nothing of anybody else is replaced."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from quick_runs import QUICK, Watcher

from slide.core.contract.arrays import CSR
from slide.core.errors import ConfigError, ModelError
from slide.core.examples.dataset import Dataset
from slide.core.models.model import Model
from slide.core.runs.to_folder import STATUS, train_to_folder


def test_run_leaves_a_whole_folder(backend, tmp_path, train_set, test_set):
    folder = tmp_path / "deep" / "model"
    model, figures = train_to_folder(train_set, test_set, folder, QUICK, backend)
    assert sorted(path.name for path in folder.iterdir()) == [
        "calibration.json",
        "config.json",
        "metrics.jsonl",
        "run.json",
        "weights.safetensors",
    ]
    assert [path.name for path in folder.parent.iterdir()] == ["model"]
    (line,) = (folder / "metrics.jsonl").read_text().splitlines()
    assert json.loads(line)["precision_at_5"] == figures["precision_at_5"]
    assert figures["precision_at_1"] == model.evaluate(test_set)["precision_at_1"]
    assert figures["peak_rss_mb"] > 1


@pytest.mark.skipif(not STATUS.exists(), reason="only Linux counts a parent's memory")
def test_peak_memory_is_not_that_of_the_parent():
    ours = np.ones(300_000_000, np.uint8)
    code = "from slide.core.runs.to_folder import peak_rss_mb; print(peak_rss_mb())"
    printed = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert 10 < float(printed) < len(ours) / 1e6


def test_without_valid_the_scores_are_none(backend, tmp_path, train_set):
    _, figures = train_to_folder(train_set, None, tmp_path / "m", QUICK, backend)
    assert figures["precision_at_1"] is figures["psp_at_5"] is None
    assert figures["loss"] > 0


def test_a_failed_run_leaves_nothing(backend, tmp_path, train_set):
    empty = Dataset(train_set.x, CSR(np.zeros_like(train_set.y.indptr), *[train_set.y.indices[:0],
                    train_set.y.values[:0]], train_set.n_labels))  # fmt: skip
    with pytest.raises(ConfigError):
        train_to_folder(empty, None, tmp_path / "deep" / "m", QUICK, backend)
    assert list(tmp_path.iterdir()) == []


def test_overwrite_replaces_a_model_only_when_the_new_one_stands(backend, tmp_path, train_set):
    folder = tmp_path / "m"
    train_to_folder(train_set, None, folder, QUICK, backend)
    old = (folder / "weights.safetensors").read_bytes()
    with pytest.raises(ModelError, match="overwrite=True"):
        train_to_folder(train_set, None, folder, QUICK, backend)
    with pytest.raises(ConfigError):
        train_to_folder(
            train_set, None, folder, replace(QUICK, hidden=(65536,) * 16), backend, overwrite=True
        )
    assert (folder / "weights.safetensors").read_bytes() == old
    train_to_folder(train_set, None, folder, replace(QUICK, seed=5), backend, overwrite=True)
    assert (folder / "weights.safetensors").read_bytes() != old
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_what_appears_during_the_run_is_spared_and_the_model_kept(backend, tmp_path, train_set):
    class Intruder(Watcher):
        def on_evaluation(self, record):
            (tmp_path / "m").mkdir()
            (tmp_path / "m" / "thesis.txt").write_text("precious")

    with pytest.raises(ModelError, match=r"exists.*; the finished model is in .*m-"):
        train_to_folder(train_set, None, tmp_path / "m", QUICK, backend, watcher=Intruder())
    assert (tmp_path / "m" / "thesis.txt").read_text() == "precious"
    (kept,) = (path for path in tmp_path.iterdir() if path.name != "m")
    Model.load(kept, backend)


@pytest.mark.parametrize("name", ["file", "folder"])
def test_overwrite_spares_what_is_no_model(backend, tmp_path, train_set, name):
    target = tmp_path / name
    if name == "file":
        target.write_text("precious")
    else:
        target.mkdir()
        (target / "thesis.txt").write_text("precious")
    with pytest.raises(ModelError, match="not a model folder"):
        train_to_folder(train_set, None, target, QUICK, backend, overwrite=True)
    assert "precious" in (target if name == "file" else target / "thesis.txt").read_text()
