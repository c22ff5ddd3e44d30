"""`slide predict --proba` and `--threshold`, and `slide train --calibrate`."""

import json

import numpy as np
import pytest
from conftest import CLI_QUICK, planted

import slide as package
from slide.core.models.model import Model
from slide.data import read, write
from slide.reference.kernels import ReferenceBackend

SET = planted(300, 30)


@pytest.fixture(scope="module")
def solved(tmp_path_factory):
    """A calibrated model; nobody may change it."""
    config = package.recipe(SET, epochs=1, cost=0.3, idf_power=0.0)
    folder = tmp_path_factory.mktemp("solved")
    package.Trainer(config, ReferenceBackend()).fit(SET).save(folder / "m")
    write(planted(20, 30, seed=3), folder / "test.txt")
    return folder


@pytest.fixture
def answers(slide, solved):
    """Labels and numbers that `slide predict OPTIONS` prints, a list a line."""

    def ask(*options):
        code, out, err = slide(
            "predict", solved / "m", solved / "test.txt", "--backend", "reference", *options
        )
        assert (code, err) == (0, "")
        lines = [[pair.split(":") for pair in line.split()] for line in out.splitlines()]
        return [[(int(label), float(number)) for label, number in line] for line in lines]

    return ask


def test_probabilities_are_printed_in_place_of_logits(answers, solved):
    model = Model.load(solved / "m", ReferenceBackend())
    labels, probabilities = model.predict_proba(read(solved / "test.txt").x, 5)
    printed = answers("--proba")
    assert [[label for label, _ in line] for line in printed] == labels.tolist()
    numbers = [[number for _, number in line] for line in printed]
    np.testing.assert_allclose(numbers, probabilities, rtol=1e-5)
    logits = [[number for _, number in line] for line in answers()]
    np.testing.assert_allclose(logits, model.predict(read(solved / "test.txt").x)[1], rtol=1e-5)


def test_a_threshold_leaves_labels_that_are_likely(answers):
    likely = answers("--threshold", "0.3", "--k", "9")
    assert likely == [
        [pair for pair in line if pair[1] >= 0.3] for line in answers("--proba", "--k", "9")
    ]
    assert 20 <= sum(map(len, likely)) < 100
    assert answers("--threshold", "0.3", "--proba", "--k", "9") == likely
    assert answers("--threshold", "1") == [[]] * 20
    assert answers("--threshold", "0") == answers("--proba")
    assert max(map(len, answers("--threshold", "0", "--k", "2"))) == 2


@pytest.mark.parametrize("threshold", ["1.5", "-0.1", "nan"])
def test_what_is_no_probability_is_refused(slide, solved, threshold):
    code, out, err = slide("predict", solved / "m", "missing.txt", "--threshold", threshold)
    assert (code, out) == (2, "")
    assert err.startswith(f"slide: --threshold is {float(threshold)}: expected a number from 0 to")


@pytest.mark.filterwarnings("always::slide.core.models.probabilities.UncalibratedWarning")
def test_who_is_not_calibrated_says_so(slide, model):
    code, out, err = slide("predict", "m", "test.txt", "--proba", "--backend", "reference")
    assert code == 0
    assert err.startswith("slide: the model is not calibrated")
    assert err.count("\n") == 1
    assert all(0 <= float(pair.split(":")[1]) <= 1 for pair in out.split())


def test_a_run_is_calibrated_if_that_is_asked_for(slide, in_a_folder):
    write(SET, in_a_folder / "train.txt")
    train = "train", "train.txt", "--backend", "reference", "--json", *CLI_QUICK
    for folder, options, n in (("a", [], None), ("b", ["--calibrate"], 300)):
        code, out, err = slide(*train, "--model", folder, *options)
        assert (code, err) == (0, "")
        figures = json.loads(out)
        assert figures["calibrated_on"] == n
        assert (figures["calibration_error"] is None) == (n is None)
        assert figures["seconds_calibrate"] >= 0
        assert (in_a_folder / folder / "calibration.json").exists() == (n is not None)
    weights = [(in_a_folder / each / "weights.safetensors").read_bytes() for each in "ab"]
    assert weights[0] == weights[1]
