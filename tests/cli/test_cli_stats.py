"""`slide stats` and `slide train --explain-recipe`, on a terminal of 80 columns and as JSON."""

import json

import numpy as np
import pytest
from conftest import CLI_QUICK
from made_texts import examples, write_lines

import slide as package
from slide.core.examples.statistics import Statistics
from slide.core.learners.recipe import recipe


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    """A terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")


def test_a_file_is_told_with_its_recipe(slide, files):
    code, out, err = slide("stats", "train.txt.gz")
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    for words in (
        "4,000",
        "all in use",
        "head",
        "Training takes direct connections:",
        "open",
    ):
        assert words in out
    assert not list(files.glob("*.cache"))


def test_json_is_what_was_counted_and_chosen(slide, files):
    code, out, err = slide("stats", "train.txt.gz", "--json")
    assert (code, err) == (0, "")
    found, train = json.loads(out), package.read("train.txt.gz")
    assert found["data"] == json.loads(json.dumps(Statistics.of(train).to_dict()))
    values = {each["name"]: each["value"] for each in found["recipe"]["reasons"]}
    assert values == {name: recipe(train).flat()[name] for name in values}
    assert all(each["because"] for each in found["recipe"]["reasons"])
    assert found["bytes_on_disk"] == (files / "train.txt.gz").stat().st_size


def test_the_digest_is_that_of_a_model_of_the_data(slide, files):
    assert slide("train", "test.txt", "--model", "m", *CLI_QUICK, "--quiet")[0] == 0
    digest = json.loads(slide("inspect", "m", "--json")[1])["data_digest"]
    assert json.loads(slide("stats", "test.txt", "--json")[1])["data_digest"] == digest
    assert json.loads(slide("stats", "train.txt.gz", "--json")[1])["data_digest"] != digest


def test_texts_and_sessions_are_read_as_training_reads_them(slide, in_a_folder):
    write_lines(in_a_folder / "texts.jsonl", examples(80))
    code, out, err = slide("stats", "texts.jsonl", "--text", "text", "--labels", "tags", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["data"]["label_names"] == json.loads(out)["data"]["n_labels"]
    events = (f"{i // 4},item {i % 4},{i}" for i in range(200))
    (in_a_folder / "log.csv").write_text("\n".join(["session,item,time", *events]))
    code, out, _ = slide("stats", "log.csv", "--sessions", "--json")
    assert code == 0
    assert json.loads(out)["data"]["has_times"]
    assert "not linear SVMs, for an example has 1.0 labels" in json.loads(out)["recipe"]["because"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("1 2 2\n 0:1\n", "no example has a label"),
        ("1 2 2\n0 zero:1\n", "x.txt:2: "),
    ],
)
def test_what_nothing_can_be_learned_from_is_refused(slide, in_a_folder, content, sentence):
    (in_a_folder / "x.txt").write_text(content)
    code, out, err = slide("stats", "x.txt")
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1


def test_training_explains_the_recipe_first(slide, files):
    arguments = ["train", "test.txt", *CLI_QUICK, "--explain-recipe"]
    code, out, _ = slide(*arguments, "--model", "m")
    assert code == 0
    out = " ".join(out.split())
    assert out.index("which only networks with hidden layers have") < out.index("Model in m")
    code, out, _ = slide(*arguments, "--model", "n", "--json")
    assert code == 0
    reasons = {each["name"]: each for each in json.loads(out)["recipe"]["reasons"]}
    assert reasons["hidden"]["by"] == "said"
    assert reasons["K"]["value"] == json.loads(out)["config"]["K"]
    weights = [(files / name / "weights.safetensors").read_bytes() for name in "mn"]
    assert weights[0] == weights[1]


def test_huge_counts_fit(slide, in_a_folder):
    rows = np.array([0, 1, 2])
    line = "2147483645:1e30"
    (in_a_folder / "x.svm").write_text("".join(f"{7 * row} 5:1 {line}\n" for row in rows))
    code, out, _ = slide("stats", "x.svm")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    assert "2,147,483,646" in out
