"""Which epoch's model a run leaves: the best one, in the bits of a run that ended there."""

import json
from dataclasses import replace

import numpy as np
import pytest
from conftest import planted
from direct_settings import DIRECT

import slide as package
from slide.core.errors import ConfigError
from slide.core.examples.measures import PARTS
from slide.core.models.model import Model
from slide.core.runs.keeping import LAST, METRICS, Keeping
from slide.core.runs.to_folder import train_to_folder
from slide.core.runs.trainer import Trainer

HIDDEN = package.Config(
    hidden=(16,), epochs=4, batch_size=64, active=40, lr_schedule="constant", warmup=0.0
)
STEPS = replace(DIRECT, epochs=4, lr_schedule="constant")
SVM = package.recipe(planted(600), epochs=4, cost=0.3, idf_power=0.0)  # without a race
CONFIGS = {"hidden": HIDDEN, "steps": STEPS, "svm": SVM}
BEST = Keeping("best")


@pytest.fixture(scope="module")
def backend():
    """By the reference, rounds take long."""
    return package.load_backend("numba")


@pytest.fixture(scope="module")
def train():
    return planted(600)


@pytest.fixture(scope="module")
def valid():
    return planted(60, seed=1)


@pytest.fixture
def judged(monkeypatch):
    """Lets each evaluation find what is said, one after the other; repeats the last."""

    def say(*scores):
        left = list(scores)

        def scored(self, data, *arguments):
            return {"precision_at_1": left.pop(0) if len(left) > 1 else left[0]}

        monkeypatch.setattr(Model, "scored", scored)

    return say


def weights(model, folder):
    model.save(folder)
    return (folder / "weights.safetensors").read_bytes()


class Records(list):
    def on_step(self, step, n_steps):
        pass

    def on_evaluation(self, record):
        self.append(record)


@pytest.mark.parametrize("name", ["hidden", "steps"])
def test_the_best_epoch_has_the_bits_of_a_run_that_ended_there(
    name, train, valid, judged, backend, tmp_path
):
    config = CONFIGS[name]
    judged(0.5, 0.9, 0.9, 0.1)
    trainer = Trainer(config, backend, keeping=BEST)
    kept = weights(trainer.fit(train, valid), tmp_path / "kept")
    assert trainer.kept["epoch"] == 2
    shorter = Trainer(replace(config, epochs=2), backend)
    assert kept == weights(shorter.fit(train), tmp_path / "shorter")
    assert kept != weights(Trainer(config, backend).fit(train, valid), tmp_path / "last")


@pytest.mark.parametrize("name", CONFIGS)
def test_the_folder_holds_the_model_of_the_best_epoch(name, train, valid, backend, tmp_path):
    folder, records = tmp_path / "m", Records()
    model, said = train_to_folder(
        train, valid, folder, CONFIGS[name], backend, watcher=records, keeping=BEST
    )
    best = max(records, key=lambda record: record["precision_at_1"])  # the first of equals
    assert said["kept_epoch"] == best["epoch"]
    loaded = Model.load(folder, backend)
    for each in (model, loaded):
        scores = each.evaluate(valid)
        assert {one: best[one] for one in scores} == scores
        assert {one: said[one] for one in scores} == scores
    assert len((folder / "metrics.jsonl").read_text().splitlines()) == len(records)
    assert {path.name for path in folder.iterdir()} == {
        "calibration.json", "config.json", "weights.safetensors", "metrics.jsonl", "run.json",
    }  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


@pytest.mark.parametrize("name", CONFIGS)
def test_a_better_last_epoch_is_kept_as_it_is(name, train, valid, judged, backend, tmp_path):
    judged(0.1, 0.2, 0.3, 0.4, 0.5)
    kept = weights(Trainer(CONFIGS[name], backend, keeping=BEST).fit(train, valid), tmp_path / "a")
    assert kept == weights(Trainer(CONFIGS[name], backend).fit(train), tmp_path / "b")


@pytest.mark.parametrize(
    ("scores", "patience", "n"),
    [((0.5,), 1, 2), ((0.5,), 2, 3), ((0.5, 0.6, 0.5), 1, 3), ((0.1, 0.2, 0.3, 0.4), 1, 4)],
)
def test_training_stops_after_epochs_that_are_not_better(
    train, valid, judged, backend, scores, patience, n
):
    judged(*scores)
    records = Records()
    keeping = Keeping(patience=patience)
    trainer = Trainer(STEPS, backend, watcher=records, keeping=keeping)
    trainer.fit(train, valid)
    assert [record["epoch"] for record in records] == list(range(1, n + 1))
    assert trainer.kept is records[-1]


