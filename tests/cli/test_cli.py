"""The command line as programs see it: exit codes, JSON, files, and one sentence per error."""

import json
import signal
import subprocess
import sys

import numpy as np
import pytest

from slide.data import read, write

QUICK = ["--epochs", "1", "--hidden", "16", "--batch-size", "64", "--active", "40"]


@pytest.fixture
def files(tmp_path, train_set, test_set, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SLIDE_BACKEND", raising=False)
    write(train_set, tmp_path / "train.txt.gz")
    write(test_set, tmp_path / "test.txt")
    return tmp_path


@pytest.fixture
def model(files, slide):
    code, _, err = slide("train", "train.txt.gz", "--model", "m", "--quiet", *QUICK)
    assert (code, err) == (0, "")
    return files / "m"


def test_train_json(files, slide, test_set):
    code, out, err = slide(
        "train", "train.txt.gz", "--valid", "test.txt", "--model", "m", "--json",
        "--backend", "reference", "--threads", "1", "--seed", "3", *QUICK,
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
        "config.json", "metrics.jsonl", "weights.safetensors",
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


@pytest.mark.parametrize("command", ["evaluate", "predict"])
def test_a_plan_is_for_the_sampled_mode(slide, command):
    code, _, err = slide(command, "nothing", "none.txt", "--K", "3", "--insert", "train.txt")
    assert code == 2
    assert err.startswith("slide: got --K and --insert without --sampled: exact inference has no")


def test_options_of_hashing_are_refused_for_direct_connections(files, slide):
    slide("train", "train.txt.gz", "--model", "d", "--quiet")
    code, _, err = slide("evaluate", "d", "test.txt", "--sampled", "--K", "3", "--probes", "2")
    assert code == 2
    assert err.startswith("slide: got K and probes for direct connections")
    code, out, _ = slide("evaluate", "d", "test.txt", "--sampled", "--bucket-limit", "5", "--json")
    assert code == 0
    assert 0 < json.loads(out)["recall_at_1"] <= 1


def test_train_for_people(files, slide):
    code, out, err = slide("train", "train.txt.gz", "--valid", "test.txt", "--model", "m", *QUICK)
    assert (code, err) == (0, "")  # no progress bar where there is no terminal
    heading, epoch, last = out.splitlines()
    assert heading.split() == ["epoch", "seconds", "examples/s", "loss", "P@1", "P@3", "P@5"]
    assert epoch.split()[0] == "1"
    assert epoch.count("%") == 3
    assert last.startswith("Model in m")


def test_quiet_is_silent(model, slide):
    code, out, err = slide("train", "train.txt.gz", "--model", "n", "--quiet", *QUICK)
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


def test_evaluate_and_predict_agree_with_train(files, slide, test_set):
    _, out, _ = slide(
        "train", "train.txt.gz", "--valid", "test.txt", "--model", "m", "--json", *QUICK
    )
    trained = json.loads(out)
    code, out, _ = slide("evaluate", "m", "test.txt", "--json")
    assert code == 0
    scores = json.loads(out)
    assert {name: trained[name] for name in scores if "_at_" in name} == {
        name: scores[name] for name in scores if "_at_" in name
    }

    code, out, _ = slide("predict", "m", "test.txt", "--k", "3")
    assert code == 0
    lines = out.splitlines()
    assert len(lines) == test_set.n_samples
    firsts = []
    for line in lines:
        labels, logits = zip(*(pair.split(":") for pair in line.split()), strict=True)
        assert len(set(labels)) == 3
        assert sorted(map(float, logits), reverse=True) == list(map(float, logits))
        firsts.append(int(labels[0]))
    right = [first in test_set.y.row(i)[0] for i, first in enumerate(firsts)]
    assert np.mean(right) == pytest.approx(scores["precision_at_1"])


def test_sampled_evaluation_reports_recall(model, slide):
    code, out, _ = slide("evaluate", "m", "test.txt", "--sampled", "--json")
    assert code == 0
    assert 0 < json.loads(out)["recall_at_5"] <= 1
    code, out, _ = slide("evaluate", "m", "test.txt", "--sampled")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["P", "nDCG", "PSP", "recall"]


def test_propensities_can_be_chosen(model, slide):
    _, usual, _ = slide("evaluate", "m", "test.txt", "--json")
    _, other, _ = slide("evaluate", "m", "test.txt", "--json", "--psp-a", "0.6", "--psp-b", "2.6")
    usual, other = json.loads(usual), json.loads(other)
    assert usual["psp_at_1"] != other["psp_at_1"]
    assert usual["precision_at_1"] == other["precision_at_1"]


@pytest.mark.parametrize("name", ["p.txt", "p.txt.gz"])
def test_predict_to_a_file(model, slide, files, name):
    _, printed, _ = slide("predict", "m", "test.txt")
    code, out, err = slide("predict", "m", "test.txt", "--out", name)
    assert (code, out, err) == (0, "", "")
    import gzip

    raw = (files / name).read_bytes()
    text = (gzip.decompress(raw) if name.endswith("gz") else raw).decode()
    assert text == printed
    code, _, err = slide("predict", "m", "test.txt", "--out", name)
    assert code == 2
    assert "exists" in err


def test_convert_keeps_every_bit(files, slide, test_set):
    for source, target in (("test.txt", "a.npz"), ("a.npz", "b.svm.zst"), ("b.svm.zst", "c.txt")):
        assert slide("convert", source, target) == (0, "", "")
    back = read(files / "c.txt")
    np.testing.assert_array_equal(back.x.values, test_set.x.values)
    np.testing.assert_array_equal(back.y.indices, test_set.y.indices)


def test_svmlight_files_of_different_width(files, slide):
    (files / "a.svm").write_text("0 0:1 1:1\n1 1:1 2:1\n" * 20)
    (files / "b.svm").write_text("2 5:1 1:1\n")
    code, _, err = slide("train", "a.svm", "--valid", "b.svm", "--model", "m", *QUICK)
    assert (code, err) == (0, "")
    assert slide("evaluate", "m", "a.svm", "--json")[0] == 0


def test_backends_and_verify(slide, monkeypatch):
    monkeypatch.delenv("SLIDE_BACKEND", raising=False)
    code, out, _ = slide("backends")
    assert code == 0
    assert "* numba" in out
    code, out, _ = slide("verify", "reference", "--examples", "3", "--largest", "200")
    assert code == 0
    assert "sddmm" in out
    assert "fail" not in out


def test_verify_fails_a_wrong_backend(slide, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "wrongkernels.py").write_text(
        "from slide.reference.kernels import ReferenceBackend\n"
        "class Wrong(ReferenceBackend):\n"
        "    def spmm(self, z, w):\n"
        "        return -super().spmm(z, w)\n"
    )
    code, out, _ = slide("verify", "wrongkernels:Wrong", "--examples", "3", "--largest", "200")
    assert code == 1
    assert "spmm exact: fail" in out
    assert "from slide.reference.pasting import *" in out
    assert "inherited" in out


HEADER = "3 4 5\n"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["train"], "Missing"),
        (["train", "train.txt.gz"], "--model"),
        (["train", "none.txt", "--model", "n"], "none.txt: there is no such file"),
        (["train", "bad.txt", "--model", "n"], "bad.txt:2: "),
        (["train", "train.txt.gz", "--valid", "bad.txt", "--model", "n"], "bad.txt:2: "),
        (["train", "train.txt.gz", "--model", "m"], "m exists"),
        (["train", "train.txt.gz", "--model", "."], "exists"),
        (["train", "train.txt.gz", "--model", "n", "--hidden", "-1"], "hidden is -1"),
        (["train", "train.txt.gz", "--model", "n", "--hidden", "many"], "--hidden is 'many'"),
        (["train", "train.txt.gz", "--model", "n", "--hash", "md5"], "--hash"),
        (["train", "train.txt.gz", "--model", "n", "--set", "wings=2"], "--set got 'wings=2'"),
        (["train", "train.txt.gz", "--model", "n", "--set", "probes"], "--set got 'probes'"),
        (["train", "train.txt.gz", "--model", "n", "--set", "probes=no"], "probes is 'no'"),
        (["train", "train.txt.gz", "--model", "n", "--set", "center=no"], "center is 'no'"),
        (["evaluate", "m", "train.txt.gz", "--sampled", "--probes", "99"], "probes is 99"),
        (["evaluate", "m", "test.txt", "--L", "9", "--insert", "test.txt"], "--L and --insert"),
        (["evaluate", "m", "test.txt", "--sampled", "--insert", "bare.txt"], "nothing to insert"),
        (["evaluate", "m", "test.txt", "--sampled", "--insert", "empty.txt"], "nothing to insert"),
        (["train", "train.txt.gz", "--model", "n", "--sampler", "magic"], "magic"),
        (["train", "train.txt.gz", "--model", "n", "--backend", "magic"], "unknown backend"),
        (["train", "train.txt.gz", "--model", "n", "--time-budget", "-1"], "time budget is -1"),
        (["train", "train.txt.gz", "--model", "n", "--threads", "0"], "threads"),
        (["train", "train.txt.gz", "--model", "n", "--lr", "nan"], "lr is nan"),
        (["train", "train.txt.gz", "--model", "n", "--resume"], "--resume"),
        (["train", "small.txt", "--valid", "test.txt", "--model", "n"], "validation set has"),
        (["evaluate", "none", "test.txt"], "not a model folder"),
        (["evaluate", "m", "none.txt"], "none.txt: there is no such file"),
        (["evaluate", "m", "small.txt"], "the data has 5 labels"),
        (["predict", "m", "test.txt", "--k", "0"], "k is 0"),
        (["predict", "m", "test.txt", "--k", "9999"], "k is 9999"),
        (["predict", "m", "test.txt", "--out", "no/such/p.txt"], "no/such/p.txt"),
        (["convert", "test.txt", "train.txt.gz"], "exists"),
        (["convert", "bad.txt", "n.npz"], "bad.txt:2: "),
        (["verify", "magic"], "unknown backend"),
        (["report"], "report"),
    ],
)
def test_bad_usage_is_one_sentence_and_leaves_nothing(model, files, slide, test_set, args, words):
    n_columns = f"{test_set.n_features} {test_set.n_labels}"
    (files / "bare.txt").write_text(f"1 {n_columns}\n 0:1\n")
    (files / "empty.txt").write_text(f"0 {n_columns}\n")
    (files / "bad.txt").write_text(HEADER + "1 9:1\n\n\n")
    (files / "small.txt").write_text(HEADER + "1 0:1\n\n\n")
    before = sorted(files.rglob("*"))
    code, out, err = slide(*args)
    assert (code, out) == (2, "")
    assert words in err
    assert err.startswith("slide: ")
    assert err.count("\n") == 1
    assert sorted(files.rglob("*")) == before


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["m"], "m exists"),
        (
            ["n", "--hidden", "0", "--scope", "batch"],
            "hidden=() is a setting of direct connections, but scope='batch' is",
        ),
        (["n", "--hidden", "-1"], "hidden is -1"),
        (["n", "--backend", "x"], "'x'"),
    ],
)
def test_train_refuses_before_it_reads_the_data(model, slide, args, words):
    code, _, err = slide("train", "none.txt", "--model", *args)
    assert code == 2
    assert words in err


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_interrupt_is_a_sentence(files, slide, monkeypatch, name):
    def interrupt(*args, **kwargs):
        signal.raise_signal(getattr(signal, name))

    if name == "SIGINT":  # what runs in the background may have inherited that it is ignored
        signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr("slide.core.runs.trainer.Trainer._epoch", interrupt)
    before = sorted(files.rglob("*"))
    code, _, err = slide("train", "train.txt.gz", "--model", "n")
    assert code == 130
    assert err == "slide: interrupted, nothing is left half written\n"
    assert sorted(files.rglob("*")) == before


