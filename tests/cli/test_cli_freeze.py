"""`slide freeze`, and the commands that take what it wrote."""

import json

import pytest


def test_frozen_models_answer_as_models_do(model, slide):
    code, out, err = slide("freeze", "m", "frozen")
    assert (code, err) == (0, "")
    assert out.startswith("frozen: 150 labels, float32, 0.")
    for command in (["predict"], ["predict", "--sampled", "--k", "2"], ["evaluate", "--json"]):
        name, *options = command
        expected = slide(name, "m", "test.txt", *options)
        assert expected[0] == 0
        assert slide(name, "frozen", "test.txt", *options) == expected


def test_a_frozen_model_is_replaced_if_that_is_asked_for(model, slide):
    assert slide("freeze", "m", "frozen")[0] == 0
    assert slide("freeze", "m", "frozen")[2].endswith("or replace one by --overwrite\n")
    code, out, _ = slide("freeze", "m", "frozen", "--dtype", "int8", "--overwrite")
    assert (code, out[:26]) == (0, "frozen: 150 labels, int8, ")


def test_direct_connections_in_few_bits(files, slide):
    slide("train", "train.txt.gz", "--model", "d", "--quiet", "--lr", "2", "--epochs", "1")
    code, out, _ = slide("freeze", "d", "small", "--dtype", "int8", "--keep", "0.9")
    assert code == 0
    assert "int8" in out
    code, out, _ = slide("evaluate", "small", "test.txt", "--json", "--threads", "2")
    assert code == 0
    assert json.loads(out)["precision_at_1"] > 0.8
    code, _, err = slide("predict", "small", "test.txt", "--sampled")
    assert (code, err[:55]) == (2, "slide: the frozen model has direct connections, and no ")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["freeze", "none", "x"], "none is not a model folder"),
        (["freeze", "m", "m"], "m exists: choose another folder for the frozen model"),
        (["freeze", "m", "m", "--overwrite"], "m is no frozen model: --overwrite only replaces"),
        (["freeze", "m", "x", "--dtype", "int4"], "--dtype is 'int4': expected one of float32"),
        (["freeze", "m", "x", "--keep", "0.5"], "--keep is 0.5, but the weights of hidden layers"),
        (["freeze", "m", "x", "--keep", "2"], "--keep is 2.0: expected a number from"),
        (["freeze", "frozen", "x"], "frozen is a frozen model, which only answers"),
        (["predict", "frozen", "test.txt", "--backend", "reference"], "--backend is 'reference'"),
        (["predict", "frozen", "test.txt", "--sampled", "--L", "3"], "got --L, but the tables of"),
        (["evaluate", "frozen", "test.txt", "--sampled", "--insert", "train.txt.gz"],
         "got --insert, but the tables of a frozen model are made"),
    ],
)  # fmt: skip
def test_refusals(model, slide, arguments, sentence):
    if "frozen" in arguments:
        slide("freeze", "m", "frozen")
    code, out, err = slide(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"slide: {sentence}")
    assert err.count("\n") == 1
    assert not (model.parent / "x").exists()
