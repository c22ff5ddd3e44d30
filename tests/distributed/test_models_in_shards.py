"""Models whose weights are in several files, and shards that answer by any of them."""

import json
import shutil

import numpy as np
import pytest
from conftest import planted
from direct_settings import BACKEND
from quick_runs import QUICK
from safetensors.numpy import load_file, save_file
from sharded import SMALL, bits_in, bits_of, changed, group_of, same, trainer_of

from slide.core.errors import ModelError, SlideError
from slide.core.learners.config import Config
from slide.core.models.model import Model
from slide.core.models.shards import names_of
from slide.core.runs.trainer import Trainer
from slide.distributed.group import ShardGroup
from slide.distributed.model import ShardedModel
from slide.reference.kernels import ReferenceBackend

TRAIN, TEST = planted(400), planted(60, seed=1)


@pytest.fixture(scope="module")
def plain():
    return Trainer(SMALL, BACKEND).fit(TRAIN)


@pytest.fixture(scope="module")
def folders(plain, tmp_path_factory):
    """The same model, written by one process and by 1, 2 and 4 shards."""
    folder = tmp_path_factory.mktemp("models")
    plain.save(folder / "plain")
    for n in (1, 2, 4):
        trainer_of(group_of(n)).fit(TRAIN).save(folder / str(n))
    return folder


def test_one_shard_writes_what_one_process_does(folders):
    assert bits_in(folders / "1") == bits_in(folders / "plain")
    assert sorted(bits_in(folders / "1")) == ["config.json", "weights.safetensors"]


def test_what_belongs_to_no_label_stands_in_the_first_file(folders):
    files = [load_file(folders / "4" / name) for name in names_of(4)]
    assert all({"input_weights", "pairs"} <= set(files[0]) - set(each) for each in files[1:])
    assert sum(len(each["label_counts"]) for each in files) == TRAIN.n_labels


@pytest.mark.parametrize("written", ["plain", "1", "2", "4"])
def test_one_process_reads_what_any_have_written(written, folders, plain, tmp_path):
    model = Model.load(folders / written, BACKEND)
    assert same(model, plain)
    plain.save(tmp_path / "plain")
    assert bits_of(model, tmp_path / "again") == bits_of(plain, tmp_path / "once")


@pytest.mark.parametrize("written", ["plain", "1", "2", "4"])
@pytest.mark.parametrize("n", [1, 3])
def test_any_number_of_shards_answers_by_what_any_have_written(n, written, folders, plain):
    model = ShardedModel.open(folders / written, BACKEND, group_of(n))
    for k in (1, 7, TRAIN.n_labels):
        for one, other in zip(plain.predict(TEST.x, k), model.predict(TEST.x, k), strict=True):
            assert np.array_equal(one, other)
    assert np.array_equal(model.label_counts, plain.label_counts)


def test_shards_answer_by_networks_with_hidden_layers(tmp_path):
    plain = Trainer(QUICK, BACKEND).fit(TRAIN)
    plain.save(tmp_path / "m")
    model = ShardedModel.open(tmp_path / "m", BACKEND, group_of(3))
    ids, scores = model.predict(TEST.x, 5)
    expected = plain.predict(TEST.x, 5)
    assert np.array_equal(ids, expected[0])
    assert np.allclose(scores, expected[1], rtol=1e-6)


def test_shards_answer_by_solved_labels(tmp_path):
    reference = ReferenceBackend()  # by numba, a last bit of a score may differ
    plain = Trainer(Config(cost=1.0, layers=1), reference).fit(TRAIN)
    plain.save(tmp_path / "m")
    group = ShardGroup(reference, ReferenceBackend, 2)
    model = ShardedModel.open(tmp_path / "m", reference, group)
    for one, other in zip(plain.predict(TEST.x, 5), model.predict(TEST.x, 5), strict=True):
        assert np.array_equal(one, other)


def test_a_hidden_layer_of_examples_is_refused(tmp_path):
    Trainer(changed(SMALL, layers=2, connections=5), BACKEND).fit(planted(2100)).save(
        tmp_path / "m"
    )
    with pytest.raises(ModelError, match="hidden layer of examples"):
        ShardedModel.open(tmp_path / "m", BACKEND, group_of(2))


def without_a_file(folder):
    (folder / names_of(2)[1]).unlink()


def of_fewer_labels(folder):
    tensors = load_file(folder / names_of(2)[1])
    save_file(tensors | {"bias": tensors["bias"][1:]}, folder / names_of(2)[1])


def with_broken_rows(folder):
    tensors = load_file(folder / names_of(2)[1])
    save_file(tensors | {"indptr": tensors["indptr"] + 5}, folder / names_of(2)[1])


def with_a_link(folder):
    (folder / names_of(2)[1]).rename(folder.parent / "elsewhere")
    (folder / names_of(2)[1]).symlink_to(folder.parent / "elsewhere")


def in_no_shards(folder):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"shards": 0}))


@pytest.mark.parametrize(
    "damage", [without_a_file, of_fewer_labels, with_broken_rows, with_a_link, in_no_shards]
)
def test_damage_is_told_in_a_sentence(damage, folders, tmp_path):
    folder = shutil.copytree(folders / "2", tmp_path / "m")
    damage(folder)
    for read in (
        lambda: Model.load(folder, BACKEND),
        lambda: ShardedModel.open(folder, BACKEND, group_of(2)),
    ):
        with pytest.raises(SlideError) as refused:
            read()
        assert str(folder) in str(refused.value)
        assert "\n" not in str(refused.value)


def test_a_model_in_shards_may_be_overwritten_by_any_other(folders, plain, tmp_path):
    folder = shutil.copytree(folders / "4", tmp_path / "m")
    plain.save(folder, overwrite=True)
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "weights.safetensors"]
