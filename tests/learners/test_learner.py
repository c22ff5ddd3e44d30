"""The protocol of learners: a third one trains, is evaluated, stored and searched like the two."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from conftest import planted
from toy_learner import POPULARITY

import slide
from slide.core.errors import ConfigError, ModelError
from slide.core.learners import kinds as learners
from slide.core.learners.config import Config
from slide.core.models.model import Model
from slide.core.runs import refusals
from slide.core.runs.trainer import Trainer
from slide.data import write


@pytest.fixture
def config(monkeypatch):
    """Settings of the third learner, which is one of the kinds as long as a test lasts."""
    monkeypatch.setattr(learners, "KINDS", (*learners.KINDS, POPULARITY))
    return Config(head_start=0.5, epochs=1, batch_size=50)


@pytest.fixture(scope="module")
def data():
    return planted(300, 40)


def test_a_third_learner_is_trained_and_evaluated(config, backend, data):
    trainer = Trainer(config, backend)
    model = trainer.fit(data, data)
    counts = data.y.positive().column_counts()
    ids, scores = model.predict(data.x, 3)
    assert ids[7].tolist() == np.argsort(-counts, kind="stable")[:3].tolist()
    assert scores[7].tolist() == (0.5 + np.sort(counts)[::-1][:3]).tolist()
    assert trainer.step == 6
    with_most = data.y.positive().column_counts().max() / data.n_samples
    assert model.evaluate(data)["precision_at_1"] == pytest.approx(with_most)
    assert model.evaluate(data, sampled=True)["recall_at_5"] == 1


def test_it_is_stored_and_read(config, backend, data, tmp_path):
    model = Trainer(config, backend).fit(data)
    model.save(tmp_path / "model")
    again = Model.load(tmp_path / "model", backend)
    np.testing.assert_array_equal(again.predict(data.x, 5)[1], model.predict(data.x, 5)[1])
    model.label_counts = model.label_counts[1:]
    model.save(tmp_path / "model", overwrite=True)
    with pytest.raises(ModelError, match=r"does not fit its config\.json"):
        Model.load(tmp_path / "model", backend)


@pytest.mark.parametrize("name", ["numba", "processes"])
def test_other_backends_train_it(config, data, name):
    expected = Trainer(config, slide.load_backend("reference")).fit(data).predict(data.x, 5)
    found = Trainer(config, slide.load_backend(name)).fit(data).predict(data.x, 5)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_command_line_trains_it(config, slide, data, tmp_path):
    train, model = tmp_path / "train.txt", tmp_path / "model"
    write(data, train)
    said = "head_start=0.25"
    code, out, _ = slide("train", train, "--set", said, "--model", model, "--json")
    assert (code, json.loads(out)["config"]["head_start"]) == (0, 0.25)
    assert json.loads((model / "config.json").read_text())["learner"] == "popularity"
    code, out, _ = slide("predict", model, train, "--k", "1")
    best = int(np.argmax(data.y.positive().column_counts()))
    assert (code, len(out.splitlines())) == (0, data.n_samples)
    assert all(line.startswith(f"{best}:") for line in out.splitlines())


def test_what_is_too_large_is_said_by_the_kind(config, backend, data, monkeypatch):
    monkeypatch.setattr(refusals, "memory", lambda: 10)
    with pytest.raises(ConfigError, match=r"^40 counts take 0\.0 GiB, .*: count fewer labels$"):
        Trainer(config, backend).fit(data)


def test_the_settings_say_which_learner():
    assert learners.kind_of(Config(connections=3)) is learners.DIRECT
    assert learners.kind_of(Config(hidden=(4,))) is learners.SAMPLED
    assert learners.kind_of(Config(lr=0.1)) is learners.SAMPLED
    with pytest.raises(ConfigError, match="unknown setting 'head_start'"):
        Config(head_start=0.5)


def test_nobody_but_the_registry_tells_learners_apart():
    kinds = r"isinstance\([^)]*(SampledRun|DirectRun|Network|Direct)\b"
    union = r"(?<!\w)(SampledRun \| DirectRun|Network \| Direct)\b"
    for path in (Path(slide.__file__).parent).rglob("*.py"):
        assert not re.search(f"{kinds}|{union}", path.read_text()), path