def test_svms_that_are_stopped_take_in_what_was_held_out(train, valid, judged, backend, tmp_path):
    judged(0.5)
    records = Records()
    stopped = Trainer(SVM, backend, watcher=records, keeping=Keeping(patience=1))
    model = stopped.fit(train, valid)
    assert [record["epoch"] for record in records] == [1, 2, 2]
    whole = Trainer(replace(SVM, epochs=2), backend).fit(train)
    assert weights(model, tmp_path / "a") == weights(whole, tmp_path / "b")


def test_a_time_budget_ends_it_as_ever(train, valid, judged, backend):
    judged(0.5, 0.4)
    trainer = Trainer(STEPS, backend, time_budget=1e-3, keeping=BEST)
    trainer.fit(train, valid)
    assert trainer.kept["epoch"] == 1


def test_hogwild_keeps_the_best(train, valid, judged):
    backend = package.load_backend("processes", mode="hogwild")
    backend.set_threads(2)
    seen = []
    judged(0.9, 0.1)

    class Seen(Records):
        def on_evaluation(self, record):
            seen.append(record)

    trainer = Trainer(replace(STEPS, epochs=2), backend, watcher=Seen(), keeping=BEST)
    model = trainer.fit(train, valid)
    assert (len(seen), trainer.kept["epoch"]) == (2, 1)
    assert np.isfinite(model.predict(valid.x, 1)[1]).all()


def test_an_interrupted_run_leaves_nothing(train, valid, backend, tmp_path):
    class Interrupts(Records):
        def on_evaluation(self, record):
            if record["epoch"] == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_to_folder(
            train, valid, tmp_path / "m", STEPS, backend, watcher=Interrupts(), keeping=BEST
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("choice", "what"),
    [
        ({"keep": "first"}, "keep is 'first': expected one of last, best"),
        ({"metric": "P@1"}, "metric is 'P@1': expected one of precision, .*at 1, 3 or 5, such as"),
        ({"patience": 0}, "patience is 0"),
        ({"patience": True}, "patience is True"),
    ],
)
def test_what_cannot_be_kept_is_refused(choice, what):
    with pytest.raises(ConfigError, match=what):
        Keeping(**choice)


@pytest.mark.parametrize("keeping", [BEST, Keeping(patience=3)])
def test_without_a_validation_set_there_is_nothing_to_compare(train, backend, keeping):
    with pytest.raises(ConfigError, match="validation set"):
        Trainer(STEPS, backend, keeping=keeping).fit(train)


def test_every_metric_is_measured(trained, test_set, backend):
    measured = set(Model.load(trained, backend).evaluate(test_set))
    of_parts = {name for name in measured if name.startswith(PARTS)}  # a set may lack some
    assert set(METRICS) == measured - of_parts
    assert LAST.metric in METRICS


COMMAND = ["train", "train.txt.gz", "--model", "n"]


@pytest.mark.parametrize("options", [["--keep", "best"], ["--patience", "2"]])
def test_the_command_line_wants_a_validation_set(files, slide, options):
    code, out, err = slide(*COMMAND, *options)
    assert (code, out) == (2, "")
    assert err.startswith("slide: ")
    assert "--valid" in err
    assert not (files / "n").exists()


def test_a_metric_without_use_is_refused(files, slide):
    code, _, err = slide(*COMMAND, "--valid", "test.txt", "--metric", "mrr_at_5")
    assert code == 2
    assert err.startswith("slide: --metric compares epochs")


def test_the_command_line_keeps_the_best(files, slide):
    options = ["--valid", "test.txt", "--keep", "best", "--metric", "ndcg_at_5", "--hidden", "16"]
    code, out, _ = slide(*COMMAND, *options, "--epochs", "3", "--lr", "0.05", "--json")
    assert code == 0
    said = json.loads(out)
    lines = (files / "n" / "metrics.jsonl").read_text().splitlines()
    scores = [json.loads(line)["ndcg_at_5"] for line in lines]
    assert said["ndcg_at_5"] == max(scores) == scores[said["kept_epoch"] - 1]
    found = json.loads(slide("evaluate", "n", "test.txt", "--json")[1])
    assert found["ndcg_at_5"] == said["ndcg_at_5"]
