"""Folders of frozen models: whole or not there, and refused in a sentence when damaged."""

import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from served_models import TEST, model_of

from slide import Model, ModelError, Predictor
from slide.core.contract.families import draw_family
from slide.serving import folder as folders
from slide.serving.layers import are_hash_places
from slide.serving.mapped import map_arrays

ARRAYS, CONFIG = "arrays.safetensors", "config.json"


@pytest.fixture(scope="module", params=["svm", "svm int8", "hidden", "hidden int8"])
def whole(request, tmp_path_factory):
    kind, _, dtype = request.param.partition(" ")
    folder = tmp_path_factory.mktemp("frozen") / "p"
    model_of(kind).freeze(folder, dtype or "float32")
    return folder


@pytest.fixture
def folder(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "p")


def cut(n):
    """A damage: all but so many bytes of the arrays are lost."""

    def damage(folder):
        data = (folder / ARRAYS).read_bytes()
        (folder / ARRAYS).write_bytes(data[: n if n >= 0 else len(data) + n])

    return damage


def longer(folder):
    """A damage: a byte more."""
    with (folder / ARRAYS).open("ab") as file:
        file.write(b"x")


def rewritten(change):
    """A damage: other arrays."""

    def damage(folder):
        arrays = load_file(folder / ARRAYS)
        change(arrays)
        save_file(arrays, folder / ARRAYS)

    return damage


def said(change):
    """A damage: another description."""

    def damage(folder):
        description = json.loads((folder / CONFIG).read_text())
        change(description)
        (folder / CONFIG).write_text(json.dumps(description))

    return damage


def in_header(old, new):
    """A damage: the header of the arrays says something else."""

    def damage(folder):
        data = (folder / ARRAYS).read_bytes()
        assert data.count(old, 0, 5000) >= 1
        (folder / ARRAYS).write_bytes(data.replace(old, new, 1))

    return damage


def shorter(name):
    """A damage: an array lacks its last row."""
    return rewritten(lambda arrays: arrays.update({name: arrays[name][:-1].copy()}))


DAMAGES = {
    "no arrays": (lambda folder: (folder / ARRAYS).unlink(), "cannot read .*: No such file"),
    "empty": (cut(0), "it has 0 bytes and no whole header"),
    "three bytes": (cut(3), "it has 3 bytes and no whole header"),
    "half a header": (cut(60), "it has 60 bytes and no whole header"),
    "a byte less": (cut(-1), r"it has \d+ bytes: expected \d+"),
    "a byte more": (longer, r"it has \d+ bytes: expected \d+"),
    "no JSON": (in_header(b'{"', b'"{'), "is damaged"),
    "a dtype": (in_header(b'"I64"', b'"I65"'), "lacks 'I65'"),
    "another dtype": (in_header(b'"I32"', b'"F32"'), "expected int32"),
    "a place": (in_header(b'"data_offsets":[0,', b'"data_offsets":[8,'), "an array of"),
    "counts": (shorter("label_counts"), "label_counts has the shape"),
    "an array less": (rewritten(lambda arrays: arrays.pop("label_counts")), "lacks 'label_counts'"),
    "no config": (lambda folder: (folder / CONFIG).unlink(), "is not a frozen model"),
    "config no JSON": (lambda folder: (folder / CONFIG).write_text("{"), "config.json is damaged"),
    "version": (said(lambda it: it.update(version=2)), "has version 2: this slide reads version 1"),
    "format": (said(lambda it: it.update(format="x")), "is not of a frozen model"),
    "learner": (said(lambda it: it.update(learner="toy")), "toy"),
    "no engine": (said(lambda it: it.pop("engine")), "lacks 'engine'"),
    "settings": (said(lambda it: it["config"].update(epochs=-1)), "epochs is -1"),
}  # fmt: skip
OF_KIND = {
    "svm": ["offsets", "ids", "values", "base", "biases", "label_inputs", "input_weights",
            "by_bias", "label_indptr", "label_weights"],
    "svm int8": ["offsets", "ids", "codes", "scales", "biases_of_labels"],
    "hidden": ["output", "tables.1.offsets", "tables.1.ids", "tables.1.family.1"],
    "hidden int8": ["output", "output_scales", "output_biases"],
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_refused_in_a_sentence(folder, name):
    damage, sentence = DAMAGES[name]
    damage(folder)
    with pytest.raises(ModelError, match=sentence) as caught:
        Predictor.load(folder)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "name"),
    [("svm", "offsets"), ("svm", "label_indptr"), ("hidden", "tables.1.offsets")],
)
@pytest.mark.parametrize("place", [0, 5, -1])
def test_lists_that_do_not_follow_on_each_other_are_refused(kind, name, place, tmp_path):
    model_of(kind).freeze(tmp_path / "p")
    rewritten(lambda arrays: arrays[name].__setitem__(place, 1 << 40))(tmp_path / "p")
    with pytest.raises(ModelError, match="fit"):
        Predictor.load(tmp_path / "p")


@pytest.mark.parametrize(("kind", "name"), [(k, name) for k in OF_KIND for name in OF_KIND[k]])
def test_arrays_that_do_not_fit_are_refused(kind, name, tmp_path):
    kind, _, dtype = kind.partition(" ")
    model_of(kind).freeze(tmp_path / "p", dtype or "float32")
    shorter(name)(tmp_path / "p")
    with pytest.raises(ModelError, match="is damaged"):
        Predictor.load(tmp_path / "p")


