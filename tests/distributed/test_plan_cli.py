"""`slide plan`: tables, JSON, refusals, and what is measured on data."""

import json

import numpy as np
import pytest

from slide.cli.planned import COLUMNS
from slide.distributed.planning import clocking
from slide.distributed.planning.counts import Counts
from slide.distributed.planning.measuring import measured
from slide.distributed.planning.of_connections import lists_of
from slide.distributed.planning.reference import REFERENCE, scaled, work_of_counts

COUNTED = [
    "--labels", "10M", "--examples", "1e8", "--features", "2M", "--features-per-example", "50",
    "--labels-per-example", "3",
]  # fmt: skip
NODE = ["--cores", "16", "--memory", "64", "--bandwidth-gbit", "25"]
COUNTS = Counts(100_000_000, 2_000_000, 10_000_000, 50.0, 3.0)


def planned(slide, *more):
    code, out, err = slide("plan", *COUNTED, *NODE, *more, "--json")
    assert code == 0, err
    return json.loads(out)


def test_counts_alone_are_planned(slide):
    found = planned(slide, "--nodes", "8,1,64")
    assert set(found) == {
        "work", "rates", "node", "faults", "lines", "advised", "reason", "assumptions",
    }  # fmt: skip
    assert found["work"]["counts"] == {
        "n_examples": 100_000_000, "n_features": 2_000_000, "n_labels": 10_000_000,
        "features_per_example": 50.0, "labels_per_example": 3.0, "mapped": True,
    }  # fmt: skip
    assert [line["nodes"] for line in found["lines"]] == [1, 8, 64]
    first = found["lines"][0]
    assert set(first) == {
        "nodes", "batch_size", "seconds_epoch", "seconds_epoch_with_faults", "lost_to_faults",
        "checkpoint_every_seconds", "speed_up", "efficiency", "memory_bytes_a_node", "fits",
        "bytes_a_step", "seconds_a_step", "limited_by", "assumes",
    }  # fmt: skip
    assert first["speed_up"] == 1
    assert first["bytes_a_step"] == 0
    for line in found["lines"]:
        assert line["seconds_epoch_with_faults"] >= line["seconds_epoch"]
    assert set("".join(line["assumes"] for line in found["lines"])) <= set(found["assumptions"])


