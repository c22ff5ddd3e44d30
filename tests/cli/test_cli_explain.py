"""`slide explain` tells what adds up to what `slide predict` prints; `slide export` writes ONNX."""

import json
from dataclasses import replace

import numpy as np
import pytest
from onnxruntime import InferenceSession
from small_models import BACKEND, CONFIGS, examples, model, named_model, others

import slide as package
from slide.core.examples.counting import OneBased
from slide.core.examples.names import Names
from slide.core.runs.trainer import Trainer


@pytest.fixture
def place(in_a_folder):
    """The present folder, with models and files."""
    model("solved").save("m")
    model("hidden").save("hidden")
    package.write(package.Dataset(others(), examples().y.take(np.zeros(40, int))), "x.txt")
    package.write(examples(), "train.txt")
    return in_a_folder


def explained(slide, *arguments):
    """The JSON object that is printed."""
    code, out, err = slide("explain", *arguments, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def total(told):
    """What contributions and constant add up to."""
    parts = [told["bias"], told["other_contribution"]]
    return sum([*parts, *(piece["contribution"] for piece in told["evidence"])])


@pytest.mark.parametrize("folder", ["m", "hidden"])
@pytest.mark.parametrize("n", ["0", "2", "1000"])
def test_contributions_add_up_to_what_predict_prints(slide, place, folder, n):
    _, out, _ = slide("predict", folder, "x.txt", "--k", "3")
    expected = [word.split(":") for word in out.splitlines()[6].split()]
    found = explained(slide, folder, "x.txt", "--row", "6", "--n", n)
    assert found["row"] == 6
    assert [str(told["label"]) for told in found["explanations"]] == [
        label for label, _ in expected
    ]
    for told, (_, score) in zip(found["explanations"], expected, strict=True):
        assert total(told) == pytest.approx(float(score), rel=1e-4, abs=1e-5)
        assert len(told["evidence"]) <= int(n)
        assert told["by_gradient"] == (folder == "hidden")


def test_one_label_is_explained_if_it_is_given(slide, place):
    found = explained(slide, "m", "x.txt", "--row", "6", "--label", "7")
    expected = model("solved").explain(others().take(np.array([6])), 7)
    assert [told["label"] for told in found["explanations"]] == [7]
    assert total(found["explanations"][0]) == pytest.approx(expected.score, abs=1e-6)


def test_numbers_are_those_of_the_files(slide, place):
    """A model of text that counts from 1: nothing changes but the numbers."""
    plain = explained(slide, "m", "x.txt", "--row", "3", "--label", "7", "--examples", "train.txt")
    replace(model("solved"), one_based=OneBased.BOTH).save("one")
    for name in ("x", "train"):
        package.write(package.read(f"{name}.txt"), f"{name}.svm")
        lines = (place / f"{name}.svm").read_text().splitlines()
        (place / f"{name}.svm").write_text("".join(from_one(line) + "\n" for line in lines))
    found = explained(
        slide, "one", "x.svm", "--row", "3", "--label", "8", "--examples", "train.svm"
    )
    (before,), (after,) = plain["explanations"], found["explanations"]
    assert after["label"] == 8
    for piece in after["evidence"]:
        piece["features"] = [f - 1 for f in piece["features"]]
    for near in after["neighbours"]:
        near["labels"] = [label - 1 for label in near["labels"]]
    assert after | {"label": 7} == before
    assert before["neighbours"][0]["labels"]


def from_one(line):
    """A line of svmlight with all numbers one larger."""
    labels, *pairs = line.split(" ")
    labels = ",".join(str(int(label) + 1) for label in labels.split(",") if label)
    split = [pair.split(":") for pair in pairs]
    return " ".join([labels, *(f"{int(f) + 1}:{value}" for f, value in split)])


def test_unknown_features_are_told_once_and_not_on_stderr(slide, place):
    (place / "new.svm").write_text("1 3:1 900:2\n")
    for options in ([], ["--label", "7"]):
        (told, *_) = explained(slide, "m", "new.svm", "--row", "0", *options)["explanations"]
        assert told["unknown"] == [900]
    _, out, err = slide("explain", "m", "new.svm", "--row", "0")
    assert (out.count("features 900"), err) == (1, "")


def test_the_screen_has_names_and_signs(slide, place):
    one = named_model("solved")
    names = ["[red]x[/]", *(f"word {i}" for i in range(1, 65))]
    replace(one, feature_names=Names(names)).save("named")
    (place / "new.svm").write_text("0 0:1 3:1 9:1 20:2 33:1\n")
    labels, scores = one.predict(package.read("new.svm").x, 1)
    label, score = f"tag {labels[0, 0]}", f"{scores[0, 0]:.5g}"[:-1]
    code, out, err = slide(
        "explain", "named", "new.svm", "--row", "0", "--k", "1", "--examples", "train.txt"
    )
    assert (code, err) == (0, "")
    assert out.startswith(f"1. {label}  score {score}")
    assert "[red]x[/]" in out
    assert "constant (bias)" in out
    assert "nearest example" in out
    assert max(map(len, out.splitlines())) <= 80
    by_name = slide("explain", "named", "new.svm", "--row", "0", "--label", label)[1]
    assert by_name.splitlines()[4:12] == out.splitlines()[4:12]
    code, out, err = slide("explain", "named", "new.svm", "--row", "0", "--label", "tg 1")
    assert (code, out) == (2, "")
    assert "did you mean 'tag 1'" in err


def test_names_that_are_numbers_are_names(slide, place):
    labels = Names([*range(100, 132), "5"])
    replace(model("solved"), label_names=labels).save("named")
    (told,) = explained(slide, "named", "x.txt", "--row", "0", "--label", "107")["explanations"]
    assert (told["label"], told["name"]) == (7, 107)
    (told,) = explained(slide, "named", "x.txt", "--row", "0", "--label", "5")["explanations"]
    assert (told["label"], told["name"], told["n_examples"]) == (32, "5", 0)


def test_a_label_without_example_and_an_empty_row_are_told(slide, place):
    code, out, _ = slide("explain", "m", "x.txt", "--row", "0", "--label", "32")
    assert code == 0
    assert "No training example has this label" in out
    code, out, _ = slide("explain", "m", "x.txt", "--row", "39", "--k", "1000")
    assert code == 0
    assert "Nothing in this example is known" in out


def test_texts_are_explained_by_their_words(slide, in_a_folder):
    rows = [{"t": f"{a} and {b} {a}", "l": [a]} for a in ("cat", "dog", "owl") for b in "bcdefgh"]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (in_a_folder / "t.jsonl").write_text(lines + '{"t": "zebra", "l": ["cat"]}\n')
    (in_a_folder / "new.jsonl").write_text('{"t": "the owl"}\n{"t": "nobody"}\n')
    data = package.read_texts("t.jsonl", "t", "l")
    Trainer(CONFIGS["steps"], BACKEND).fit(data).save("m")
    arguments = ["m", "new.jsonl", "--row", "0", "--k", "1", "--examples", "t.jsonl"]
    (told,) = explained(slide, *arguments)["explanations"]
    assert told["name"] == "owl"
    assert told["evidence"][0]["names"] == ["owl"]
    assert told["neighbours"][0]["names"] == ["owl"]
    _, out, _ = slide("explain", "m", "new.jsonl", "--row", "1")
    assert "Nothing in this example is known" in out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["m", "x.txt", "--row", "40"], "x.txt: --row is 40: expected 0 to 39"),
        (["m", "x.txt", "--row", "-1"], "x.txt: --row is -1: expected 0 to 39"),
        (["m", "none.txt", "--row", "0"], "none.txt: --row is 0: expected a file with examples"),
        (["m", "x.txt", "--row", "0", "--label", "x"], "--label is 'x': expected a number"),
        (["m", "x.txt", "--row", "0", "--label", "33"], "label is 33: expected one of the 33"),
        (["m", "-", "--row", "0", "--examples", "-"], "it can be read once only"),
        (["m", "x.txt"], "Missing option '--row'"),
    ],
)  # fmt: skip
def test_what_cannot_be_explained_is_a_sentence(slide, place, arguments, sentence):
    (place / "none.txt").write_text("0 65 33\n")
    code, out, err = slide("explain", *arguments)
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1


def test_an_exported_file_answers(slide, place):
    assert slide("export", "hidden", "hidden.onnx") == (0, "", "")
    asked = {"features": others().dense(), "k": np.array([5])}
    ids, *_ = InferenceSession("hidden.onnx").run(None, asked)
    np.testing.assert_array_equal(ids, model("hidden").predict(others())[0])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["m", "m.onnx"], "the model has no hidden layers"),
        (["hidden", "hidden.pt"], "hidden.pt does not end in .onnx"),
        (["hidden", "there.onnx"], "there.onnx: it exists and is not overwritten"),
    ],
)
def test_what_cannot_be_exported_is_a_sentence(slide, place, arguments, sentence):
    (place / "there.onnx").write_text("")
    before = {path.name for path in place.iterdir()}
    code, out, err = slide("export", *arguments)
    assert (code, out) == (2, "")
    assert sentence in err
    assert {path.name for path in place.iterdir()} == before
