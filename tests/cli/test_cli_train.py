"""`slide train` as programs see it: its JSON, its table, and the settings that reach the run."""

import json

from conftest import CLI_QUICK

from slide.cli.screen import heading_of


def test_train_json(files, slide, test_set):
    code, out, err = slide(
        "train", "train.txt.gz", "--valid", "test.txt", "--model", "m", "--json",
        "--backend", "reference", "--threads", "1", "--seed", "3", *CLI_QUICK,
    )  # fmt: skip
    assert (code, err) == (0, "")
    figures = json.loads(out)
    for name in ("precision", "ndcg", "psp"):
        for k in (1, 3, 5):
            assert 0 <= figures[f"{name}_at_{k}"] <= 1
    for name in ("seconds_train", "seconds_load", "examples_per_second", "peak_rss_mb"):
        assert figures[name] > 0
    assert figures["seconds_compile"] >= 0
    assert (figures["backend"], figures["threads"], figures["seed"]) == ("reference", 1, 3)
    assert figures["epochs"] == 1
    assert figures["config"]["hidden"] == [16]
    assert sorted(path.name for path in (files / "m").iterdir()) == [
        "calibration.json", "config.json", "metrics.jsonl", "run.json", "weights.safetensors",
    ]  # fmt: skip
    line = json.loads((files / "m" / "metrics.jsonl").read_text())
    assert line["precision_at_1"] == figures["precision_at_1"]
    assert {"step", "epoch", "seconds", "examples", "loss", "mean_active", "touched_rows"} <= set(
        line
    )


def test_every_kind_of_setting_reaches_the_run(files, slide):
    code, out, _ = slide(
        "train", "train.txt.gz", "--model", "deep", "--json", "--epochs", "1", "--hidden", "24,16",
        "--loss", "bce", "--optimizer", "adagrad", "--hash", "dwta", "--K", "2", "--L", "6",
        "--strategy", "threshold", "--set", "hidden_active=0,8", "--set", "center=false",
        "--set", "probes=2", "--set", "warmup=0.1", "--active", "40",
    )  # fmt: skip
    assert code == 0
    config = json.loads(out)["config"]
    wanted = {
        "hidden": [24, 16], "hidden_active": [0, 8], "loss": "bce", "optimizer": "adagrad",
        "hash": "dwta", "K": 2, "L": 6, "strategy": "threshold", "center": False, "probes": 2,
        "warmup": 0.1,
    }  # fmt: skip
    assert wanted.items() <= config.items()
    code, out, _ = slide(
        "evaluate", "deep", "test.txt", "--sampled", "--json", "--L", "20", "--probes", "2",
        "--candidates", "0.5", "--bucket-limit", "9", "--insert", "train.txt.gz",
    )  # fmt: skip
    assert code == 0
    assert 0 < json.loads(out)["recall_at_5"] <= 1
    plan = ("--sampled", "--L", "1", "--probes", "1", "--bucket-limit", "1")
    code, few, _ = slide("predict", "deep", "test.txt", *plan)
    assert code == 0
    assert few.count(":") < slide("predict", "deep", "test.txt")[1].count(":")


def test_train_for_people(files, slide):
    code, out, err = slide(
        "train", "train.txt.gz", "--valid", "test.txt", "--model", "m", *CLI_QUICK
    )
    assert (code, err) == (0, "")  # no progress bar where there is no terminal
    heading, epoch, last = out.splitlines()
    assert heading.split() == ["epoch", "seconds", "examples/s", "loss", "P@1", "P@3", "P@5"]
    assert epoch.split()[0] == "1"
    assert epoch.count("%") == 3
    assert last.startswith("Model in m")


def test_why_nothing_is_measured_is_said_with_the_columns():
    steps, solved = heading_of({}), heading_of({"cost": 1.0})
    assert steps.endswith("P@5 (P@k takes --valid FILE)")
    assert solved.endswith("--valid FILE: there are too few examples to hold some out)")
    assert heading_of({"held_out_precision_at_1": 0.5}).endswith("(held out of the training set)")


def test_quiet_is_silent(model, slide):
    code, out, err = slide("train", "train.txt.gz", "--model", "n", "--quiet", *CLI_QUICK)
    assert (code, out, err) == (0, "", "")


def test_train_chooses_a_recipe(files, slide):
    code, out, _ = slide("train", "test.txt", "--model", "m", "--json")
    assert code == 0
    assert json.loads(out)["precision_at_1"] is None  # no --valid
    assert json.loads(out)["config"]["epochs"] > 1
    assert json.loads(out)["config"]["hidden"] == []
    for options, hidden in (("--hidden", "0"), []), (("--sampler", "uniform"), [256]):
        code, out, _ = slide("train", "test.txt", "--model", "m", "--overwrite", "--json", *options)
        assert (code, json.loads(out)["config"]["hidden"]) == (0, hidden)


def test_time_budget(files, slide):
    code, out, _ = slide(
        "train", "train.txt.gz", "--model", "m", "--json", "--epochs", "9999",
        "--time-budget", "0.2",
    )  # fmt: skip
    assert code == 0
    assert json.loads(out)["epochs"] < 9999


def test_svmlight_files_of_different_width(files, slide):
    (files / "a.svm").write_text("0 0:1 1:1\n1 1:1 2:1\n" * 20)
    (files / "b.svm").write_text("2 5:1 1:1\n")
    code, _, err = slide("train", "a.svm", "--valid", "b.svm", "--model", "m", *CLI_QUICK)
    assert (code, err.count("\n")) == (0, 1)
    assert "1 feature in 1 example was never seen in training" in err
    assert slide("evaluate", "m", "a.svm", "--json")[0] == 0