def test_a_table_has_a_line_for_each_number(slide, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    code, out, err = slide("plan", *COUNTED, *NODE, "--nodes", "8,64")
    assert code == 0, err
    lines = out.splitlines()
    assert lines[1].split()[:3] == ["nodes", "batch", "epoch"]
    assert [line.split()[0] for line in lines[2:4]] == ["8", "64"]
    assert sum("*" in line for line in lines[2:4]) == 1
    assert "Save every" in out
    assert "\na: core-seconds of a step are" in out


def test_headings_are_whole_on_a_screen_of_80_columns(slide, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = slide("plan", *COUNTED, *NODE, "--nodes", "8,64,1024")
    assert code == 0
    heading = out[: out.index("\n8 ")].split()
    assert {*heading} == {*" ".join(COLUMNS).split()}
    assert out.count("coordinator ") == 3


def test_without_faults_nothing_is_lost(slide):
    calm = ["--stragglers", "0", "--failures-per-node-day", "0"]
    (line,) = planned(slide, "--nodes", "16", *calm)["lines"]
    assert line["lost_to_faults"] == pytest.approx(0)
    assert line["checkpoint_every_seconds"] is None
    assert "h" not in line["assumes"]


def test_settings_and_nodes_are_heard(slide):
    found = planned(slide, "--batch-size", "4096", "--epochs", "5", "--latency-us", "500")
    assert {line["batch_size"] for line in found["lines"]} == {4096}
    assert found["work"]["epochs"] == 5
    assert found["node"]["latency_seconds"] == pytest.approx(5e-4)
    assert found["node"]["bandwidth_bytes_per_second"] == pytest.approx(25e9 / 8)
    assert found["node"]["memory_bytes"] == 64e9


def test_files_are_written_for_the_advised_line(slide, tmp_path):
    found = planned(slide, "--nodes", "8", "--emit", tmp_path / "files", "--no-pairs", "--loose")
    names = {path.name for path in (tmp_path / "files").iterdir()}
    assert names == {"command.sh", "ray-cluster.yaml", "rayjob.yaml", "slurm.sh"}
    command = (tmp_path / "files" / "command.sh").read_text()
    assert (
        f"--distributed --shards {found['advised']} --loose --no-pairs --batch-size 1024" in command
    )
    assert "--checkpoint-every" in command
    code, _, err = slide("plan", *COUNTED, "--emit", tmp_path / "files")
    assert code == 2
    assert "expected a new folder, or an empty one" in err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--labels", "5"], "--examples is missing: expected DATA, or all counts of the data"),
        ([*COUNTED, "--labels", "many"], "--labels got 'many': expected a count from 1 on"),
        ([*COUNTED, "--labels", "0"], "--labels got '0'"),
        ([*COUNTED, "--labels", "nanM"], "--labels got 'nanM'"),
        ([*COUNTED, "--nodes", "1,x"], "--nodes got '1,x': expected whole numbers from 1"),
        ([*COUNTED, "--nodes", "0"], "--nodes got '0'"),
        ([*COUNTED, "--memory", "0"], "--memory got 0: expected a number from 0.01 to 1e+06"),
        ([*COUNTED, "--bandwidth-gbit", "nan"], "--bandwidth-gbit got nan"),
        ([*COUNTED, "--stragglers", "-1"], "--stragglers got -1"),
        ([*COUNTED, "--hidden", "64"], "counts alone plan direct connections"),
        ([*COUNTED, "--lr", "-2"], "lr"),
        (["nowhere.txt"], "nowhere.txt"),
        ([*COUNTED, "--memory", "1", "--emit", "out"], "--emit has nothing to write: none fits"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(slide, in_a_folder, arguments, sentence):
    code, _, err = slide("plan", *arguments)
    assert code == 2
    assert sentence in err.replace("\n", " ")
    assert err.startswith("slide: ")
    assert err.count("\n") == 1
    assert not (in_a_folder / "out").exists()


def test_counts_by_hand():
    # 30 examples a label: 50 + 4 x 30 = 170 connections, 20 against it, and its bias
    work = work_of_counts(COUNTS)
    assert work.connections_per_label == 191
    assert (work.batch_size, work.active, work.list_limit) == (1024, 60, 320)
    assert work.n_long_lists == 2_000_000
    fewer = scaled(work, {"n_labels": 1000})
    assert fewer.counts.n_labels == 1000
    assert fewer.n_long_lists == 1000 * 191 // 320
    assert scaled(work, {"features_per_example": 100.0}).inputs_per_example == 102
    assert scaled(work, {}) is work


def test_lists_by_hand():
    lists = lists_of(np.array([0.5, 0.0, 0.25]), np.array([1, 2, 1, 4]))
    assert lists.entries_per_feature(8, 100) == pytest.approx((1 * 4 + 1 * 2) / 8)
    assert lists.entries_per_feature(8, 3) == pytest.approx((1 * 3 + 1 * 2) / 8)


def test_what_is_measured_is_of_the_data(train_set, backend, monkeypatch):
    monkeypatch.setattr(clocking, "SPEND", 0.0)
    train = train_set.take(np.arange(1000))
    work, rates = measured(train, backend, False, lr=2.0, layers=1, batch_size=8)
    assert work.learner == "direct"
    assert (work.counts.n_examples, work.counts.n_labels) == (1000, train_set.n_labels)
    assert work.counts.features_per_example == train.features.nnz / 1000
    assert sum(work.lists.shares) == pytest.approx(1)
    assert rates.pairs.seconds(8) > 0
    assert rates.shard_core_seconds(work, 2) < rates.shard_core_seconds(work, 1)


@pytest.mark.slow
def test_hidden_layers_are_measured(train_set, backend, monkeypatch):
    monkeypatch.setattr(clocking, "SPEND", 0.0)
    work, rates = measured(train_set, backend, False, hidden=(8,), batch_size=8, active=20)
    assert (work.learner, work.hidden) == ("sampled", (8,))
    assert rates.layers.seconds(8) > 0
    assert rates.rebuild_label_seconds > 0


def test_reference_rates_are_measured_ones():
    assert REFERENCE.entry_seconds > 0
    assert REFERENCE.pairs.seconds(100) > 0
    assert REFERENCE.merge_seconds > 0
