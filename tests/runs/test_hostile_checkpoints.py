"""Checkpoints that somebody made to harm, with checksums that fit: refused in a sentence."""

import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from fuzzing import folders
from fuzzing.folders import HasEnoughError, StopsAt, run

from slide.core.checkpoints.files import ARRAYS, STATE, read_checkpoint, write_checkpoint
from slide.core.checkpoints.snapshot import Snapshot
from slide.core.errors import ModelError
from slide.reference.kernels import ReferenceBackend


def laid(place, name):
    """The folder of the checkpoints of a run, and that of its last one."""
    for path, content in folders.checkpoint_of(name)().items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_bytes(content)
    return place / "c", (place / path).parent


@cache
def state_of(name):
    """What is in it; nobody may change it."""
    with TemporaryDirectory() as place:
        return read_checkpoint(laid(Path(place), name)[1])


def changed(tree, path, change):
    """A copy of the tree with another value in one place."""
    if not path:
        return change(tree)
    first, *rest = path
    other = dict(tree) if isinstance(tree, dict) else list(tree)
    other[first] = changed(tree[first], rest, change)
    return other


def to(value):
    return lambda old: value


def put(place, number):
    """A change of one number of an array."""

    def change(old):
        other = old.copy()
        other.reshape(-1)[place] = number
        return other

    return change


