"""Names in a model folder: what is saved is what is loaded, and damage is a sentence."""

import json
import pickle

import numpy as np
import pytest
from conftest import csr_of
from quick_runs import QUICK

from slide.core.errors import ModelError
from slide.core.examples.dataset import Dataset
from slide.core.examples.names import Names
from slide.core.models.model import Model
from slide.core.runs.trainer import Trainer
from slide.reference.kernels import ReferenceBackend

BACKEND = ReferenceBackend()
X, Y = [{0: 1.0}, {1: 1.0}, {2: 2.0}], [{0: 1.0}, {1: 1.0}, {0: 1.0}]
FEATURES, LABELS = Names(["red", "green", "bl\u00fce\n"]), Names([7, "7"])


@pytest.fixture(scope="module")
def plain():
    return Trainer(QUICK, BACKEND).fit(Dataset(csr_of(X, 3), csr_of(Y, 2)))


@pytest.fixture
def model(plain):
    copy = pickle.loads(pickle.dumps(plain))
    copy.feature_names, copy.label_names = FEATURES, LABELS
    return copy


@pytest.fixture
def folder(model, tmp_path):
    model.save(tmp_path / "m")
    return tmp_path / "m"


def test_loaded_names_are_the_saved_ones(folder):
    loaded = Model.load(folder, BACKEND)
    assert loaded.feature_names == FEATURES
    assert loaded.label_names == LABELS
    assert loaded.label_names.of(loaded.predict(csr_of(X, 3), 2)[0][:1])[0]
    names = json.loads((folder / "names.json").read_text(encoding="utf-8"))
    assert names == {"features": list(FEATURES.values), "labels": list(LABELS.values)}


def test_a_copy_has_names(folder):
    copy = pickle.loads(pickle.dumps(Model.load(folder, BACKEND)))
    assert (copy.feature_names, copy.label_names) == (FEATURES, LABELS)


def test_one_side_may_have_no_names(model, tmp_path):
    model.feature_names = None
    model.save(tmp_path / "m")
    loaded = Model.load(tmp_path / "m", BACKEND)
    assert (loaded.feature_names, loaded.label_names) == (None, LABELS)


def test_a_model_without_names_is_written_as_before(plain, tmp_path):
    plain.save(tmp_path / "m")
    files = {path.name for path in (tmp_path / "m").iterdir()}
    assert files == {"config.json", "weights.safetensors"}
    assert "names" not in json.loads((tmp_path / "m" / "config.json").read_text())
    assert Model.load(tmp_path / "m", BACKEND).label_names is None


def test_names_are_those_of_the_folder_that_was_loaded(model, folder):
    loaded = Model.load(folder, BACKEND)
    model.label_names = Names(["other", "names"])
    model.save(folder, overwrite=True)
    assert loaded.label_names == LABELS
    assert Model.load(folder, BACKEND).label_names == model.label_names


@pytest.mark.parametrize("content", [
    "{", "[]", "{}", '{"labels": [7]}', '{"labels": [7, 7]}', '{"labels": {"a": 1}}',
    '{"labels": [7, null]}', '{"labels": [7, NaN]}', '{"labels": [7, "\\ud800"]}', "[" * 99999,
])  # fmt: skip
def test_damaged_names_are_a_sentence(folder, content):
    (folder / "names.json").write_text(content)
    names = Model.load(folder, BACKEND).label_names
    with pytest.raises(ModelError, match=r"names\.json is damaged .*train the model again"):
        names.of([0])


def test_missing_names_are_a_sentence(folder):
    (folder / "names.json").unlink()
    with pytest.raises(ModelError, match=r"names\.json cannot be read"):
        Model.load(folder, BACKEND)


@pytest.mark.parametrize("counts", [
    [3, 2], {"labels": 2}, {"features": 3, "labels": -2}, {"features": 3, "labels": True},
])  # fmt: skip
def test_nonsense_about_names_is_a_sentence(folder, counts):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"names": counts}))
    with pytest.raises(ModelError, match=r"names by what the folder says"):
        Model.load(folder, BACKEND)


@pytest.mark.parametrize(("side", "few"), [("label", ["one"]), ("feature", ["a", "b"])])
def test_too_few_names_are_neither_saved_nor_loaded(plain, tmp_path, side, few):
    model = pickle.loads(pickle.dumps(plain))
    setattr(model, f"{side}_names", Names(few))
    sentence = f"there are {len(few)} names of {side}s, but ids of {side}s up to {len(few)}"
    with pytest.raises(ModelError, match=sentence):
        model.save(tmp_path / "m")
    assert not (tmp_path / "m").exists()
    setattr(model, f"{side}_names", Names([*few, "last"]))
    model.save(tmp_path / "m")
    path = tmp_path / "m" / "config.json"
    text = path.read_text().replace(f'"{side}s": {len(few) + 1}', f'"{side}s": {len(few)}')
    path.write_text(text)
    with pytest.raises(ModelError, match=sentence):
        Model.load(tmp_path / "m", BACKEND)


def test_names_cover_raw_ids(plain, tmp_path):
    model = pickle.loads(pickle.dumps(plain))
    model.label_ids = np.array([1, 3], np.int32)
    model.label_names = Names(["a", "b", "c"])
    with pytest.raises(ModelError, match="up to 3"):
        model.save(tmp_path / "m")
    model.label_names = Names(["a", "b", "c", "d"])
    model.save(tmp_path / "m")
    named = Model.load(tmp_path / "m", BACKEND)
    assert set(named.label_names.of(named.predict(csr_of(X, 3), 2)[0][0])) == {"b", "d"}
