"""`slide report` as people type it: what it writes, what it refuses, and what --data adds."""

import json
import shutil

import pytest
from reported import examples

from slide.core.models.model import Model
from slide.data import write
from slide.distributed.ensemble_folder import write_manifest
from slide.reference.kernels import ReferenceBackend

BY = ("--backend", "reference", "--threads", "1")


@pytest.fixture
def runs(in_a_folder, run_folders):
    """The present folder with runs `a` and `b`, and examples to judge them on."""
    shutil.copytree(run_folders / "steps", in_a_folder / "a")
    shutil.copytree(run_folders / "hidden", in_a_folder / "b")
    write(examples(50, seed=3), in_a_folder / "test.txt")
    return in_a_folder


def test_page_and_pictures_are_written_and_replaced(runs, slide):
    code, out, err = slide("report", "a", "b", "--out", "r.html")
    assert (code, err) == (0, "")
    pictures = sorted(path.name for path in (runs / "r_files").iterdir())
    assert out == f"Report in r.html, {len(pictures)} pictures in r_files\n"
    assert "precision-at-1-seconds.png" in pictures
    before = (runs / "r.html").read_text()
    assert "recall-probe" in before
    (runs / "r_files" / "of-before.png").write_bytes(b"")
    code, _, err = slide("report", "a", "--out", "r.html")
    assert code == 2
    assert "r.html exists" in err
    assert (runs / "r.html").read_text() == before
    assert slide("report", "a", "--out", "r.html", "--overwrite")[0] == 0
    assert "recall-probe" not in (runs / "r.html").read_text()
    assert not {"of-before.png", "recall-probe.png"} & {
        path.name for path in (runs / "r_files").iterdir()
    }
    assert sorted(path.name for path in runs.iterdir()) == [
        "a", "b", "r.html", "r_files", "test.txt",
    ]  # fmt: skip


def test_data_judges_each_model_as_evaluate_does(runs, slide):
    def evaluated(name, *options):
        return json.loads(slide("evaluate", name, "test.txt", "--json", *options, *BY)[1])

    Model.load("a", ReferenceBackend()).save("c")  # which has no metrics
    code, out, _ = slide(
        "report", "a", "b", "c", "--out", "r.html", "--data", "test.txt", "--json", *BY
    )
    assert code == 0
    told, page = json.loads(out), (runs / "r.html").read_text()
    for run, name in zip(told["runs"], "aba", strict=True):
        expected = evaluated(name)
        for k in (1, 3, 5):
            assert run[f"precision_at_{k}"] == expected[f"precision_at_{k}"]
        assert run["judged_on"] == "--data"
        for part in ("head", "torso", "tail"):
            assert f"{100 * expected[f'{part}_recall_at_5']:.2f} %" in page
    assert {path.name for path in (runs / "r_files").iterdir()} >= {
        "recall-sampled.png", "parts.png", "reliability.png",
    }  # fmt: skip
    assert set(told["missing"]) >= {"precision", "loss"}
    assert not {"frequency", "confusions", "recall"} & set(told["missing"])


def damage(runs, name, text):
    (runs / "a" / name).write_text(text)


def taken(runs, name):
    (runs / name).write_text("of somebody")


def taken_folder(runs):
    (runs / "r_files").mkdir()
    (runs / "r_files" / "thesis.txt").write_text("of somebody")


def ensemble(runs):
    (runs / "e").mkdir()
    write_manifest(runs / "e", 2)


CASES = {
    "no run": (None, [], "Missing argument"),
    "no model": (None, ["test.txt"], "test.txt is not a model folder"),
    "twice": (None, ["a", "a"], "got a twice"),
    "too many": (None, ["a"] * 13, "got 13 runs: expected 12"),
    "ensemble": (ensemble, ["e"], "e is an ensemble, and a report is of runs"),
    "a page of somebody": (
        lambda runs: taken(runs, "r.html"), ["a", "--overwrite"], "r.html is no report"),
    "a folder of somebody": (taken_folder, ["a", "--overwrite"], "thesis.txt is no picture"),
    "metrics": (
        lambda runs: damage(runs, "metrics.jsonl", '{"epoch": 1}\n[]\n'), ["a"],
        "metrics.jsonl, line 2 is damaged"),
    "run.json": (lambda runs: damage(runs, "run.json", "{"), ["a"], "run.json is damaged"),
    "options of data alone": (None, ["a", "--one-based", "both"], "--one-based without --data"),
    "strict alone": (None, ["a", "--strict"], "--strict without --data"),
    "stdin twice": (None, ["a", "b", "--data", "-"], "--data - is read once"),
    "log": (None, ["a", "--data", "test.txt", "--sessions"], "was not trained on one"),
    "no data": (None, ["a", "--data", "none.txt"], "none.txt"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_is_no_run_is_refused_and_nothing_is_left(runs, slide, case):
    prepare, arguments, sentence = CASES[case]
    if prepare:
        prepare(runs)
    before = {path: path.read_bytes() for path in runs.rglob("*") if path.is_file()}
    code, out, err = slide("report", *arguments, "--out", "r.html")
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1
    assert {path: path.read_bytes() for path in runs.rglob("*") if path.is_file()} == before


def test_a_frozen_model_and_a_folder_that_is_not_there(runs, slide):
    Model.load("a", ReferenceBackend()).freeze("f")
    code, _, err = slide("report", "f", "--out", "r.html")
    assert code == 2
    assert "is a frozen model" in err
    code, _, err = slide("report", "a", "--out", "deep/r.html")
    assert code == 2
    assert "there is no folder deep: make it" in err
    for name in (".", "-"):
        code, _, err = slide("report", "a", "--out", name)
        assert code == 2
        assert "expected the name of a file, such as report.html" in err
