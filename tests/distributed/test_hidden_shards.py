"""Output layers in shards behind hidden layers: the negatives of one process, and its weights."""

import numpy as np
import pytest
from conftest import planted
from direct_settings import BACKEND
from quick_runs import QUICK
from sharded import SMALL, Losing, bits_of, changed, group_of, trainer_of

from slide.core.checkpoints.every import Checkpoints
from slide.core.errors import ConfigError
from slide.core.models.model import Model
from slide.core.runs.trainer import Trainer
from slide.distributed.group import HANDED
from slide.distributed.losing import ShardLostWarning
from slide.distributed.model import ShardedModel

TRAIN, TEST = planted(400), planted(60, seed=1)
OFTEN = changed(QUICK, epochs=2, active=40, rebuild_every=3, rebuild_growth=0.0, hash_norm=True)
OTHERS = {
    "tables": {},
    "full softmax": {"sampler": "full"},
    "sets of their own": {"scope": "example", "sampler": "uniform", "loss": "bce"},
    "catching up": {"catch_up": True, "weight_decay": 0.01, "reinsert_every": 2, "center": True},
    "two layers, one sampled": {"hidden": (24, 16), "hidden_active": (0, 9), "rehash_every": 5},
    "in-batch, Adagrad, saros": {"sampler": "in-batch", "optimizer": "adagrad", "loss": "saros"},
}


def tensors(model):
    return [layer.param.weight for layer in model.network.layers]


def in_one_process(model, folder):
    model.save(folder)
    return Model.load(folder, BACKEND)


@pytest.mark.parametrize("n", [1, 2, 4])
@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_weights_are_those_of_one_process(other, n, tmp_path):
    config = changed(OFTEN, **other)
    plain = Trainer(config, BACKEND).fit(TRAIN)
    loaded = in_one_process(trainer_of(group_of(n), config).fit(TRAIN), tmp_path / "m")
    for one, two in zip(tensors(plain), tensors(loaded), strict=True):
        assert np.allclose(one, two, rtol=1e-3, atol=1e-5)
        if n == 1 and other.get("loss", "softmax") != "softmax":
            assert np.array_equal(one, two)


def records_of(trainer):
    class Watcher:
        def on_step(self, step, n_steps): ...

        def on_evaluation(self, record):
            seen.append(record)

    seen = []
    trainer.watcher = Watcher()
    model = trainer.fit(TRAIN, TRAIN)
    others = "seconds", "seconds_by_kernel", "calls_by_kernel", "probe_recall_at_10"
    return model, [{n: v for n, v in each.items() if n not in others} for each in seen]


def test_active_sets_records_and_answers_are_those_of_one_process():
    plain, expected = records_of(Trainer(OFTEN, BACKEND))
    model, records = records_of(trainer_of(group_of(3), OFTEN))
    for one, two in zip(expected, records, strict=True):
        assert two == pytest.approx(one, rel=1e-3)
        for name in ("mean_active", "from_tables", "from_uniform", "touched_rows"):
            assert two[name] == one[name]
    assert np.array_equal(model.predict(TEST.x, 1)[0], plain.predict(TEST.x, 1)[0])


def test_what_crosses_does_not_depend_on_the_number_of_labels():
    def bytes_of_steps(n_labels):
        group = group_of(2)
        trainer_of(group, changed(QUICK, sampler="full")).fit(planted(200, n_labels=n_labels))
        return group.traffic["sums"]

    assert bytes_of_steps(100) == bytes_of_steps(200) > 0


@pytest.mark.parametrize("every", [None, "3"])
@pytest.mark.parametrize("seed", range(3))
def test_lost_shards_change_no_bit(every, seed, tmp_path):
    config = changed(OFTEN, catch_up=True, rehash_every=5)
    moments = np.random.default_rng(seed).choice(45, 2, replace=False) + 1
    undisturbed = in_one_process(trainer_of(group_of(3), config).fit(TRAIN), tmp_path / "u")
    group, checkpoints = Losing(3, moments), every and Checkpoints(tmp_path / "c", every)
    with pytest.warns(ShardLostWarning):
        model = trainer_of(group, config, checkpoints).fit(TRAIN)
    assert group.n_lost == len(moments)
    for one, two in zip(
        tensors(in_one_process(model, tmp_path / "m")), tensors(undisturbed), strict=True
    ):
        assert np.array_equal(one, two)


class Killing:
    def on_step(self, step, n_steps):
        if step == 8:
            raise KeyboardInterrupt

    def on_evaluation(self, record): ...


def test_a_run_goes_on_by_new_shards(tmp_path):
    config, folder = (
        changed(OFTEN, catch_up=True, hidden=(24, 16), hidden_active=(0, 9)),
        (tmp_path / "c"),
    )
    expected = in_one_process(trainer_of(group_of(2), config).fit(TRAIN), tmp_path / "u")
    killed = trainer_of(group_of(2), config, Checkpoints(folder, "3"), watcher=Killing())
    with pytest.raises(KeyboardInterrupt):
        killed.fit(TRAIN)
    again = trainer_of(group_of(2), config, Checkpoints(folder, resume=True))
    model = in_one_process(again.fit(TRAIN), tmp_path / "m")
    for one, two in zip(tensors(model), tensors(expected), strict=True):
        assert np.array_equal(one, two)


def test_shards_may_be_used_again(tmp_path):
    def bits(group, config, name):
        return bits_of(trainer_of(group, config).fit(TRAIN), tmp_path / name)

    group = group_of(2)
    first, second = bits(group, SMALL, "1"), bits(group, OFTEN, "2")
    assert second == bits(group_of(2), OFTEN, "3")
    ShardedModel.open(tmp_path / "2", BACKEND, group).predict(TEST.x, 3)
    assert bits(group, SMALL, "4") == first


def test_what_is_not_done_in_shards_is_refused():
    with pytest.raises(ConfigError, match="leave it out with hidden layers"):
        trainer_of(group_of(2, loose=True), OFTEN).fit(TRAIN)
    with pytest.raises(ConfigError, match="stale_recall asks"):
        trainer_of(group_of(2), changed(OFTEN, stale_recall=0.5)).fit(TRAIN)


def test_activations_go_out_and_their_gradient_comes_back():
    group, config = group_of(2), changed(QUICK, epochs=1, sampler="full")
    trainer_of(group, config).fit(TRAIN)
    assert set(group.traffic) == {HANDED, "sums"}