START = {
    "features": {"n": 40, "ids": None}, "labels": {"n": 3, "ids": np.array([2, 1, 0], np.int32)},
    "label_counts": np.ones(3, np.int64), "n_samples": 9,
}  # fmt: skip
ANY = {
    "no step": ("clock/step", to(None)),
    "a step that is a flag": ("clock/step", to(True)),
    "endless seconds": ("clock/seconds", to(float("inf"))),
    "calls of no number": ("calls_by_kernel/loss", to("many")),
    "an epoch too far": ("place/epoch", to(10**9)),
    "no epoch": ("place/epoch", to(0)),
    "reports of no run": ("place/reports", lambda old: {"loss": old["loss"]}),
    "no order of examples": ("place/drawn_from", to({})),
    "a model elsewhere": ("kept/folder", to("../../m")),
    "a model at the root": ("kept/folder", to("/tmp")),
    "a model above": ("kept/folder", to("..")),
    "no settings": ("run/config", to([])),
    "a learner that there is not": ("run/learner", to("x" * 10_000)),
    "no pace": ("run/every", to("0s")),
    "no generator": ("learner/rng", to({"bit_generator": "MT19937"})),
    "parts of no run": ("learner", to({})),
    "no names": ("run/names", to({})),
    "a digest that is a number": ("run/names/the names of labels are", to(7)),
    "a start of no run": ("run/start", to({"features": None})),
    "a start of other labels": ("run/start", to(START)),
    "parts that were no number": ("place/n_finished", to(-1)),
}
DIRECT = {
    "features beyond": ("learner/network/weight/indices", put(0, 2**30)),
    "rows beyond": ("learner/network/weight/indptr", put(1, 2**40)),
    "other columns": ("learner/network/weight/n_cols", to(2**31)),
    "nan": ("learner/network/weight/values", put(0, np.nan)),
    "no square": ("learner/network/square", put(0, 0)),
    "pairs beyond": ("learner/network/pairs", to(np.array([2**50]))),
    "other weights of features": ("learner/network/input_weights", lambda old: old[1:]),
}
IN_LAYER = {
    what: (path.replace("learner", "learner/layer"), change)
    for what, (path, change) in DIRECT.items()
}
BAD = {
    "checkpoint": ANY | {
        "other weights": ("learner/params/0/weight", lambda old: old[1:]),
        "other moments": ("learner/params/1/square", lambda old: old[:, :1]),
        "nan": ("learner/params/1/weight", put(0, np.nan)),
        "neurons beyond": ("learner/samplers/1/tables/tables/ids", put(0, 2**30)),
        "a neuron twice": ("learner/samplers/1/tables/tables/ids", lambda old: old * 0),
        "buckets beyond": ("learner/samplers/1/tables/tables/offsets", put(1, 2**40)),
        "other buckets": ("learner/samplers/1/tables/tables/n_buckets", to(2**40)),
        "fewer buckets": (
            "learner/samplers/1/tables/tables",
            lambda old: old | {"n_buckets": old["n_buckets"] // 2, "offsets": old["offsets"][::2]},
        ),
        "no hash functions": ("learner/samplers/1/tables/drawn_from", to(None)),
        "rows ahead": ("learner/catch_ups/0/last", put(0, 10**6)),
        "rates that nobody knows": ("learner/n_steps", to(2**60)),
    },
    "ckpt-direct": DIRECT | {
        "labels beyond": ("learner/index/ids", put(0, 2**30)),
        "lists beyond": ("learner/index/offsets", put(-1, 2**30)),
    },
    "ckpt-svm": IN_LAYER | {
        "pairs of others": ("learner/layer/lists/cells", put(-1, 2**60)),
        "a dual below": ("learner/layer/lists/duals", put(0, -1)),
        "examples beyond": ("learner/split/usable", put(-1, 99)),
        "centroids": ("learner/layer/centroids/indices", put(0, 99)),
    },
}  # fmt: skip
CASES = [(name, what) for name, cases in BAD.items() for what in cases]


@pytest.mark.parametrize(("name", "what"), CASES)
def test_what_no_run_has_left(tmp_path, name, what):
    path, change = BAD[name][what]
    places = [int(each) if each.isdigit() else each for each in path.split("/")]
    folder, step = laid(tmp_path, name)
    write_checkpoint(step, Snapshot.of(changed(state_of(name), places, change)))
    with pytest.raises(ModelError, match="the checkpoint is damaged") as caught:
        run(folder, name, ReferenceBackend(), StopsAt(1, HasEnoughError), resume=True)
    assert len(str(caught.value).replace(str(tmp_path), "")) < 400


def fields_in(tree, path=()):
    """The paths of all fields of all objects in it."""
    for name, value in tree.items() if isinstance(tree, dict) else ():
        yield *path, name
        yield from fields_in(value, (*path, name))


def renamed(name):
    """A change of the name of a field."""
    return lambda old: {f"{each}?" if each == name else each: value for each, value in old.items()}


@pytest.mark.parametrize("name", BAD)
def test_a_field_under_another_name_is_refused_or_of_no_account(tmp_path, name):
    state = state_of(name)
    refused = 0
    for *path, field in fields_in(state):
        folder, step = laid(tmp_path, name)
        write_checkpoint(step, Snapshot.of(changed(state, path, renamed(field))))
        try:
            run(folder, name, ReferenceBackend(), StopsAt(1, HasEnoughError), resume=True)
        except ModelError as error:
            refused += "the checkpoint is damaged" in str(error)
        except HasEnoughError:
            pass
    assert refused > 30


@pytest.mark.parametrize("name", [STATE, ARRAYS])
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_parts_are_files_of_the_checkpoint(tmp_path, name, kind):
    folder, step = laid(tmp_path, "ckpt-direct")
    (step / name).rename(tmp_path / "elsewhere")
    (step / name).symlink_to(tmp_path / "elsewhere") if kind == "link" else os.mkfifo(step / name)
    with pytest.raises(ModelError, match=f"{name} is a link, a pipe or a folder"):
        run(folder, "ckpt-direct", ReferenceBackend(), StopsAt(1, HasEnoughError), resume=True)


def test_an_array_stands_for_one(tmp_path):
    _, step = laid(tmp_path, "ckpt-direct")
    content = (step / STATE).read_bytes()
    other = content.replace(b"/learner/touched", b"/learner/network/square")
    assert other != content
    files = folders.as_checkpoint({STATE: other, ARRAYS: (step / ARRAYS).read_bytes()})
    (step / STATE).write_bytes(files[STATE])
    with pytest.raises(ModelError, match="is damaged"):
        read_checkpoint(step)
