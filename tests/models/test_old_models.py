"""Models that earlier versions wrote are read, and say what they said then."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pytest

from slide import Config, Model, load_backend, read
from slide.core.settings.config import BEFORE

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


def test_a_setting_that_a_model_lacks_is_what_format_2_had():
    """If a default changes, its field has to say what those models do: `metadata={BEFORE: ...}`."""
    recorded = json.loads((FORMAT_2 / "defaults.json").read_text())
    assert asdict(Config.from_dict({})) == asdict(Config.from_dict(recorded))
    assert Config.from_dict(asdict(Config(K=7, pairs=True))) == Config(K=7, pairs=True)


@dataclass(frozen=True, slots=True)
class Newer(Config):
    """Settings of a later version."""

    wings: int = 2
    feathers: str = field(default="blue", metadata={BEFORE: "none"})


def test_a_model_is_read_that_is_older_than_a_setting():
    older = asdict(Config(seed=3))
    newer = Newer.from_dict(older)
    assert (newer.seed, newer.wings, newer.feathers) == (3, 2, "none")
    assert Newer.from_dict(asdict(Newer(wings=1))) == Newer(wings=1)