def test_a_byte_that_changed_is_found_by_a_full_check(folder):
    Predictor.load(folder, check=True)
    data = bytearray((folder / ARRAYS).read_bytes())
    data[-5] ^= 1
    (folder / ARRAYS).write_bytes(data)
    Predictor.load(folder)
    with pytest.raises(ModelError, match="its bytes are not those that were written"):
        Predictor.load(folder, check=True)


def test_what_exists_is_not_replaced(folder):
    before = (folder / ARRAYS).read_bytes()
    with pytest.raises(ModelError, match="exists: choose another folder"):
        model_of("svm").freeze(folder)
    assert (folder / ARRAYS).read_bytes() == before


def test_a_frozen_model_is_replaced_under_those_who_answer_by_it(folder):
    one = Predictor.load(folder)
    before = one.predict(TEST.x)
    model_of("direct").freeze(folder, overwrite=True)
    for got, expected in zip(one.predict(TEST.x), before, strict=True):
        np.testing.assert_array_equal(got, expected)
    expected = model_of("direct").freeze().predict(TEST.x)
    np.testing.assert_array_equal(Predictor.load(folder, check=True).predict(TEST.x), expected)
    assert [path.name for path in folder.parent.iterdir()] == ["p"]


@pytest.mark.parametrize(
    ("also", "sentence"),
    [("notes.txt", r"also holds notes\.txt"), ("config.json", "p is no frozen model")],
)
def test_only_frozen_models_are_replaced(folder, also, sentence):
    (folder / also).write_text("{}")
    before = sorted(path.read_bytes() for path in folder.iterdir())
    with pytest.raises(ModelError, match=sentence):
        model_of("svm").freeze(folder, overwrite=True)
    assert sorted(path.read_bytes() for path in folder.iterdir()) == before


def test_nothing_is_left_of_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    def full(arrays, path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folders, "save_file", full)
    with pytest.raises(ModelError, match=r"cannot write the frozen model.*No space left"):
        model_of("svm").freeze(tmp_path / "of" / "p")
    assert list(tmp_path.iterdir()) == []


def test_either_folder_is_told_from_the_other(folder, tmp_path):
    with pytest.raises(ModelError, match=r"is a frozen model, which only answers: load it by"):
        Model.load(folder)
    model_of("svm").save(tmp_path / "m")
    with pytest.raises(ModelError, match=r"is not of a frozen model.*`slide freeze` makes of"):
        Predictor.load(tmp_path / "m")
    assert folders.is_frozen(folder)
    assert not folders.is_frozen(tmp_path / "m")


def test_arrays_are_mapped_as_they_were_saved(tmp_path):
    arrays = {
        "empty": np.zeros((3, 0), np.float32), "flags": np.array([True, False]),
        "halves": np.float16([1.5, -2]), "scalar": np.array(7, np.int64),
        "codes": np.arange(6, dtype=np.int8).reshape(2, 3), "keys": np.uint64([1 << 63]),
    }  # fmt: skip
    save_file(arrays, tmp_path / "a", metadata={"by": "a test"})
    for name, array in map_arrays(tmp_path / "a").items():
        np.testing.assert_array_equal(array, arrays[name], strict=True)
        assert not array.flags.writeable
    assert len(map_arrays(tmp_path / "a")) == len(arrays)


def test_the_files_may_be_read_by_whoever_reads_the_folder(folder):
    assert (folder / ARRAYS).stat().st_mode == (folder / CONFIG).stat().st_mode


INDICES = {
    "svm": ["ids", "label_inputs", "by_bias"],
    "svm int8": ["ids", "by_bias"],
    "hidden": ["tables.1.ids"],
    "hidden int8": ["tables.1.ids"],
}


@pytest.mark.parametrize(("kind", "name"), [(k, name) for k in INDICES for name in INDICES[k]])
@pytest.mark.parametrize("wrong", [0x7FFFFFFF, -1, 4096])
def test_ids_that_lead_out_of_an_array_are_refused(kind, name, wrong, tmp_path):
    """Kernels follow them without looking, and would end the process."""
    kind, _, dtype = kind.partition(" ")
    model_of(kind).freeze(tmp_path / "p", dtype or "float32")
    rewritten(lambda arrays: arrays[name].__setitem__(7, wrong))(tmp_path / "p")
    with pytest.raises(ModelError, match=rf"is damaged \(.*ids.* from .*{wrong}.*expected 0 to"):
        Predictor.load(tmp_path / "p")


def test_ids_that_do_not_ascend_are_refused(tmp_path):
    """Of more than 65,536 labels those would lead below the totals of a run."""
    model_of("svm").freeze(tmp_path / "p", "int8")

    def swap(arrays):
        start = int(np.flatnonzero(np.diff(arrays["offsets"]) > 1)[0])
        first = int(arrays["offsets"][start])
        arrays["ids"][[first, first + 1]] = arrays["ids"][[first + 1, first]]

    rewritten(swap)(tmp_path / "p")
    with pytest.raises(ModelError, match="ids do not ascend within their lists"):
        Predictor.load(tmp_path / "p")


@pytest.mark.parametrize("name", ["positions", "first", "stride"])
@pytest.mark.parametrize("wrong", [0x7FFFFFFF, -1, 4096])
def test_hash_functions_that_look_elsewhere_are_refused(name, wrong):
    family = draw_family("dwta", 32, 2, 4, 64, np.random.default_rng(0))
    getattr(family, name).flat[3] = wrong
    with pytest.raises(ValueError, match="of hash functions has ids from"):
        are_hash_places(family)