IN_A_FINALIZER = """
import os, signal, sys
import slide.cli

class Finalized:
    def __del__(self):
        os.kill(os.getpid(), signal.{name})
        for _ in range(100_000):
            pass

def app(standalone_mode):
    Finalized()
    while True:
        pass

signal.signal(signal.SIGINT, signal.SIG_DFL)
slide.cli.app = app
slide.cli.main()
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_interrupt_that_meets_a_finalizer_is_heard(name):
    program = [sys.executable, "-c", IN_A_FINALIZER.format(name=name)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60)
    assert done.stderr == "slide: interrupted, nothing is left half written\n"
    assert done.returncode == 130


def test_what_else_a_finalizer_raises_is_told_as_ever(slide, monkeypatch):
    told = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)
    slide("backends")

    class Fails:
        def __del__(self):
            raise ValueError("by a finalizer")

    Fails()
    assert [str(one.exc_value) for one in told] == ["by a finalizer"]


def test_a_run_under_nohup_does_not_hear_the_hangup(files, slide, monkeypatch):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        slide("backends")
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_demo(files, slide, monkeypatch):
    """The demo on a slice of its data: what it says, and what it leaves."""
    from dataclasses import replace

    from slide.data import load_demo

    whole = load_demo()
    rows = np.arange(0, whole.train.n_samples, 40)
    slice_ = replace(whole, train=whole.train.take(rows), test=whole.test.take(rows[:200]))
    monkeypatch.setattr("slide.data.load_demo", lambda: slice_)
    for _ in range(2):  # the second one replaces the first
        code, out, err = slide("demo")
        assert (code, err) == (0, "")
        assert "P@1" in out
        assert "the network predicts" in out
        assert (files / "out" / "demo" / "weights.safetensors").exists()
    assert slide("evaluate", "out/demo", "none.txt")[0] == 2


def test_demo_spares_a_model_that_is_no_demo(model, files, slide):
    (files / "out").mkdir()
    model.rename(files / "out" / "demo")
    code, _, err = slide("demo")
    assert code == 2
    assert "out/demo exists" in err


def test_training_survives_a_reader_that_leaves(files):
    """As in `slide train ... | head -1`: the model is finished all the same."""
    program = [sys.executable, "-m", "slide", "train", "train.txt.gz", "--model", "m", *QUICK]
    with subprocess.Popen(program, stdout=subprocess.PIPE, cwd=files) as process:
        process.stdout.close()
        process.wait(timeout=120)
    assert (files / "m" / "weights.safetensors").exists()


@pytest.mark.parametrize("name", [".", "", "/"])
def test_no_name_for_a_file(files, slide, name):
    code, _, err = slide("convert", "test.txt", name)
    assert code == 2
    assert "no name for a file" in err


def test_no_arguments_print_the_help(slide):
    code, _, err = slide()
    assert code == 2
    assert "slide: " not in err


def test_python_m_slide_and_what_importing_costs():
    """`import slide` stays cheap: the heavy libraries are imported where they are used."""
    program = (
        "import sys, slide; "
        "heavy = {'scipy', 'numba', 'rich', 'typer', 'threadpoolctl'} & set(sys.modules); "
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
    done = subprocess.run(
        [sys.executable, "-m", "slide", "--help"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0
    assert "evaluate" in done.stdout
