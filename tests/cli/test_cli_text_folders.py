"""Folders of texts on the command line: what files of texts do, to the bit."""

import json

import pytest
from made_texts import examples, write_lines
from typer.testing import CliRunner

from slide.cli import app
from slide.core.errors import SlideError

QUICK = ["--epochs", "1", "--cost", "1", "--idf-power", "0", "--backend", "reference", "--json"]
COLUMNS = ["--text", "text", "--labels", "tags"]


def run(folder, *words):
    ran = CliRunner(env={"SLIDE_BACKEND": "reference"}).invoke(app, list(map(str, words)))
    (folder / "said.txt").write_text(ran.output)
    return ran


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Files of texts, folders of them, and a model of both."""
    folder = tmp_path_factory.mktemp("folders")
    write_lines(folder / "train.jsonl", examples(60))
    write_lines(folder / "test.jsonl", examples(12, seed=1))
    train, test, files, valid = (folder / name for name in ("tr", "te", "of-texts", "test.jsonl"))
    for words in (
        ["train", folder / "train.jsonl", "--valid", valid, *COLUMNS, "--model", files, *QUICK],
        ["convert", *COLUMNS, folder / "train.jsonl", train],
        ["convert", "--like", train, valid, test],
        ["train", train, "--valid", test, "--model", folder / "of-folder", *QUICK],
    ):
        ran = run(folder, *words)
        assert ran.exit_code == 0, ran.output
        if words[0] == "train":
            (folder / f"train-{words[1].name}.json").write_text(ran.stdout)
    return folder


def scores(text):
    return {name: value for name, value in json.loads(text).items() if "_at_" in name}


def test_a_folder_makes_the_model_of_the_texts(made):
    for name in ("weights.safetensors", "names.json", "text.json"):
        one, other = (made / model / name for model in ("of-texts", "of-folder"))
        assert one.read_bytes() == other.read_bytes()
    figures = [(made / f"train-{name}.json").read_text() for name in ("train.jsonl", "tr")]
    assert scores(figures[0]) == scores(figures[1])
    assert len(scores(figures[0])) > 9


def test_both_are_judged_alike_by_a_folder_and_by_texts(made):
    said = {
        (model, file): run(made, "evaluate", made / model, made / file, "--json").stdout
        for model in ("of-texts", "of-folder")
        for file in ("te", "test.jsonl")
    }
    assert len({json.dumps(scores(text)) for text in said.values()}) == 1
    predicted = [
        run(made, "predict", made / "of-folder", made / file, "--k", "2").stdout
        for file in ("te", "test.jsonl")
    ]
    assert predicted[0] == predicted[1]
    assert '"labels": ["' in predicted[0]


def test_like_a_model_is_like_the_folder_of_its_training(made, tmp_path):
    ran = run(made, "convert", "--like", made / "of-texts", made / "test.jsonl", tmp_path / "te")
    assert ran.exit_code == 0, ran.output
    for path in (made / "te").iterdir():
        assert path.read_bytes() == (tmp_path / "te" / path.name).read_bytes()


def test_texts_judge_what_a_folder_has_trained(made, tmp_path):
    words = ["train", made / "tr", "--valid", made / "test.jsonl", "--model", tmp_path / "m"]
    ran = run(made, *words, *QUICK)
    assert scores(ran.stdout) == scores((made / "train-tr.json").read_text())


def test_names_that_a_file_cannot_keep_are_told(made, tmp_path):
    ran = run(made, "convert", made / "te", tmp_path / "te.txt")
    assert ran.exit_code == 0
    assert "names of features and labels are not kept" in ran.stderr


REFUSED = {
    "other words": (["evaluate", "of-folder", "own"], "by another vectorizer than those of train"),
    "numbers": (["evaluate", "of-folder", "numbers"], "a file of numbers, but the model was trai"),
    "texts for numbers": (
        ["train", "numbers", "--valid", "test.jsonl", "--model", "m"],
        "a file of texts, or a log, by its name",
    ),
    "numbers to judge by": (
        ["train", "tr", "--valid", "numbers", "--model", "m"],
        "numbers, but training is on texts",
    ),
    "option": (["evaluate", "of-folder", "te", *COLUMNS], "holds texts that were read"),
    "no folder": (["convert", *COLUMNS, "test.jsonl", "x.txt"], "texts become a data folder"),
    "no columns": (["convert", "test.jsonl", "x"], "say --text COLUMN"),
    "fitting": (
        ["convert", "--like", "tr", "--vectorizer", "hashing", "test.jsonl", "x"],
        "--vectorizer makes words anew",
    ),
    "counting": (
        ["convert", *COLUMNS, "--one-based", "both", "test.jsonl", "x"], "--one-based is about num"
    ),
    "like numbers": (["convert", "--like", "numbers", "test.jsonl", "x"], "not trained on texts"),
}  # fmt: skip


@pytest.fixture(scope="module")
def others(made):
    """Folders of other words, and of numbers."""
    run(made, "convert", *COLUMNS, made / "test.jsonl", made / "own")
    (made / "n.txt").write_text("1 2 2\n0 1:1\n")
    run(made, "convert", made / "n.txt", made / "numbers")


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused_in_a_sentence(case, made, others, monkeypatch):
    monkeypatch.chdir(made)
    words, sentence = REFUSED[case]
    ran = run(made, *words)
    assert isinstance(ran.exception, SlideError), ran.output
    assert sentence in str(ran.exception)
    assert not (made / "x").exists()
