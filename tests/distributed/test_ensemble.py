"""Ensembles: what a vote is, whose model a member is, and the folder that they stand in."""

import json
from functools import cache

import numpy as np
import pytest
from small_models import BACKEND, CONFIGS, examples, others, raw, with_raw_ids

from slide.core.errors import ModelError
from slide.core.examples.dataset import Dataset
from slide.core.examples.names import Names
from slide.core.learners.config import Config
from slide.core.learners.kinds import kind_of
from slide.core.models.model import Model
from slide.core.runs.trainer import Trainer
from slide.distributed.ensemble import Ensemble, Voting
from slide.distributed.ensemble_folder import is_ensemble
from slide.distributed.parts import dealt

STEPS = Config(
    **{name: value for name, value in CONFIGS["steps"].flat().items() if name != "hidden"}
    | {"layers": 1}
)


@cache
def ensemble(name="steps", n=3):
    config = CONFIGS["hidden"] if name == "hidden" else STEPS
    data = examples()
    if name == "raw":
        data = Dataset(with_raw_ids(data.x), with_raw_ids(data.y))
    return Voting(config, n, "reference").fit(data)


def likely(member, row):
    """What a member says of each label that it has seen: label -> sigmoid of its logit."""
    ids, values = member.predict(row, member.network.n_labels)
    values = 1 / (1 + np.exp(-np.clip(values, -100, 100).astype(float)))
    seen = {int(each) for each in member.labels.ids_of(np.flatnonzero(member.label_counts))}
    return {i: float(p) for i, p in zip(ids[0].tolist(), values[0], strict=True) if i in seen}


@pytest.mark.filterwarnings("ignore::slide.UnseenWarning")
@pytest.mark.filterwarnings("ignore::slide.UncalibratedWarning")
@pytest.mark.parametrize("name", ["steps", "hidden", "raw"])
def test_a_vote_is_the_mean_sigmoid(name):
    model, x = ensemble(name), with_raw_ids(others()) if name == "raw" else others()
    ids, values = model.predict_proba(x, 7)
    for i in range(0, x.n_rows - 1, 5):  # the last row says nothing
        told = [likely(member, x.take(np.array([i]))) for member in model.members]
        labels = {label for each in told for label in each}
        means = {each: sum(one.get(each, 0) for one in told) / len(told) for each in labels}
        best = sorted(means, key=lambda each: -means[each])[:7]
        assert np.allclose(values[i], [means[each] for each in best], rtol=1e-4, atol=1e-6)
        assert np.allclose([means[each] for each in ids[i].tolist()], values[i], 1e-4, 1e-6)


def test_one_member_ranks_as_it_does_alone():
    model, x = ensemble(n=1), others().take(np.arange(39))  # the last row says nothing
    assert np.array_equal(model.predict(x, 5)[0], model.members[0].predict(x, 5)[0])
    assert np.allclose(model.predict(x, 5)[1], model.members[0].predict(x, 5)[1], atol=1e-3)


def test_members_are_models_of_parts():
    data = examples()
    for member, rows in zip(ensemble().members, dealt(data, 3), strict=True):
        alone = Trainer(STEPS, BACKEND).fit(data.take(rows))
        one, other = (kind_of(STEPS).tensors(each.network, BACKEND) for each in (member, alone))
        assert all(np.array_equal(one[name], other[name]) for name in one)
    counts = ensemble().model.label_counts
    assert np.array_equal(counts, data.y.column_counts())


def test_labels_that_nobody_has_seen_come_last():
    model, x = ensemble(), others()
    assert len(model.predict(x, 40)[0][0]) == model.model.network.n_labels
    ids, scores = model.predict(x, 40)
    unseen = np.flatnonzero(model.model.label_counts == 0)
    assert len(unseen)
    assert np.isin(ids[:, -len(unseen) :], unseen).all()
    assert (scores[:, -len(unseen) :] == -2e9).all()


def test_ids_that_are_few_of_many_are_answered():
    model = ensemble("raw")
    ids, _ = model.predict(with_raw_ids(others()), 4)
    assert np.isin(ids, raw(examples().n_labels)).all()
    assert ids.max() > 2**16
    assert model.model.label_ids is not None


def test_a_folder_holds_models_that_are_read(tmp_path):
    data = examples()
    names = [f"tag {i}" for i in range(data.n_labels)]
    data = Dataset(data.x, data.y, label_names=Names(names))
    model = Voting(STEPS, 2, "reference").fit(data, data)
    model.save(tmp_path / "e")
    assert is_ensemble(tmp_path / "e")
    again = Ensemble.load(tmp_path / "e", BACKEND)
    for one, other in zip(again.predict(others(), 6), model.predict(others(), 6), strict=True):
        assert np.array_equal(one, other)
    likely = [each.predict_proba(others(), 6)[1] for each in (model, again)]
    assert np.array_equal(*likely)
    assert again.model.calibration.n_examples == data.n_samples
    assert again.model.label_names == model.model.label_names
    one = Model.load(tmp_path / "e" / "member-1", BACKEND)
    assert np.array_equal(one.predict(others())[0], model.members[1].predict(others())[0])


def test_folders_that_are_none_are_refused(tmp_path):
    folder = tmp_path / "e"
    ensemble(n=1).save(folder)
    with pytest.raises(ModelError, match="exists"):
        ensemble(n=1).save(folder)
    (folder / "mine.txt").write_text("keep me")
    with pytest.raises(ModelError, match=r"also holds mine\.txt"):
        ensemble(n=1).save(folder, overwrite=True)
    (folder / "mine.txt").unlink()
    ensemble(n=1).save(folder, overwrite=True)
    said = json.loads((folder / "config.json").read_text())
    for change, words in [
        ({"members": []}, "no list of members"),
        ({"members": ["../x"]}, "members are not called"),
        ({"version": 2}, "has version 2"),
        ({"vote": "rank"}, "vote 'rank'"),
    ]:
        (folder / "config.json").write_text(json.dumps(said | change))
        with pytest.raises(ModelError, match=words):
            Ensemble.load(folder, BACKEND)
    (folder / "config.json").write_text("{")
    with pytest.raises(ModelError, match="damaged"):
        Ensemble.load(folder, BACKEND)
    with pytest.raises(ModelError, match="is not an ensemble"):
        Ensemble.load(tmp_path / "none", BACKEND)
