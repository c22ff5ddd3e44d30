"""`slide train` and `slide predict --distributed`: options, refusals, and what is printed."""

import json
import logging
import socket
import sys
from contextlib import contextmanager

import pytest
from interrupted import TRAIN, StopsAt
from sharded import group_of, trainer_of

from slide.backends import load
from slide.cli.distributed import Wanted
from slide.core.checkpoints.every import Checkpoints, checkpoints_of
from slide.core.interrupts import Interrupted
from slide.core.models.shards import names_of
from slide.distributed.cluster import ON_TOKENS
from slide.distributed.group import ShardGroup

STEPS = ["--lr", "2", "--epochs", "1", "--layers", "1", "--active", "10"]


@pytest.fixture
def in_this_process(monkeypatch):
    """Shards without Ray."""

    @contextmanager
    def group(self, computer):
        yield ShardGroup(computer, lambda: load(self.backend), self.shards or 2, self.loose)

    monkeypatch.setattr(Wanted, "group", group)


def test_a_model_is_trained_and_answers(slide, files, in_this_process):
    plain = ["train", "test.txt", "--model", "plain", "--quiet", *STEPS]
    assert slide(*plain)[0] == 0
    code, out, err = slide(
        "train", "test.txt", "--model", "m", "--distributed", "--shards", "3", "--json",
        "--checkpoint-every", "epoch", *STEPS,
    )  # fmt: skip
    assert code == 0, err
    assert json.loads(out)["config"]["layers"] == 1
    assert {path.name for path in files.glob("m/weights*")} == set(names_of(3))
    assert not files.joinpath("m.checkpoints").exists()
    expected = slide("predict", "plain", "test.txt")
    assert expected[0] == 0
    assert slide("predict", "m", "test.txt") == expected
    assert slide("predict", "m", "test.txt", "--distributed", "--shards", "4") == expected
    assert slide("predict", "plain", "test.txt", "--distributed") == expected


def test_hidden_layers_are_trained_and_answer(slide, files, in_this_process):
    said = ["--hidden", "16", "--epochs", "1", "--batch-size", "64", "--active", "40", "--quiet"]
    assert slide("train", "test.txt", "--model", "plain", *said)[0] == 0
    assert slide("train", "test.txt", "--model", "m", "--distributed", *said)[0] == 0
    code, expected, _ = slide("predict", "plain", "test.txt", "--k", "1")
    assert code == 0
    assert [line.split(":")[0] for line in slide("predict", "m", "test.txt", "--k", "1")[1].split()
            ] == [line.split(":")[0] for line in expected.split()]  # fmt: skip


def test_one_label_an_example_has_no_hidden_layer_of_examples(slide, files, in_this_process):
    lines = [f"{i % 7} {i % 7}:1 {7 + i % 3}:1" for i in range(2100)]
    (files / "one.svm").write_text("\n".join(lines) + "\n")
    code, out, err = slide(
        "train", "one.svm", "--model", "m", "--distributed", "--set", "active=2", "--json"
    )
    assert code == 0, err
    assert json.loads(out)["config"]["layers"] == 1


REFUSED = [
    (["--shards", "2"], "--shards is about shards: say --distributed"),
    (["--address", "x:1"], "--address is about shards"),
    (["--loose"], "--loose is about shards"),
    (["--distributed", "--calibrate"], "give examples by --valid"),
    (["--distributed", "--layers", "2"], "--layers 2 is a hidden layer of examples"),
    (["--distributed", "--backend", "processes", "--mode", "hogwild"], "--mode hogwild has work"),
]


@pytest.mark.parametrize(("options", "words"), REFUSED)
def test_what_does_not_go_together_is_refused(slide, files, options, words, request):
    if "hogwild" not in options:
        request.getfixturevalue("in_this_process")
    code, out, err = slide("train", "train.txt.gz", "--model", "m", "--lr", "2", *options)
    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1
    assert not list(files.glob("*m*/*"))


