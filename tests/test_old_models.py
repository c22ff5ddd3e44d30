"""Models that earlier versions wrote are read, and say what they said then."""

from pathlib import Path

import numpy as np
import pytest

from slide import Model, load_backend, read

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
