"""`slide inspect` on a terminal of 80 columns, and as JSON."""

import json
from dataclasses import replace

import pytest
from small_models import N_FEATURES, N_LABELS, model, named_model

from slide.core.examples.counting import OneBased
from slide.core.examples.names import Names


@pytest.fixture
def place(in_a_folder, monkeypatch):
    """The present folder, with models."""
    monkeypatch.setenv("COLUMNS", "80")
    long = Names(f"[red]{'very ' * 30}long {i}" for i in range(N_FEATURES))
    tags = Names(f"\x1b[2J{'x' * 200}{i}" for i in range(N_LABELS))
    named_model("stacked").save("m")
    replace(model("solved"), one_based=OneBased.BOTH).save("counted")
    replace(named_model("hidden"), feature_names=long, label_names=tags).save("hidden")
    return in_a_folder


def told(slide, *arguments):
    """What is printed, if nothing is wrong."""
    code, out, err = slide("inspect", *arguments)
    assert (code, err) == (0, "")
    return out


def test_a_model_is_told_in_80_columns(slide, place):
    out = told(slide, "m")
    for said in ("linear SVMs (svm)", "66 units of labels", "holds ", "trained at", "layers=2",
                 "3 (tag 30, tag 31, tag 32)", "65 of features and 33 of labels"):  # fmt: skip
        assert said in out
    assert max(map(len, out.splitlines())) <= 80
    assert "frozen" not in out


def test_long_and_hostile_names_fit_and_are_shown_as_they_are(slide, place):
    for arguments in (["hidden"], ["hidden", "--label", f"\x1b[2J{'x' * 200}4"]):
        out = told(slide, *arguments)
        assert "\x1b" not in out
        if "--label" not in arguments:
            assert max(map(len, out.splitlines())) <= 80
    assert "by [red]very very" in out
    assert "unit " in out


def test_json_has_all_and_counts_as_the_files_do(slide, place):
    found = json.loads(told(slide, "counted", "--json", "--label", "5", "--n", "2"))
    expected = model("solved").inputs_of_label(4, 2)
    assert found["without_examples"]["labels"] == [31, 32, 33]
    assert found["label"]["label"] == 5
    assert [piece["features"][0] - 1 for piece in found["label"]["inputs"]] == [
        piece.features[0] for piece in expected.inputs
    ]
    assert found["config"]["cost"] == 0.3
    assert found["bytes"] == sum(path.stat().st_size for path in (place / "counted").iterdir())
    assert found["frozen"] is None


def test_a_frozen_model_says_so(slide, place):
    assert slide("freeze", "m", "f", "--dtype", "int8", "--keep", "0.5")[0] == 0
    assert "frozen, int8, 50% of the weights" in told(slide, "f")
    assert "scores high: " in told(slide, "f", "--label", "tag 4", "--n", "50")
    assert json.loads(told(slide, "f", "--json"))["frozen"] == {"dtype": "int8", "keep": 0.5}


def test_settings_that_training_chose_are_told(slide, place, run_folders):
    out = told(slide, run_folders / "solved")
    assert "layers=1 " in out
    assert "None" not in out
    chosen = json.loads(told(slide, run_folders / "solved", "--json"))["chosen"]
    assert chosen["layers"] == 1
    assert None not in chosen.values()
    assert "layers=2 " in told(slide, "m")  # as it was said
    assert "centroid=chosen" in told(slide, "m")  # no run left its records there


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["none"], "none is not a model folder"),
        (["counted", "--label", "tag"], "--label is 'tag': expected a number"),
        (["counted", "--label", "99"], "label is 98: expected one of the 33 labels"),
        (["m", "--label", "nobody"], "nobody"),
        (["m", "--label", "tag 4", "--n", "0"], "--n: expected a number greater than or equal to"),
    ],
)
def test_what_is_not_there_is_refused(slide, place, arguments, sentence):
    code, out, err = slide("inspect", *arguments)
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1
