"""Models that earlier versions wrote are read, and say what they said then."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from slide import Config, Model, load_backend, read
from slide.core.learners import kinds
from slide.core.learners.kinds import DIRECT
from slide.core.settings.setting import Part, fixed, newer, whole

FORMAT_2 = Path(__file__).parent / "format_2"
MODELS = sorted(path.parent.name for path in FORMAT_2.glob("*/config.json"))


def answers(text):
    """Ids and scores, as `slide predict` prints them."""
    pairs = [[one.split(":") for one in line.split()] for line in text.splitlines()]
    ids = np.array([[int(label) for label, _ in row] for row in pairs])
    return ids, np.array([[float(score) for _, score in row] for row in pairs])


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("backend", ["reference", "numba"])
def test_models_of_format_2_predict_as_they_did(name, backend):
    model = Model.load(FORMAT_2 / name, load_backend(backend))
    ids, scores = model.predict(read(FORMAT_2 / "test.txt").x)
    wanted_ids, wanted = answers((FORMAT_2 / name / "predictions.txt").read_text())
    assert len(MODELS) == 4
    assert np.allclose(scores, wanted, rtol=1e-4, atol=1e-5)
    assert (ids == wanted_ids).all()


@pytest.mark.parametrize("name", MODELS)
def test_their_settings_are_kept_and_written_anew(name, tmp_path):
    stored = json.loads((FORMAT_2 / name / "config.json").read_text())["config"]
    model = Model.load(FORMAT_2 / name, load_backend("reference"))
    settings = json.loads(json.dumps(model.config.flat()))
    assert {name: value for name, value in settings.items() if name in stored} == {
        name: value for name, value in stored.items() if name in settings
    }
    assert model.config.hidden == tuple(stored["hidden"])
    model.save(tmp_path / "model")
    assert Model.load(tmp_path / "model", load_backend("reference")).config == model.config


def test_a_setting_that_a_model_lacks_is_what_format_2_had():
    """If a default changes, its field has to say what those models do (`newer`)."""
    recorded = json.loads((FORMAT_2 / "defaults.json").read_text())
    for hidden in ([256], []):
        said = {"hidden": hidden}
        if not hidden:
            said |= {"sampler": "index", "scope": "example", "optimizer": "adagrad"}
        assert Config.from_dict(said) == Config.from_dict(recorded | said)


@dataclass(frozen=True, slots=True)
class Newer(Part):
    """Settings of a later version of direct connections, which have two more."""

    title: ClassVar[str] = "Newer"

    hidden: tuple[int, ...] = fixed((), "")
    connections: int = whole(50, 1, 99, "")
    wings: int = whole(2, 0, 9, "")
    legs: int = newer(6, whole(4, 0, 9, ""))


def test_a_model_is_read_that_is_older_than_a_setting(monkeypatch):
    older = {"connections": 30, "seed": 3, "hidden": []}
    newer = replace(DIRECT, name="newer", settings=Newer)
    monkeypatch.setattr(kinds, "KINDS", (kinds.SAMPLED, newer))
    config = Config.from_dict(older, "newer")
    assert (config.seed, config.connections, config.wings, config.legs) == (3, 30, 2, 6)
    fresh = Config(hidden=())
    assert (fresh.wings, fresh.legs) == (2, 4)
    assert Config.from_dict(fresh.flat(), "newer") == fresh
