"""`slide train --distributed --combine`, and commands that read an ensemble."""

import json
from contextlib import contextmanager

import pytest

from slide.cli.distributed import Wanted
from slide.distributed import ray_asking
from slide.distributed.asking import InProcess

STEPS = ["--lr", "2", "--epochs", "1", "--layers", "1", "--active", "10"]


@pytest.fixture
def in_this_process(monkeypatch):
    """Workers without Ray."""

    @contextmanager
    def connected(self, computer):
        yield None, self.shards or 2, 1

    monkeypatch.setattr(Wanted, "connected", connected)
    monkeypatch.setattr(ray_asking, "AskedByRay", lambda ray, threads, *rest: InProcess(*rest))


def trained(slide, *options):
    code, out, err = slide("train", "test.txt", "--distributed", "--json", *options, *STEPS)
    assert code == 0, err
    return json.loads(out)


def test_averaged_weights_are_a_model(slide, files, in_this_process):
    plain = ["train", "test.txt", "--model", "plain", "--quiet", *STEPS]
    assert slide(*plain)[0] == 0
    options = "--combine", "averaged", "--average-every", "2"
    assert trained(slide, "--model", "one", "--shards", "1", *options)["config"]["layers"] == 1
    assert slide("predict", "one", "test.txt") == slide("predict", "plain", "test.txt")
    trained(slide, "--model", "two", "--shards", "2", *options)
    more = "--distributed", "--model", "told", *options, *STEPS
    code, _, err = slide("train", "test.txt", *more)  # its epochs in words
    assert code == 0, err
    assert slide("predict", "two", "test.txt")[0] == 0
    assert slide("predict", "two", "test.txt") != slide("predict", "plain", "test.txt")


def test_models_that_vote_are_a_folder_of_models(slide, files, in_this_process):
    figures = trained(slide, "--model", "e", "--combine", "voted", "--valid", "test.txt")
    assert figures["members"] == 2
    code, out, err = slide("evaluate", "e", "test.txt", "--json")
    assert code == 0, err
    assert json.loads(out)["precision_at_1"] == figures["precision_at_1"]
    assert slide("predict", "e", "test.txt", "--proba")[0] == 0
    assert slide("evaluate", "e/member-0", "test.txt")[0] == 0
    for asked in (
        ["predict", "e", "test.txt", "--sampled"],
        ["explain", "e", "test.txt", "--row", "0"],
        ["inspect", "e"],
    ):
        code, out, err = slide(*asked)
        assert (code, out) == (2, "")
        assert "e is an ensemble" in err
        assert "e/member-0" in err


REFUSED = [
    (["--combine", "voted"], "--combine is about shards: say --distributed"),
    (["--distributed", "--average-every", "9"], "say --combine averaged"),
    (["--distributed", "--combine", "voted", "--loose"], "--loose is about shards of labels"),
    (["--distributed", "--combine", "voted", "--checkpoint-every", "9"], "to their ends"),
    (["--distributed", "--combine", "averaged", "--layers", "2"], "hidden layer of all examples"),
    (["--distributed", "--combine", "averaged", "--shards", "4096"], "4096 workers for"),
]


@pytest.mark.parametrize(("options", "words"), REFUSED)
def test_what_does_not_go_together_is_refused(slide, files, options, words, in_this_process):
    code, out, err = slide("train", "train.txt.gz", "--model", "m", "--lr", "2", *options)
    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1
    assert not list(files.glob("*m*/*"))
