"""Averaging: what workers start from, the mean, and the same bits whatever happens to them."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from conftest import planted
from small_models import BACKEND, CONFIGS

from slide.core.checkpoints.every import Checkpoints
from slide.core.direct.run import DirectRun
from slide.core.errors import ConfigError, MismatchError
from slide.core.interrupts import Interrupted
from slide.core.learners.config import Config
from slide.core.learners.kinds import kind_of
from slide.core.runs.trainer import Trainer
from slide.data import convert_to_folder, read, write
from slide.distributed.asking import InProcess
from slide.distributed.averaging import DataParallel
from slide.distributed.means import mean
from slide.distributed.parts import dealt, parts_of
from slide.distributed.starting import connected
from slide.distributed.worker import Worker

DIRECT = Config(
    **{name: value for name, value in CONFIGS["steps"].flat().items() if name != "hidden"}
    | {"epochs": 2, "batch_size": 16, "layers": 1}
)
CONFIGS = {
    "direct": DIRECT,
    "hidden": replace(CONFIGS["hidden"], batch_size=16, epochs=2, rebuild_every=3),
    "deep": replace(CONFIGS["deep"], batch_size=16, epochs=2, rehash_every=4),
    "dense": Config(hidden=(6,), sampler="uniform", lr=0.05, batch_size=16, active=9, epochs=2,
                    catch_up=True),
    "adagrad": Config(hidden=(6,), K=2, L=2, optimizer="adagrad", lr=0.05, batch_size=16,
                      active=9, epochs=2),
}  # fmt: skip


def fitted(config, data, n_workers=0, every=3, hire=InProcess, **more):
    """A model, averaged if there are workers."""
    if n_workers:
        more["placement"] = DataParallel(n_workers, every, "reference", 1, hire)
    return Trainer(config, BACKEND, **more).fit(data)


def tensors(model):
    return kind_of(model.config).tensors(model.network, BACKEND)


def assert_same(one, other):
    one, other = tensors(one), tensors(other)
    assert one.keys() == other.keys()
    assert all(one[name].tobytes() == other[name].tobytes() for name in one)


@pytest.fixture(scope="module")
def data():
    return planted(101, 20)


class Apart(InProcess):
    """Workers that share no array, as processes do."""

    def ask(self, what, *arguments):
        each = zip(*arguments, strict=True) if arguments else ((),) * self.n
        apart = [
            getattr(worker, what)(*pickle.loads(pickle.dumps(given)))
            for worker, given in zip(self.workers, each, strict=True)
        ]
        return pickle.loads(pickle.dumps(apart))


class Dying(Apart):
    """Workers that are made anew before some questions, as actors are that have died."""

    def __init__(self, kind, arguments):
        super().__init__(kind, arguments)
        self.made = lambda number: kind(*pickle.loads(pickle.dumps(arguments[number])))
        self.rng = np.random.default_rng(1)

    def ask(self, what, *arguments):
        for number in np.flatnonzero(self.rng.random(self.n) < 0.4):
            self.workers[number] = self.made(number)
        return super().ask(what, *arguments)


@pytest.mark.parametrize("name", CONFIGS)
def test_one_worker_has_the_bits_of_a_run_without(name, data):
    assert_same(fitted(CONFIGS[name], data, 1), fitted(CONFIGS[name], data))


@pytest.mark.parametrize("name", CONFIGS)
def test_workers_that_die_change_nothing(name, data):
    assert_same(fitted(CONFIGS[name], data, 3, hire=Dying), fitted(CONFIGS[name], data, 3))


def test_several_workers_learn(data):
    tests = planted(60, 20, seed=1)
    config = replace(DIRECT, epochs=4)
    plain, few = fitted(config, data), fitted(config, data, 3)
    begun = fitted(replace(config, lr=1e-9), data, 3)
    of = [each.evaluate(tests)["precision_at_1"] for each in (begun, few, plain)]
    assert of[0] < of[1]
    assert of[1] > 0.8 * of[2]


def test_neither_the_order_of_the_file_nor_the_disk_matters(data, tmp_path):
    write(data, tmp_path / "data.npz")
    convert_to_folder([tmp_path / "data.npz"], tmp_path / "data")
    shuffled = data.take(np.random.default_rng(0).permutation(data.n_samples))
    model = fitted(DIRECT, data, 2)
    assert_same(model, fitted(DIRECT, shuffled, 2))
    assert_same(model, fitted(DIRECT, read(tmp_path / "data"), 2))


def test_parts_are_dealt(data):
    parts = dealt(data, 3)
    assert [len(part) for part in parts] == [34, 34, 33]
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(101))
    place = np.argsort(data.canonical_order())
    assert [set(place[part] % 3) for part in parts] == [{0}, {1}, {2}]


def test_connections_are_those_of_all_examples(data):
    config = replace(DIRECT, connections=4, connections_per_example=1.0, grown=3)
    whole = DirectRun.begin(config, BACKEND, data).connections
    for n in (1, 3):
        parts = [(part, config, "reference", 1) for part in parts_of(data, n)]
        found = connected(InProcess(Worker, parts), config, BACKEND, data)
        assert np.array_equal(found.inputs.weights, whole.inputs.weights)
        assert np.array_equal(found.param.weight.indptr, whole.param.weight.indptr)
        same = found.param.weight.indices == whole.param.weight.indices
        assert same.mean() > 0.97  # sums are rounded in another order, and some were level
        if n == 1:
            assert np.array_equal(found.param.weight.values, whole.param.weight.values)
        values = found.param.weight.values, whole.param.weight.values
        assert np.allclose(*(each[same] for each in values), rtol=1e-3, atol=1e-5)


def test_pairs_and_weights_add_up():
    data = planted(60, 10)
    data = replace(data, weights=np.arange(60, dtype=np.float32) % 3 + 1)
    config = replace(DIRECT, pairs=True, connections=1000)
    whole = DirectRun.begin(config, BACKEND, data).connections
    parts = [(part, config, "reference", 1) for part in parts_of(data, 2)]
    found = connected(InProcess(Worker, parts), config, BACKEND, data)
    assert len(whole.inputs.pairs)
    assert np.array_equal(found.inputs.pairs, whole.inputs.pairs)
    assert np.array_equal(found.bias, whole.bias)
    assert np.allclose(found.param.weight.values, whole.param.weight.values, rtol=1e-3, atol=1e-5)


def test_numbers_move_as_those_workers_have_moved_them():
    before = np.array([0, 4, -2, 8], np.float32)
    after = [[1, 4, -2, 6], [3, 4, -1, 8], [4, 4, -2, 8]]
    shares = np.array([0.5, 0.25, 0.25])
    got = mean([before], [[np.array(each, np.float32)] for each in after], shares)[0]
    assert got.dtype == np.float32
    assert got.tolist() == [0.5 * 1 + 0.25 * 3 + 0.25 * 4, 4, -1, 6]
    alone = [before + 1]
    assert mean([before], [alone], np.array([1.0]))[0] is alone[0]


@pytest.mark.parametrize(("every", "means"), [(1, 6), (2, 4), (3, 2), (99, 2)])
def test_there_is_a_mean_after_so_many_steps_and_each_epoch(every, means, data):
    asked = []

    class Listening(InProcess):
        def ask(self, what, *arguments):
            asked.append((what, [len(each) for each in arguments[3:4]]))
            return super().ask(what, *arguments)

    fitted(DIRECT, data.take(np.arange(96)), 2, every, Listening)  # 3 steps of each an epoch
    assert [what for what, _ in asked].count("steps") == means


def test_checkpoints_go_on_to_the_same_bits(data, tmp_path):
    class Stop:
        def on_step(self, step, n_steps): ...

        def on_evaluation(self, record):
            if record["epoch"] == 2:
                raise KeyboardInterrupt

    checkpoints = Checkpoints(tmp_path / "kept", "epoch")
    config = replace(CONFIGS["hidden"], epochs=3)
    with pytest.raises(Interrupted):
        fitted(config, data, 2, watcher=Stop(), checkpoints=checkpoints)
    again = replace(checkpoints, resume=True)
    with pytest.raises(MismatchError, match=r"goes on has shards=2, got 3: give it as it was"):
        fitted(config, data, 3, checkpoints=again)
    assert_same(fitted(config, data, 2, checkpoints=again), fitted(config, data, 2))


def test_what_cannot_be_averaged_is_refused(data):
    with pytest.raises(ConfigError, match=r"average_every is 0"):
        DataParallel(2, 0)
    with pytest.raises(ConfigError, match=r"3 workers for 2 examples"):
        fitted(DIRECT, data.take(np.arange(2)), 3)
    with pytest.raises(ConfigError, match=r"takes no steps"):
        fitted(Config(cost=1.0), data, 2)
    with pytest.raises(ConfigError, match=r"layers=2 is a hidden layer of all examples"):
        fitted(replace(DIRECT, layers=2), data, 2)
