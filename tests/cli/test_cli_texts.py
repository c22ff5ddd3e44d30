"""`slide train --text` and what follows: names go in, names come out, refusals are one line."""

import gzip
import io
import json
import shutil
import sys

import pytest
from made_texts import TOPICS, examples, write_lines
from typer.testing import CliRunner

from slide.cli import app
from slide.core.models.model import Model

QUICK = ["--epochs", "1", "--cost", "1", "--idf-power", "0", "--backend", "reference"]
COLUMNS = ["--text", "text", "--labels", "tags"]
TRAIN, TEST = examples(120), examples(12, seed=1)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Files of texts, and the model `m` that the first one makes."""
    folder = tmp_path_factory.mktemp("texts")
    write_lines(folder / "train.jsonl", TRAIN)
    write_lines(folder / "test.jsonl", TEST)
    arguments = ["train", folder / "train.jsonl", "--valid", folder / "test.jsonl", *COLUMNS,
                 "--model", folder / "m", "--json", *QUICK]  # fmt: skip
    ran = CliRunner(env={"SLIDE_BACKEND": None}).invoke(app, list(map(str, arguments)))
    assert ran.exit_code == 0, ran.output
    (folder / "figures.json").write_text(ran.stdout)
    return folder


@pytest.fixture
def texts(made, in_a_folder, monkeypatch):
    """The present folder, with all of that."""
    monkeypatch.setenv("SLIDE_BACKEND", "reference")
    return shutil.copytree(made, in_a_folder, dirs_exist_ok=True)


def answers(out):
    return [json.loads(line) for line in out.split("\n")[:-1]]


def test_training_and_evaluating_agree(texts, slide):
    code, out, err = slide("evaluate", "m", "test.jsonl", "--json")
    assert (code, err) == (0, "")
    scores, figures = json.loads(out), json.loads((texts / "figures.json").read_text())
    shared = [name for name in scores if name in figures and "_at_" in name]
    assert len(shared) == 36
    assert {name: scores[name] for name in shared} == {name: figures[name] for name in shared}
    assert scores["precision_at_1"] > 0.9


def test_predictions_are_names_and_scores(texts, slide):
    code, out, err = slide("predict", "m", "test.jsonl", "--k", "2")
    assert (code, err) == (0, "")
    labels, scores = Model.load("m").predict_texts([text for text, _ in TEST], 2)
    found = answers(out)
    assert [each["labels"] for each in found] == labels
    for each, expected in zip(found, scores, strict=True):
        assert each["scores"] == pytest.approx(expected, rel=1e-5)
        assert set(each) == {"labels", "scores"}
    right = [each["labels"][0] in tags for each, (_, tags) in zip(found, TEST, strict=True)]
    assert sum(right) > 10
    assert {"café\tcrème", 'new\n"lines"'} <= {each["labels"][0] for each in found}
    assert "café" in out


def test_probabilities_stand_under_their_own_name(texts, slide):
    _, plain, _ = slide("predict", "m", "test.jsonl", "--k", "3")
    code, out, err = slide("predict", "m", "test.jsonl", "--k", "3", "--proba")
    assert (code, err) == (0, "")
    model = Model.load("m")
    x = model.text.features([text for text, _ in TEST])
    expected = model.predict_proba(x, 3)[1].tolist()
    for each, scored, likely in zip(answers(out), answers(plain), expected, strict=True):
        assert (set(each), each["labels"]) == ({"labels", "probabilities"}, scored["labels"])
        assert each["probabilities"] == pytest.approx(likely, rel=1e-5)
    some = answers(slide("predict", "m", "test.jsonl", "--k", "3", "--threshold", "0.5")[1])
    for each, likely in zip(some, expected, strict=True):
        assert len(each["labels"]) == sum(value >= 0.5 for value in likely)
    assert 0 < sum(len(each["labels"]) for each in some) < 3 * len(TEST)


def test_a_frozen_folder_takes_texts_and_answers_with_names_and_reasons(texts, slide, monkeypatch):
    monkeypatch.delenv("SLIDE_BACKEND")
    assert slide("freeze", "m", "frozen")[0] == 0
    for asked in (["predict"], ["predict", "--proba"], ["predict", "--threshold", "0.5"],
                  ["explain", "--row", "0", "--json"]):  # fmt: skip
        command, *options = asked
        code, out, err = slide(command, "frozen", "test.jsonl", *options)
        assert (code, err) == (0, "")
        assert out == slide(command, "m", "test.jsonl", *options, "--backend", "numba")[1]
    (first, *_) = json.loads(out)["explanations"]
    assert first["name"] in TOPICS
    words = [name for each in first["evidence"] for name in each["names"]]
    assert set(words) & set(TEST[0][0].split())


def test_every_file_of_the_same_texts_is_answered_alike(texts, slide, monkeypatch):
    expected = slide("predict", "m", "test.jsonl")[1]
    content = (texts / "test.jsonl").read_bytes()
    (texts / "t.jsonl.gz").write_bytes(gzip.compress(content))
    (texts / "t.csv").write_text("text\n" + "".join(text + "\n" for text, _ in TEST))
    write_lines(texts / "other.jsonl", TEST, "body", "topics")
    for given in (["t.jsonl.gz"], ["t.csv"], ["other.jsonl", "--text", "body"]):
        assert slide("predict", "m", *given) == (0, expected, "")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert slide("predict", "m", "-") == (0, expected, "")
    code, _, _ = slide("predict", "m", "t.csv", "--out", "found.jsonl.gz")
    assert code == 0
    assert gzip.decompress((texts / "found.jsonl.gz").read_bytes()).decode() == expected
    code, out, _ = slide("evaluate", "m", "other.jsonl", "--text", "body", "--labels", "topics")
    assert out == slide("evaluate", "m", "test.jsonl")[1]
    assert code == 0


def test_a_text_of_unknown_words_is_flagged_and_told(texts, slide):
    write_lines(texts / "odd.jsonl", [("xyzzy", []), ("moon", ["space"]), ("", [])])
    code, out, err = slide("predict", "m", "odd.jsonl", "--k", "1")
    assert code == 0
    first, second, third = answers(out)
    assert first == third == {"labels": [], "scores": [], "unknown": True}
    assert second["labels"] == ["space"]
    assert err == ("slide: 2 of 3 texts have no word that training met: answered without labels\n")
    _, _, err = slide("evaluate", "m", "odd.jsonl")
    assert err.startswith("slide: 2 of 3 texts have no word that training met: judged by")


def test_labels_that_training_never_saw_are_missed_or_refused(texts, slide):
    write_lines(texts / "odd.jsonl", [("moon rocket", ["space", "new one"]), ("moon", ["other"])])
    code, out, err = slide("evaluate", "m", "odd.jsonl", "--json", "--at", "1")
    assert code == 0
    assert json.loads(out)["label_recall_at_1"] == 0.25
    assert err == ("slide: 2 labels in 2 examples were never seen in training: counted as missed\n")
    code, _, err = slide("evaluate", "m", "odd.jsonl", "--strict")
    assert code == 2
    assert err.startswith("slide: odd.jsonl: 2 labels")


def test_a_network_with_hidden_layers_takes_texts_too(texts, slide):
    code, _, err = slide(
        "train", "train.jsonl", *COLUMNS, "--model", "h", "--quiet", "--hidden", "8", "--epochs",
        "1", "--batch-size", "16", "--vectorizer", "hashing", "--vectorize", "ngram_range=[1,2]",
        "--vectorize", "n_features=4096",
    )  # fmt: skip
    assert (code, err) == (0, "")
    code, out, err = slide("predict", "h", "test.jsonl", "--sampled", "--insert", "train.jsonl")
    assert (code, err) == (0, "")
    assert len(answers(out)) == len(TEST)
    text = json.loads((texts / "h" / "text.json").read_text())
    assert text["settings"]["ngram_range"] == [1, 2]
    assert text["settings"]["n_features"] == 4096


def test_numbers_are_answered_by_names_if_wanted(model, slide):
    before = slide("predict", "m", "test.txt", "--k", "2")[1]
    code, _, err = slide("predict", "m", "test.txt", "--names")
    assert code == 2
    assert err.startswith("slide: the labels of the model have no names")
    named = Model.load("m")
    named.label_names = [f"label {i}" for i in range(named.network.n_labels)]
    from slide.core.examples.names import Names

    named.label_names = Names(named.label_names)
    named.save("m", overwrite=True)
    assert slide("predict", "m", "test.txt", "--k", "2")[1] == before
    found = answers(slide("predict", "m", "test.txt", "--names", "--k", "2")[1])
    for line, each in zip(before.splitlines(), found, strict=True):
        assert " ".join(
            f"{name.removeprefix('label ')}:{score:g}"
            for name, score in zip(each["labels"], each["scores"], strict=True)
        ) == line  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", "train.jsonl"], "train.jsonl: a file of texts, or a log, by its name"),
        (["train", "t.svm", "--valid", "test.jsonl"], "test.jsonl: a file of texts, or a log"),
        (["train", "train.jsonl", "--text", "text"], "got --text without --labels"),
        (["train", "train.jsonl", "--labels", "tags"], "got --labels without --text"),
        (["train", "t.svm", "--separator", ";"], "got --separator without --text"),
        (["train", "t.svm", "--vectorizer", "hashing"], "got --vectorizer without --text"),
        (["train", "t.svm", "--vectorize", "min_df=2"], "got --vectorize without --text"),
        (["train", "train.jsonl", "--one-based", "both", *COLUMNS], "--one-based is about numbers"),
        (["train", "train.jsonl", *COLUMNS, "--vectorize", "min_df"], "--vectorize got 'min_df'"),
        (["train", "train.jsonl", *COLUMNS, "--vectorize", "min_df=1", "--vectorize", "min_df=2"],
         "--vectorize got min_df twice"),
        (["train", "train.jsonl", *COLUMNS, "--vectorize", "min_d=1"],
         "the tfidf vectorizer has no setting 'min_d'"),
        (["train", "train.jsonl", "--text", "body", "--labels", "tags"],
         "train.jsonl:1: there is no field 'body'"),
        (["train", "-", "--valid", "-", *COLUMNS], "<stdin>: it can be read once only"),
        (["evaluate", "m", "t.svm"], "t.svm: a file of numbers, but the model was"),
        (["predict", "m", "t.npz"], "t.npz: a file of numbers"),
        (["predict", "m", "none.jsonl"], "none.jsonl: there is no such file"),
        (["predict", "m", "test.jsonl", "--text", "body"],
         "test.jsonl:1: there is no field 'body'"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_one_line(texts, slide, arguments, sentence):
    (texts / "t.svm").write_text("0 1:1\n")
    before = sorted(texts.iterdir())
    model = ["--model", "new"] if arguments[0] == "train" else []
    code, out, err = slide(*arguments, *model)
    assert (code, out) == (2, "")
    assert err.startswith(f"slide: {sentence}")
    assert err.count("\n") == 1
    assert sorted(texts.iterdir()) == before


def test_a_bad_row_leaves_nothing_behind(texts, slide):
    with (texts / "train.jsonl").open("a") as file:
        file.write('{"text": "moon", "tags": [1]}\n')
    code, _, err = slide("train", "train.jsonl", *COLUMNS, "--model", "new", *QUICK)
    assert code == 2
    assert err.startswith("slide: train.jsonl:121: 'tags' has the label 1")
    assert not (texts / "new").exists()


@pytest.mark.parametrize("arguments", [["test.jsonl"], ["test.txt", "--text", "text"]])
@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_a_model_of_numbers_refuses_texts(model, slide, command, arguments):
    write_lines(model.parent / "test.jsonl", TEST)
    code, _, err = slide(command, "m", *arguments)
    assert code == 2
    assert "but the model was trained on numbers" in err
    assert err.count("\n") == 1


def test_a_model_of_texts_says_what_it_is_made_of(texts):
    names = json.loads((texts / "m" / "names.json").read_text())
    assert names["labels"] == sorted(TOPICS)
    assert "moon" in names["features"]
    assert json.loads((texts / "m" / "text.json").read_text())["columns"] == ["text"]
