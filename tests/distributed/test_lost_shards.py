"""Shards that are lost, drivers that are killed, and the bits that come of it all the same."""

import pickle

import numpy as np
import pytest
from conftest import planted
from direct_settings import BACKEND
from sharded import SMALL, Losing, changed, group_of, same, trainer_of

from slide.core.checkpoints.every import Checkpoints
from slide.core.checkpoints.shelf import Shelf
from slide.core.errors import BackendError, ConfigError, MismatchError, ModelError, SlideError
from slide.core.models.model import Model
from slide.core.runs.trainer import Trainer
from slide.distributed.losing import MOST_LOSSES, ShardLostWarning
from slide.distributed.model import ShardedModel
from slide.distributed.ranges import Range
from slide.distributed.ray_group import Actor, StrangerError
from slide.distributed.slowness import STEPS, Slowness, SlowShardWarning
from slide.distributed.source import Source
from slide.reference.kernels import ReferenceBackend

TRAIN = planted(400)
ASKED = 45  # times that shards are heard of in a run of SMALL, at least


@pytest.fixture(scope="module")
def plain():
    return Trainer(SMALL, BACKEND).fit(TRAIN)


class Killing:
    """A watcher that ends a run after a step, as Ctrl-C does."""

    def __init__(self, at):
        self.at = at

    def on_step(self, step, n_steps):
        if step == self.at:
            raise KeyboardInterrupt

    def on_evaluation(self, record): ...


def fit_and_load(trainer, folder):
    trainer.fit(TRAIN).save(folder)
    return Model.load(folder, BACKEND)


@pytest.mark.parametrize("every", [None, "3"])
@pytest.mark.parametrize("seed", range(5))
def test_lost_shards_change_no_bit(every, seed, plain, tmp_path):
    moments = np.random.default_rng(seed).choice(ASKED, 2, replace=False) + 1
    group = Losing(3, moments)
    checkpoints = every and Checkpoints(tmp_path / "c", every)
    with pytest.warns(ShardLostWarning, match="is lost as it was to be"):
        model = fit_and_load(trainer_of(group, checkpoints=checkpoints), tmp_path / "m")
    assert group.n_lost == len(moments)
    assert same(model, plain)


def test_shards_that_are_lost_while_they_answer_are_asked_again(plain):
    group = Losing(3, [])
    model = trainer_of(group).fit(TRAIN)
    expected = plain.predict(TRAIN.x, 5)
    for n in (1, 2):  # while shards get ready to answer, and when they are
        group.moments = {group.asked + 1}
        with pytest.warns(ShardLostWarning):
            found = model.predict(TRAIN.x, 5)
        assert all(np.array_equal(one, two) for one, two in zip(found, expected, strict=True))
        assert group.n_lost == n


def test_shards_that_have_opened_a_model_open_it_again(plain, tmp_path):
    plain.save(tmp_path / "m")
    group = Losing(2, [])
    model = ShardedModel.open(tmp_path / "m", BACKEND, group)
    group.moments = {group.asked + 1, group.asked + 3}
    with pytest.warns(ShardLostWarning, match="it reads the model again"):
        found = model.predict(TRAIN.x, 5)
    for one, two in zip(found, plain.predict(TRAIN.x, 5), strict=True):
        assert np.array_equal(one, two)
    assert group.n_lost == 2


def test_one_that_is_lost_again_and_again_ends_the_run():
    group = Losing(2, range(20, 2000))
    with (
        pytest.warns(ShardLostWarning),
        pytest.raises(BackendError, match=f"{MOST_LOSSES} times without a step in between"),
    ):
        trainer_of(group).fit(TRAIN)


@pytest.mark.parametrize("at", [2, 5, 11])
def test_a_run_goes_on_by_new_shards(at, plain, tmp_path):
    folder = tmp_path / "c"
    with pytest.raises(KeyboardInterrupt):
        trainer_of(group_of(2), checkpoints=Checkpoints(folder, "3"), watcher=Killing(at)).fit(
            TRAIN
        )
    again = trainer_of(group_of(2), checkpoints=Checkpoints(folder, resume=True))
    assert same(fit_and_load(again, tmp_path / "m"), plain)
    again.remove_checkpoints()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m"]


