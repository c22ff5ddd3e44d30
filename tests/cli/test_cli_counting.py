"""A model remembers what its files count from, and answers in the same numbers."""

import json

import pytest
from conftest import CLI_QUICK

import slide as engine
from slide.core.errors import ModelError
from slide.core.examples.counting import OneBased
from slide.data import write

pytestmark = pytest.mark.filterwarnings("always::slide.core.errors.SlideWarning")
QUICK = [*CLI_QUICK, "--quiet"]


@pytest.fixture
def counted(files, test_set):
    """test0.svm and test1.svm, the same examples counted from 0 and from 1, and empty lines."""
    rows = test_set.take(list(range(40)))
    write(rows, files / "test0.svm")
    lines = []
    for i in range(rows.n_samples):
        labels = ",".join(str(label + 1) for label in rows.y.row(i)[0])
        words = [f"{f + 1}:{value}" for f, value in zip(*rows.x.row(i), strict=True)]
        lines.append(" ".join([labels, *words]) + "\n")
    (files / "test1.svm").write_text("".join(lines))
    return files


def shifted(text, by):
    """Predictions with other numbers."""
    lines = []
    for line in text.splitlines():
        pairs = (word.split(":") for word in line.split())
        lines.append(" ".join(f"{int(label) + by}:{score}" for label, score in pairs))
    return "".join(line + "\n" for line in lines)


def test_predictions_are_in_the_numbers_of_training(counted, slide):
    _, _, err = slide("train", "test0.svm", "--model", "zero", *QUICK)
    assert err == ""
    _, _, err = slide("train", "test1.svm", "--one-based", "both", "--model", "one", *QUICK)
    assert err == ""
    assert json.loads((counted / "one" / "config.json").read_text())["one_based"] == "both"
    weights = [(counted / name / "weights.safetensors").read_bytes() for name in ("zero", "one")]
    assert weights[0] == weights[1]
    _, zero, _ = slide("predict", "zero", "test0.svm")
    code, one, err = slide("predict", "one", "test1.svm")
    assert (code, err) == (0, "")
    assert one == shifted(zero, 1)
    assert slide("predict", "zero", "test1.svm", "--one-based", "both")[1] == one
    assert slide("predict", "one", "test0.svm", "--one-based", "none")[1] == zero
    scores = slide("evaluate", "one", "test1.svm")
    assert scores == slide("evaluate", "zero", "test0.svm")
    assert scores == slide("evaluate", "zero", "test1.svm", "--one-based", "both")


def test_what_looks_like_it_is_told_once_by_train(counted, slide):
    code, _, err = slide("train", "test1.svm", "--valid", "test1.svm", "--model", "n", *QUICK)
    assert code == 0
    assert err.count("--one-based") == 1
    assert err.startswith("slide: test1.svm: features begin at 1")
    assert slide("predict", "n", "test1.svm")[2] == ""


def test_convert_shifts(counted, slide):
    assert slide("convert", "test1.svm", "a.txt", "--one-based", "both") == (0, "", "")
    slide("convert", "test0.svm", "b.txt")
    assert (counted / "a.txt").read_text() == (counted / "b.txt").read_text()


@pytest.mark.parametrize("command", ["train", "convert", "evaluate", "predict"])
def test_other_formats_count_from_0(model, slide, command):
    args = {"train": ["test.txt", "--model", "n"], "convert": ["test.txt", "n.txt"]}
    code, _, err = slide(command, *args.get(command, ["m", "test.txt"]), "--one-based", "both")
    assert code == 2
    assert err.startswith("slide: test.txt: this format counts from 0")


def test_a_model_keeps_it(model, backend, tmp_path):
    loaded = engine.Model.load(model, backend)
    assert loaded.one_based is OneBased.NONE
    loaded.one_based = OneBased.LABELS
    loaded.save(tmp_path / "again")
    assert engine.Model.load(tmp_path / "again", backend).one_based is OneBased.LABELS


def test_a_model_without_the_word_counts_from_0_and_another_word_is_damage(model, backend):
    path = model / "config.json"
    description = json.loads(path.read_text())
    del description["one_based"]
    path.write_text(json.dumps(description))
    assert engine.Model.load(model, backend).one_based is OneBased.NONE
    for word in ("yes", 1, ["both"]):
        path.write_text(json.dumps(description | {"one_based": word}))
        with pytest.raises(ModelError, match="one_based is"):
            engine.Model.load(model, backend)


def test_every_line_has_its_line_of_predictions(model, files, slide):
    (files / "a.svm").write_text("7:1\n\n9:1\n# remark\n3\n \n 4:1 # end\n\n")
    code, out, err = slide("predict", "m", "a.svm", "--k", "2")
    assert code == 0
    assert len(out.splitlines()) == 7
    assert "a blank line at its end" in err
    assert slide("convert", "a.svm", "b.svm")[0] == 0
    assert slide("predict", "m", "b.svm", "--k", "2")[1] == out
