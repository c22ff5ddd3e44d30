"""An ONNX file answers as exact inference does, by onnxruntime, which shares no code with us."""

import json
import sys
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnxruntime import InferenceSession
from small_models import (
    HIDDEN,
    N_FEATURES,
    N_LABELS,
    N_SEEN,
    model,
    named_model,
    others,
    raw,
    raw_model,
)

import slide
from slide.core.errors import ConfigError, ModelError
from slide.core.learner import LAST


def session(one, path):
    """What runs the file of a model."""
    one.to_onnx(path)
    onnx.checker.check_model(onnx.load(path), full_check=True)
    return InferenceSession(path, providers=["CPUExecutionProvider"])


def rows():
    """Dense examples: ordinary ones, an empty one, and very large and very small values."""
    x = others().dense()
    return np.concatenate([x, 1e30 * x[:3], 1e-30 * x[:3]]).astype(np.float32)


@pytest.mark.parametrize("name", HIDDEN)
def test_it_answers_as_exact_inference_does(name, tmp_path):
    one = model(name)
    ran = session(one, tmp_path / "m.onnx")
    x = rows()
    for some in (x, x[:1], x[7:9]):
        for k in (1, 6, N_LABELS, 999):
            expected, logits = one.predict(some, k)
            ids, scores, _ = ran.run(None, {"features": some, "k": np.array([k])})
            np.testing.assert_array_equal(ids, expected)
            np.testing.assert_allclose(scores, logits, rtol=1e-4, atol=1e-5)
            assert (scores[:, N_SEEN:] == LAST).all()


def test_logits_are_those_of_all_labels_and_nothing_is_warned_of(tmp_path, capfd):
    one, x = model("hidden"), rows()
    asked = {"features": x, "k": np.array([5])}
    ids, scores, logits = session(one, tmp_path / "m.onnx").run(None, asked)
    assert logits.shape == (len(x), N_LABELS)
    np.testing.assert_array_equal(ids, one.predict(x, 5)[0])
    np.testing.assert_array_equal(np.take_along_axis(logits, ids, 1), scores)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", HIDDEN)
def test_raw_ids_are_named_as_they_came(name, tmp_path):
    one = raw_model(name)
    path = tmp_path / "m.onnx"
    ran = session(one, path)
    said = properties(path)
    assert json.loads(said["feature_ids"]) == one.feature_ids.tolist()
    columns = np.searchsorted(raw(N_FEATURES), one.feature_ids)  # of the small ids
    x = others().dense()
    ids, scores, _ = ran.run(None, {"features": x[:, columns], "k": np.array([5])})
    from small_models import with_raw_ids

    expected, logits = one.predict(with_raw_ids(others()), 5)
    np.testing.assert_array_equal(ids, expected)
    np.testing.assert_allclose(scores, logits, rtol=1e-4, atol=1e-5)
    assert {*ids.ravel().tolist()} <= {*raw(N_SEEN).tolist()}


def properties(path):
    """The metadata, by name."""
    return {each.key: each.value for each in onnx.load(path).metadata_props}


def test_it_says_what_it_is(tmp_path):
    path = tmp_path / "m.onnx"
    one = replace(named_model("hidden"), trained_on="a file")
    one.to_onnx(str(path))
    said = properties(path)
    assert said.pop("label_names") == json.dumps([f"tag {i}" for i in range(N_LABELS)])
    assert said.pop("feature_names") == json.dumps([f"word {i}" for i in range(N_FEATURES)])
    assert said == {"slide_version": slide.__version__, "learner": "sampled",
                    "trained_on": "a file", "one_based": "none"}  # fmt: skip
    loaded = onnx.load(path)
    assert (loaded.producer_name, loaded.producer_version) == ("slide", slide.__version__)
    assert {*properties_of(model("hidden"), tmp_path)} == {*said}


def properties_of(one, folder):
    """The metadata of a model without names."""
    one.to_onnx(folder / "other.onnx")
    return properties(folder / "other.onnx")


def test_nothing_is_overwritten_nor_half_written(tmp_path):
    path = tmp_path / "m.onnx"
    path.write_text("mine")
    with pytest.raises(ModelError, match="exists and is not overwritten"):
        model("hidden").to_onnx(path)
    assert path.read_text() == "mine"
    with pytest.raises(ModelError, match="cannot write"):
        model("hidden").to_onnx(tmp_path / "nowhere" / "m.onnx")
    assert [*tmp_path.iterdir()] == [path]


def test_what_cannot_be_written_is_a_sentence(tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="no hidden layers"):
        model("solved").to_onnx(tmp_path / "m.onnx")
    n_bytes = 4 * ((N_FEATURES + 1) * 8 + 9 * N_LABELS)
    monkeypatch.setattr("slide.core.models.onnx_file.MOST_BYTES", n_bytes - 1)
    with pytest.raises(ConfigError, match=r"the weights take 0\.0 GB"):
        model("hidden").to_onnx(tmp_path / "m.onnx")
    monkeypatch.setattr("slide.core.models.onnx_file.MOST_BYTES", n_bytes)
    model("hidden").to_onnx(tmp_path / "m.onnx")
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ConfigError, match=r"pip install 'slide-engine\[onnx\]'"):
        model("hidden").to_onnx(tmp_path / "other.onnx")