def interrupted(folder):
    with pytest.raises(KeyboardInterrupt):
        trainer_of(group_of(2), checkpoints=Checkpoints(folder, "3"), watcher=Killing(8)).fit(TRAIN)


def test_what_shards_keep_is_no_more_than_checkpoints_need(tmp_path):
    interrupted(tmp_path / "c")
    names = {path.name for path in (tmp_path / "c").iterdir()}
    steps = {name.split("-")[1] for name in names if name.startswith("step-")}
    kept = {name.split("-")[1] for name in names if name.startswith("shards-")}
    assert steps
    assert steps <= kept
    assert len(kept) <= 3


def test_what_shards_keep_goes_with_the_checkpoints(tmp_path):
    interrupted(tmp_path / "c")
    Shelf(tmp_path / "c").clear()
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    ("group", "words"),
    [
        (lambda: group_of(3), "goes on has shards=2, got 3: give it as it was"),
        (lambda: group_of(2, loose=True), "begun without loose: go on so"),
    ],
)
def test_it_does_not_go_on_otherwise(group, words, tmp_path):
    interrupted(tmp_path / "c")
    with pytest.raises(MismatchError, match=words):
        trainer_of(group(), checkpoints=Checkpoints(tmp_path / "c", resume=True)).fit(TRAIN)


def test_what_a_shard_has_kept_is_checked(tmp_path):
    interrupted(tmp_path / "c")
    for path in (tmp_path / "c").glob("shards-*/1/arrays.safetensors"):
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)
    with pytest.raises(ModelError, match="damaged"):
        trainer_of(group_of(2), checkpoints=Checkpoints(tmp_path / "c", resume=True)).fit(TRAIN)


def test_training_does_not_begin_with_a_model(plain):
    with pytest.raises(ConfigError, match="begin_with"):
        trainer_of(group_of(2)).fit(TRAIN, begin_with=plain)


def test_an_actor_answers_to_its_name_and_raises_what_can_be_carried(tmp_path):
    actor = Actor(ReferenceBackend, 0, 1, False)
    with pytest.raises(StrangerError):
        actor.called("another", "begin", "weight_sum")
    source = Source(tmp_path / "nothing")
    with pytest.raises(SlideError, match=r"nothing.*\(on .*\)") as raised:
        actor.called(actor.identity, "begin", "begin", SMALL, source, None, [Range(0, 1)])
    again = pickle.loads(pickle.dumps(raised.value))
    assert str(again) == str(raised.value)


def test_a_slow_shard_is_named_once():
    def see(*seconds):
        for _ in range(STEPS):
            slowness.see(np.array(seconds), "machine {}".format)

    slowness = Slowness(3)
    with pytest.warns(SlowShardWarning, match="shard 1 on machine 1 keeps.*90 ms.* 25"):
        see(0.02, 0.09, 0.03)
    see(0.02, 0.09, 0.03)
    see(0.0009, 0.0002, 0.0003)
    see(0.02, 0.03, 0.03)
    with pytest.warns(SlowShardWarning, match="shard 2"):
        see(0.02, 0.02, 0.3)


def test_a_slow_shard_is_not_named_before_others_have_waited_for_a_second():
    def see():
        for _ in range(STEPS):
            slowness.see(np.array([0.006, 0.013, 0.006]), str)

    slowness = Slowness(3)
    see()
    see()
    with pytest.warns(SlowShardWarning, match="shard 1"):
        see()


def test_the_time_of_each_step_is_watched(monkeypatch):
    seen = []
    group = group_of(2)
    monkeypatch.setattr(group.slowness, "see", lambda seconds, place: seen.append(seconds.copy()))
    trainer_of(group, changed(SMALL, epochs=1)).fit(TRAIN)
    assert len(seen) == -(-TRAIN.n_samples // SMALL.batch_size)
    assert all((each > 0).all() for each in seen)
