"""Training in shards has the bits of training in one process."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import csr_of, planted
from direct_settings import BACKEND
from sharded import SMALL, changed, group_of, same, trainer_of

from slide.backends import load
from slide.core.contract.arrays import CSR
from slide.core.errors import ConfigError
from slide.core.examples.dataset import Dataset
from slide.core.models.model import Model
from slide.core.runs.keeping import Keeping
from slide.core.runs.trainer import Trainer
from slide.data import convert_to_folder, read
from slide.distributed.group import HANDED, ShardGroup
from slide.distributed.placed import Placed

TRAIN, LATER = planted(400), planted(60, seed=1)
UNSEEN = np.isin(LATER.y.indices, TRAIN.y.column_ids(), invert=True)
TEST = LATER.take(np.flatnonzero(LATER.y.row_counts(UNSEEN) == 0))


def in_one_process(model, folder):
    """What shards have written, read by one process."""
    model.save(folder)
    return Model.load(folder, BACKEND)


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"loss": "softmax", "lr": 0.5},
        {"loss": "saros"},
        {"pairs": True, "idf_power": 0.5},
        {"grown": 0, "list_limit": 1000},
    ],
)
@pytest.mark.parametrize("n", [1, 2, 4])
def test_the_bits_are_those_of_one_process(n, other, tmp_path):
    config = changed(SMALL, **other)
    plain = Trainer(config, BACKEND).fit(TRAIN)
    model = trainer_of(group_of(n), config).fit(TRAIN)
    assert same(in_one_process(model, tmp_path / "m"), plain)


def test_so_they_are_by_the_reference(tmp_path):
    plain = Trainer(SMALL, load("reference")).fit(TRAIN)
    group = ShardGroup(load("reference"), lambda: load("reference"), 3)
    model = Trainer(SMALL, load("reference"), placement=Placed(group)).fit(TRAIN)
    assert same(in_one_process(model, tmp_path / "m"), plain)


def test_examples_may_weigh(tmp_path):
    weights = np.random.default_rng(0).integers(1, 4, TRAIN.n_samples).astype(np.float32)
    train = replace(TRAIN, weights=weights)
    plain = Trainer(SMALL, BACKEND).fit(train)
    assert same(in_one_process(trainer_of(group_of(2)).fit(train), tmp_path / "m"), plain)


def test_examples_may_stay_on_disk(tmp_path, written):
    convert_to_folder([written / "test.txt"], tmp_path / "data")
    train = read(tmp_path / "data")
    plain = Trainer(SMALL, BACKEND).fit(train)
    group = group_of(2)
    trained = trainer_of(group).fit(train)
    assert same(in_one_process(trained, tmp_path / "m"), plain)


@pytest.mark.parametrize("loss", ["bce", "softmax", "saros"])
def test_records_and_reports_are_those_of_one_process(loss):
    config = changed(SMALL, loss=loss, lr=0.5)

    def records(trainer):
        class Watcher:
            def on_step(self, step, n_steps): ...

            def on_evaluation(self, record):
                seen.append(record)

        seen = []
        trainer.watcher = Watcher()
        model = trainer.fit(TRAIN, TEST)
        seen.append(dict(zip(("labels", "logits"), model.predict(TRAIN.x, 1), strict=True)))
        own = "seconds", "seconds_by_kernel", "calls_by_kernel"
        return [
            {n: v for n, v in each.items() if n not in own and not n.startswith("list_")}
            for each in seen
        ]

    plain, sharded = records(Trainer(config, BACKEND)), records(trainer_of(group_of(3), config))
    assert [sorted(each) for each in sharded] == [sorted(each) for each in plain]
    for name, answers in plain.pop().items():
        assert np.array_equal(sharded[-1][name], answers)
    for one, other in zip(plain, sharded[:-1], strict=True):
        assert other == pytest.approx(one, rel=1e-5)


def test_the_best_epoch_is_kept(tmp_path):
    keeping = Keeping("best", "precision_at_1")
    config = changed(SMALL, epochs=3, lr=9.0)
    trainer = Trainer(config, BACKEND, keeping=keeping)
    plain = trainer.fit(TRAIN, TEST)
    assert trainer.kept["epoch"] < 3
    model = trainer_of(group_of(2), config, keeping=keeping).fit(TRAIN, TEST)
    ids, scores = model.predict(TEST.x, 3)
    expected = plain.predict(TEST.x, 3)
    assert np.array_equal(ids, expected[0])
    assert np.array_equal(scores, expected[1])
    assert same(in_one_process(model, tmp_path / "m"), plain)


def test_labels_without_examples_and_numbers_far_apart(tmp_path):
    y = CSR(TRAIN.y.indptr, TRAIN.y.indices * 7919, TRAIN.y.values, 150 * 7919)
    train = Dataset(TRAIN.x, y)
    plain = Trainer(SMALL, BACKEND).fit(train)
    model = trainer_of(group_of(2)).fit(train)
    assert np.array_equal(model.predict(TEST.x, 150)[0], plain.predict(TEST.x, 150)[0])
    loaded = in_one_process(model, tmp_path / "m")
    assert np.array_equal(loaded.label_ids, plain.label_ids)
    wider = Dataset(TRAIN.x, replace(TRAIN.y, n_cols=170))
    plain, model = Trainer(SMALL, BACKEND).fit(wider), trainer_of(group_of(4)).fit(wider)
    for one, other in zip(plain.predict(TEST.x, 170), model.predict(TEST.x, 170), strict=True):
        assert np.array_equal(one, other)
    wanted = csr_of([{0: 1, 60: 1, 169: 1}] * TEST.n_samples, 170)
    assert np.array_equal(model.scores(TEST.x, wanted).values, plain.scores(TEST.x, wanted).values)


def test_examples_of_a_step_are_handed_out_once_and_while_the_one_before_is_taken(monkeypatch):
    group, told = group_of(2), []
    for name in ("put", "begin", "end"):
        true = getattr(group, name)

        def noted(*args, name=name, true=true):
            is_step = name == "put" or "step" in (args[0], getattr(args[0], "method", ""))
            told.extend([name] * is_step)
            return true(*args)

        monkeypatch.setattr(group, name, noted)
    trainer_of(group, changed(SMALL, epochs=1)).fit(TRAIN)
    source, first, *steps = told
    n = -(-TRAIN.n_samples // SMALL.batch_size)
    assert (source, first) == ("put", "put")
    assert steps == ["begin", "put", "end"] * (n - 1) + ["begin", "end"]


def test_loose_shards_exchange_nothing_and_learn_as_well():
    group, config = group_of(2, loose=True), changed(SMALL, list_limit=100)
    loose = trainer_of(group, config).fit(TRAIN).evaluate(TEST)["precision_at_1"]
    plain = Trainer(config, BACKEND).fit(TRAIN).evaluate(TEST)["precision_at_1"]
    assert loose == pytest.approx(plain, abs=0.05)
    assert set(group.traffic) == {HANDED}


@pytest.mark.parametrize(
    ("n", "config", "words"),
    [
        (16, SMALL, "shards is 16, of 150 labels: each needs 10"),
        (2, changed(SMALL, layers=2), "hidden layer of examples"),
    ],
)
def test_what_is_not_cut_by_labels_is_refused(n, config, words):
    with pytest.raises(ConfigError, match=words):
        trainer_of(group_of(n), config).fit(TRAIN)


def test_a_model_in_shards_is_not_copied():
    model = trainer_of(group_of(2)).fit(TRAIN)
    with pytest.raises(ConfigError, match="save the model"):
        model.__getstate__()
    with pytest.raises(ConfigError, match="all their labels"):
        model.predict(TEST.x, 3, sampled=True)
