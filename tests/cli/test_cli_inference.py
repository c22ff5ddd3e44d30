"""`slide evaluate`, `predict` and `convert` agree with each other, and with what training said."""

import json

import numpy as np
import pytest
from conftest import CLI_QUICK

from slide.backends import load as load_backend
from slide.core.errors import ConfigError
from slide.core.examples.metrics import recall_at
from slide.core.models.model import Model
from slide.data import read


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


def test_evaluate_and_predict_agree_with_train(files, slide, test_set):
    _, out, _ = slide(
        "train", "train.txt.gz", "--valid", "test.txt", "--model", "m", "--json", *CLI_QUICK
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


def test_sampled_evaluation_reports_recall(model, slide, test_set):
    code, out, _ = slide("evaluate", "m", "test.txt", "--sampled", "--json")
    assert code == 0
    scores = json.loads(out)
    assert 0 < scores["recall_at_5"] <= 1
    code, out, _ = slide("evaluate", "m", "test.txt", "--sampled")
    assert code == 0
    rows = ["P", "nDCG", "PSP", "HR", "MRR", "RP", "MAP", "recall", "head", "torso", "tail"]
    assert [line.split()[0] for line in out.splitlines()[1:]] == [*rows, "coverage", "of"]
    assert f"{100 * scores['recall_at_5']:.2f}%" in out.splitlines()[-1]
    computed = Model.load("m", load_backend("reference"))
    ids, exact = (computed.predict(test_set.x, 5, sampled)[0] for sampled in (True, False))
    assert scores["recall_at_5"] == recall_at(ids, exact, 5)
    assert f"{100 * scores['label_recall_at_5']:.2f}%" in out.splitlines()[8]


def test_depths_can_be_chosen(model, slide, test_set):
    code, out, _ = slide("evaluate", "m", "test.txt", "--at", "20,1, 10,5,10,1000", "--json")
    scores = json.loads(out)
    assert code == 0
    assert {name.rpartition("_")[2] for name in scores if "_at_" in name} == {
        "1", "5", "10", "20", "1000",
    }  # fmt: skip
    recall = [scores[f"label_recall_at_{k}"] for k in (1, 10, 1000)]
    assert recall[0] < recall[1] < recall[2] == 1
    assert scores["r_precision_at_1"] == scores["precision_at_1"] == scores["mrr_at_1"]
    n_pairs = test_set.n_samples * 1000
    assert scores["precision_at_1000"] == pytest.approx(test_set.y.nnz / n_pairs)
    table = slide("evaluate", "m", "test.txt", "--at", "20,1,10,5")[1].splitlines()
    assert table[0].split() == ["k=1", "k=5", "k=10", "k=20"]
    for name, line in {
        "hit_rate": 4,
        "mrr": 5,
        "map": 7,
        "label_recall": 8,
        "tail_recall": 11,
        "coverage": 12,
    }.items():
        assert table[line].split()[-1] == f"{100 * scores[f'{name}_at_20']:.2f}%"


def test_a_table_of_many_depths_fits_a_terminal(model, slide):
    _, out, _ = slide("evaluate", "m", "test.txt", "--at", ",".join(map(str, range(1, 21))))
    assert max(map(len, out.splitlines())) <= 80
    assert len(out.splitlines()) == 3 * 13


@pytest.mark.parametrize("at", ["", "0", "1,x", "-1", "1.5", "1,,2", "99999999999"])
def test_depths_that_are_none_are_refused(model, slide, at):
    code, out, err = slide("evaluate", "m", "test.txt", "--at", at)
    assert (code, out) == (2, "")
    assert err.startswith(f"slide: --at is {at!r}: expected whole numbers from 1 on")


@pytest.mark.parametrize("at", [[], [0], [True], ["5"], [1.0]])
def test_depths_are_checked_in_python(trained, test_set, at):
    with pytest.raises(ConfigError, match="depth"):
        Model.load(trained, load_backend("reference")).evaluate(test_set, at=at)


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