def test_hidden_layers_and_solved_labels_are_refused(slide, files, in_this_process):
    refused = slide("train", "train.txt.gz", "--model", "m", "--distributed", "--cost", "1")
    assert refused[0] == 2
    assert "leave out settings of linear SVMs" in refused[2]


def test_sampled_answers_are_refused(slide, files, in_this_process):
    code, _, err = slide("predict", "m", "test.txt", "--sampled", "--distributed")
    assert code == 2
    assert "--sampled looks at few labels" in err


def test_more_shards_than_labels_are_refused_before_ray_starts(slide, files, monkeypatch):
    monkeypatch.setattr(Wanted, "connected", None)  # would be called
    options = ["--distributed", "--shards", "4096", "--lr", "2"]
    code, out, err = slide("train", "train.txt.gz", "--model", "m", *options)
    assert (code, out) == (2, "")
    assert "shards is 4096, of " in err


@pytest.mark.parametrize("more", [[], ["--combine", "averaged"]])
def test_a_hidden_layer_of_examples_is_refused_before_ray_starts(slide, files, monkeypatch, more):
    monkeypatch.setattr(Wanted, "connected", None)
    options = ["--distributed", "--shards", "2", "--lr", "2", "--layers", "2", *more]
    code, out, err = slide("train", "test.txt", "--model", "m", *options)
    assert (code, out) == (2, "")
    assert "--layers 2 is a hidden layer of" in err


@pytest.mark.parametrize(("options", "words"), [
    (["--distributed", "--shards", "3"], "goes on has --shards 2, got 3: give it as it was"),
    (["--distributed", "--shards", "2", "--loose"], "goes on has no --loose: leave it out"),
    (["--distributed", "--shards", "2", "--combine", "averaged"], "goes on has no --combine"),
    ([], "goes on has --distributed: give it as it was"),
])  # fmt: skip
def test_a_run_goes_on_among_those_it_was_begun_among(slide, files, options, words):
    checkpoints = Checkpoints(checkpoints_of(files / "m"), "1")
    with pytest.raises(Interrupted):
        trainer_of(group_of(2), checkpoints=checkpoints, watcher=StopsAt(2)).fit(TRAIN)
    code, out, err = slide("train", "test.txt", "--model", "m", "--resume", *options)
    assert (code, out) == (2, "")
    assert words in err
    assert "goes on after" not in err


@pytest.mark.parametrize(("address", "words"), [
    ("127.0.0.1:{port}", "cannot reach Ray at 127.0.0.1:{port}: "),
    ("here", "cannot reach Ray at here: "),
])  # fmt: skip
def test_where_nobody_listens_is_told_at_once(slide, files, address, words):
    with socket.socket() as taken:  # by nobody who listens
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        said = ["--distributed", "--lr", "2", "--address", address.format(port=port)]
        code, out, err = slide("train", "train.txt.gz", "--model", "m", *said)
    assert (code, out) == (2, "")
    assert words.format(port=port) in err
    assert not list(files.glob("*m*/*"))


def test_where_ray_does_not_start_there_is_a_sentence(slide, files, monkeypatch):
    """What it tells of tokens at each start is not passed on."""
    logger, told = logging.getLogger(ON_TOKENS), []
    logger.setLevel(logging.NOTSET)

    def init(*_, **__):
        told.append(logger.isEnabledFor(logging.WARNING))
        raise Exception("The current node timed out during startup")

    monkeypatch.setattr("ray.init", init)
    code, out, err = slide("train", "train.txt.gz", "--model", "m", "--distributed", "--lr", "2")
    assert (code, out) == (2, "")
    assert "Ray does not start here: The current node timed out" in err
    assert told == [False]


def test_without_ray_it_says_what_to_install(slide, files, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    code, out, err = slide(
        "train", "train.txt.gz", "--model", "m", "--lr", "2", "--distributed", "--shards", "2"
    )
    assert (code, out) == (2, "")
    assert "pip install 'slide-engine[distributed]'" in err
    assert err.count("\n") == 1
    assert not (files / "m").exists()
