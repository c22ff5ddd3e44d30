"""Models on disk and in use: what is saved is what is loaded, damage is a sentence."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from conftest import csr_of, widened
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from slide.core.contract.arrays import Block
from slide.core.errors import ConfigError, ModelError
from slide.core.examples.dataset import Dataset
from slide.core.learners.config import Config
from slide.core.models.folder import staged
from slide.core.models.model import Model
from slide.core.runs.trainer import Trainer
from slide.core.sampled.layers import SampledLayer
from slide.reference.kernels import ReferenceBackend

BACKEND = ReferenceBackend()


@pytest.fixture(scope="module")
def model(train_set):
    config = Config(
        hidden=(32,), epochs=3, batch_size=64, active=40, K=5, L=8, lr=0.02, dropout=0.2
    )
    return Trainer(config, BACKEND).fit(train_set)


@pytest.fixture
def folder(model, tmp_path):
    model.save(tmp_path / "m")
    return tmp_path / "m"


def test_a_loaded_model_is_the_saved_one(model, folder, test_set):
    loaded = Model.load(folder, BACKEND)
    assert loaded.config == model.config
    assert loaded.n_samples == model.n_samples
    for sampled in (False, True):
        for one, other in zip(
            model.predict(test_set.x, 3, sampled), loaded.predict(test_set.x, 3, sampled),
            strict=True,
        ):  # fmt: skip
            np.testing.assert_array_equal(one, other)
    assert loaded.evaluate(test_set) == model.evaluate(test_set)


@pytest.mark.parametrize("active", [(), (0, 20), (30, 0)])
def test_deeper_models_are_saved_too(train_set, test_set, tmp_path, active):
    config = Config(hidden=(40, 32), hidden_active=active, epochs=1, batch_size=64, active=40, K=5)
    deep = Trainer(config, BACKEND).fit(train_set)
    deep.save(tmp_path / "m")
    loaded = Model.load(tmp_path / "m", BACKEND)
    assert loaded.config == deep.config
    assert loaded.evaluate(test_set, sampled=True) == deep.evaluate(test_set, sampled=True)
    edit_config(tmp_path / "m", hidden_active=[1, 1])
    with pytest.raises(ModelError, match="does not fit"):
        Model.load(tmp_path / "m", BACKEND)


def test_predictions_come_in_the_order_of_the_examples(model, test_set, monkeypatch):
    ids, logits = model.predict(test_set.x, 4)
    assert (np.diff(logits, axis=1) <= 0).all()
    monkeypatch.setattr("slide.core.models.model.EXAMPLES_AT_A_TIME", 7)
    again, _ = model.predict(test_set.x, 4)
    np.testing.assert_array_equal(ids, again)


def test_sampled_inference_finds_what_exact_does(model, test_set):
    scores = model.evaluate(test_set, sampled=True)
    exact = model.evaluate(test_set)
    assert set(scores) - set(exact) == {"recall_at_1", "recall_at_3", "recall_at_5"}
    assert scores["recall_at_1"] > 0.95
    assert scores["precision_at_1"] > exact["precision_at_1"] - 0.05


def test_sampled_inference_looks_at_no_others(model, test_set):
    """With next to no candidates the top k is shorter than k, and says so."""
    short = Model(model.config, model.network, BACKEND, model.label_counts, model.n_samples)
    short.predict(test_set.x, 1, sampled=True)
    object.__setattr__(short.retrieving.retrieval.layers[-1].query, "budget", 2)
    ids, logits = short.predict(test_set.x, 5, sampled=True)
    assert ((ids >= 0).sum(axis=1) <= 2).all()
    assert (logits[ids < 0] == -np.inf).all()


@pytest.mark.parametrize("k", [0, -1, 2.0, True, "5", None, np.float64(3)])
def test_k_out_of_range(model, test_set, k):
    words = f"k is {re.escape(repr(k))}: expected a whole number from 1 on"
    with pytest.raises(ConfigError, match=words):
        model.predict(test_set.x, k)


def test_a_larger_k_gives_all_labels(model, test_set):
    """One rule wherever there is a k; the others are held to it in their own rooms."""
    for expected, got in zip(
        model.predict(test_set.x, 150), model.predict(test_set.x, 1 << 40), strict=True
    ):
        np.testing.assert_array_equal(got, expected)


def test_k_may_be_a_number_of_numpy(model, test_set):
    ids, _ = model.predict(test_set.x, np.uint8(3))
    np.testing.assert_array_equal(ids, model.predict(test_set.x, 3)[0])


def test_columns_that_are_declared_and_empty_are_nothing(model, test_set):
    wide = widened(test_set, 999, 999)
    np.testing.assert_array_equal(model.predict(wide.x)[0], model.predict(test_set.x)[0])
    assert model.evaluate(wide) == model.evaluate(test_set)


def test_dense_features_of_another_number_are_refused(model):
    x = Block.of(np.ones((2, 999), np.float32))
    with pytest.raises(ModelError, match="999 features, but the model was trained on 300"):
        model.predict(x)
    with pytest.raises(ModelError, match="999 features"):
        model.evaluate(Dataset(x, csr_of([{}, {}], 150)))


def test_few_labels_are_evaluated_without_error(train_set):
    config = Config(hidden=(4,), epochs=1, K=2, L=2)
    few = train_set.take(np.arange(50))
    tiny = type(few)(few.x, few.y.with_values(few.y.values))
    labels = tiny.y.indices % 2
    one = type(tiny.y)(np.arange(51), labels[:50].astype(np.int32), np.ones(50, np.float32), 2)
    scores = Trainer(config, BACKEND).fit(type(few)(few.x, one)).evaluate(type(few)(few.x, one))
    assert 0 <= scores["precision_at_5"] <= 0.2  # one label in five places at best


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: (f / "config.json").unlink(), "not a model folder"),
        (lambda f: (f / "config.json").write_text("{"), "damaged"),
        (lambda f: (f / "config.json").write_bytes(b"\xff\xfe"), "damaged"),
        (lambda f: (f / "config.json").write_text("[]"), "not of a model"),
        (lambda f: edit(f, version=1), "version 1: this slide reads versions 2, 3, 4 and 5"),
        (lambda f: edit(f, version=6), "version 6"),
        (lambda f: edit(f, config=None), "damaged"),
        (lambda f: edit(f, n_samples="many"), "damaged"),
        (lambda f: edit_config(f, hidden=[0]), "damaged .hidden is 0"),
        (
            lambda f: edit_config(f, wings=2),
            r"does not know \(wings\): the model is of a later",
        ),
        (lambda f: edit(f, config={}), "does not fit its config.json"),
        (lambda f: edit(f, config=[]), r"damaged \(config is \[\]: expected settings by name"),
        (lambda f: edit(f, learner=None), r"damaged \(learner is 'None': expected one"),
        (
            lambda f: edit(f, learner="direct"),
            r"damaged \(\w+ is no setting of direct connections",
        ),
        (lambda f: edit(f, version=2, learner=None, config={}), "damaged .hidden is not there"),
        (lambda f: edit(f, version=3.0), "has version 3.0"),
        (lambda f: edit(f, version=True), "has version True"),
        (lambda f: edit(f, n_samples=0), "n_samples is 0"),
        (lambda f: edit(f, n_samples=float("inf")), "n_samples is inf"),
        (lambda f: (f / "config.json").write_text("[" * 100_000), "damaged"),
        (lambda f: edit_config(f, hidden=[64]), "does not fit its config.json"),
        (lambda f: edit_weights(f, "output", np.nan), "not finite"),
        (lambda f: edit_weights(f, "hidden.0", np.inf), "not finite"),
        (lambda f: edit_weights(f, "label_counts", -1), "negative counts"),
        (lambda f: (f / "weights.safetensors").unlink(), "cannot read"),
        (lambda f: (f / "weights.safetensors").write_bytes(b""), "damaged"),
    ],
)
def test_a_damaged_folder_is_a_sentence(folder, damage, words):
    damage(folder)
    with pytest.raises(ModelError, match=words) as caught:
        Model.load(folder, BACKEND)
    assert "\n" not in str(caught.value)


def edit_config(folder, **changes):
    config = json.loads((folder / "config.json").read_text())["config"]
    edit(folder, config=config | changes)


def edit_weights(folder, name, value):
    tensors = load_file(folder / "weights.safetensors")
    tensors[name].flat[3] = value
    save_file(tensors, folder / "weights.safetensors")


def edit(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_a_wrong_byte_never_ends_in_another_exception(folder, data):
    name = data.draw(st.sampled_from(["config.json", "weights.safetensors"]))
    path = folder / name
    good = path.read_bytes()
    head = min(len(good), 1000)  # safetensors: the header, where a byte can do harm
    place = data.draw(st.integers(0, head - 1))
    wrong = good[:place] + bytes([data.draw(st.integers(0, 255))]) + good[place + 1 :]
    cut = data.draw(st.sampled_from([None, place]))
    path.write_bytes(wrong[:cut])
    try:
        Model.load(folder, BACKEND)
    except ModelError:
        pass
    finally:
        path.write_bytes(good)


def test_save_refuses_what_is_there(model, folder):
    with pytest.raises(ModelError, match=r"exists: .* overwrite=True"):
        model.save(folder)
    model.save(folder, overwrite=True)


def test_a_foreign_file_in_a_model_is_not_overwritten(model, folder):
    (folder / "notes.txt").write_text("precious")
    with pytest.raises(ModelError, match=r"also holds notes\.txt"):
        model.save(folder, overwrite=True)
    assert (folder / "notes.txt").read_text() == "precious"


def test_overwrite_through_a_link_replaces_its_target(model, folder, tmp_path):
    (tmp_path / "link").symlink_to(folder)
    (folder / "metrics.jsonl").write_text("of the old model")
    model.save(tmp_path / "link", overwrite=True)
    assert (tmp_path / "link").is_symlink()
    assert not (folder / "metrics.jsonl").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "m"]


def test_the_old_model_comes_back_if_the_new_one_cannot_take_its_place(
    model, folder, tmp_path, monkeypatch
):
    rename = Path.rename

    def fail_on_the_new_one(self, target):
        if ".partial-" in self.name:
            raise KeyboardInterrupt
        return rename(self, target)

    before = (folder / "weights.safetensors").read_bytes()
    monkeypatch.setattr(Path, "rename", fail_on_the_new_one)
    with pytest.raises(KeyboardInterrupt):
        model.save(folder, overwrite=True)
    assert (folder / "weights.safetensors").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_a_full_disk_is_a_sentence(model, tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("slide.core.models.stored.save_tensors", full)
    with pytest.raises(ModelError, match="No space left"):
        model.save(tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_weights_are_as_readable_as_the_rest(folder):
    modes = {path.stat().st_mode for path in folder.iterdir()}
    assert len(modes) == 1


@pytest.mark.parametrize("propensity", [(float("nan"), 1.5), (11, 1.5), (0.5, -3), (0.5, 0)])
def test_propensity_parameters_out_of_range(model, test_set, propensity):
    with pytest.raises(ConfigError, match="propensity parameter"):
        model.evaluate(test_set, propensity=propensity)


def test_a_folder_that_cannot_be_made(model, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="cannot make a model folder"):
        model.save(tmp_path / "file" / "m")


def test_staged_leaves_nothing_when_its_block_fails(tmp_path):
    def write_half() -> None:
        with staged(tmp_path / "m", overwrite=False) as partial:
            (partial / "half").write_text("written")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert list(tmp_path.iterdir()) == []


def test_moments_are_not_needed_to_predict(folder):
    loaded = Model.load(folder, BACKEND)
    assert isinstance(loaded.network.output, SampledLayer)
    assert loaded.network.output.param.mean.size == 0


def test_a_model_of_another_version_can_be_replaced(model, folder):
    edit(folder, version=1)
    model.save(folder, overwrite=True)
    assert Model.load(folder, BACKEND).n_samples == model.n_samples
