"""Runs that go on: to the bits of one that was not interrupted, or not at all."""

import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
from interrupted import (
    CONFIGS,
    TRAIN,
    VALID,
    bits,
    interrupted_and_resumed,
    trained,
)

import slide
from slide.core.checkpoints.every import Every, Pace, checkpoints_of
from slide.core.checkpoints.files import ARRAYS, STATE, read_checkpoint, write_checkpoint
from slide.core.checkpoints.shelf import Shelf
from slide.core.checkpoints.snapshot import Snapshot
from slide.core.direct import run as direct_run
from slide.core.direct.mapped import AsInputs, as_inputs
from slide.core.errors import ConfigError, ModelError, SlideWarning
from slide.core.models.calibration import Calibration
from slide.core.runs.clock import Place
from slide.core.runs.keeping import Keeping
from slide.core.runs.resuming import refuse_epochs
from slide.core.svm.run import SvmRun
from slide.data import convert_to_folder

BEST = Keeping("best", patience=2)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """What a run leaves that nobody has disturbed, each of them once."""
    folder, known = tmp_path_factory.mktemp("undisturbed"), {}

    def of(name, backend, **rest):
        key = name, backend.name, *map(str, rest.values())
        if key not in known:
            path = folder / str(len(known))
            trained(path, CONFIGS[name], backend, **rest)
            known[key] = bits(path)
        return known[key]

    return of


AT = {"svm": (2,), "stacked": (2, 4, 6)}  # rounds; others take three steps an epoch
NUMBA = slide.load_backend("numba")


@pytest.fixture
def suited(name, backend):
    """By the reference, rounds take long."""
    return NUMBA if name in AT else backend


@pytest.mark.parametrize("name", CONFIGS)
def test_a_run_that_goes_on_has_the_bits_of_one_that_was_not_interrupted(
    name, suited, tmp_path, undisturbed
):
    at = AT.get(name, (2, 3, 5))
    run = interrupted_and_resumed(tmp_path / "m", CONFIGS[name], suited, at)
    assert bits(run) == undisturbed(name, suited)
    assert os.listdir(tmp_path) == ["m"]


@pytest.mark.parametrize("name", ["layers", "direct", "svm"])
def test_so_has_one_that_keeps_the_best_epoch(name, suited, tmp_path, undisturbed):
    asked = {"valid": VALID, "keeping": BEST}
    at = AT.get(name, (4, 8))
    run = interrupted_and_resumed(tmp_path / "m", CONFIGS[name], suited, at, **asked)
    assert bits(run) == undisturbed(name, suited, **asked)


@pytest.mark.parametrize("name", ["layers", "direct", "svm"])
def test_so_has_one_whose_examples_weigh(name, suited, tmp_path):
    weights = np.random.default_rng(0).integers(1, 4, TRAIN.n_samples).astype(np.float32)
    weighed = replace(TRAIN, weights=weights)
    trained(tmp_path / "whole", CONFIGS[name], suited, train=weighed)
    run = interrupted_and_resumed(
        tmp_path / "m", CONFIGS[name], suited, AT.get(name, (4,)), train=weighed
    )
    assert bits(run) == bits(tmp_path / "whole")


def test_so_has_one_whose_examples_stay_on_the_disk(backend, tmp_path, undisturbed, monkeypatch):
    slide.write(TRAIN, tmp_path / "train.txt")
    mapped, seen = convert_to_folder([tmp_path / "train.txt"], tmp_path / "train"), []
    in_memory = undisturbed("direct", backend)

    def noting(train, order, inputs):
        seen.append(as_inputs(train, order, inputs))
        return seen[-1]

    monkeypatch.setattr(direct_run, "as_inputs", noting)
    run = interrupted_and_resumed(tmp_path / "m", CONFIGS["direct"], backend, (4,), train=mapped)
    assert bits(run) == in_memory
    whole = [each for each in seen if each.n_samples == TRAIN.n_samples]  # others are rehearsals
    assert [type(each) for each in whole] == [AsInputs, AsInputs]


@pytest.fixture
def broken_off(backend, tmp_path):
    """The folder of a model whose run was interrupted in its second epoch, after step 5."""
    folder = tmp_path / "m"
    said = trained(folder, CONFIGS["direct"], backend, at=5, every="2")
    assert said.startswith("interrupted; the last checkpoint is of step 5, in ")
    assert not folder.exists()
    return folder


def steps(folder):
    return [int(path.name[5:]) for path in Shelf(checkpoints_of(folder)).steps()]


def test_the_last_two_are_kept(broken_off):
    assert steps(broken_off) == [5, 4]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: (path / ARRAYS).write_bytes((path / ARRAYS).read_bytes()[:-9]), "checksum"),
        (lambda path: (path / STATE).write_bytes((path / STATE).read_bytes()[:-9]), "checksum"),
        (lambda path: (path / STATE).write_text("torn"), "damaged"),
        (lambda path: (path / ARRAYS).unlink(), "cannot read"),
        (lambda path: (path / STATE).write_text("{}\n{}"), "not of a checkpoint"),
    ],
)
def test_a_torn_file_is_passed_over_and_that_is_said(
    damage, said, broken_off, backend, undisturbed
):
    last, before = Shelf(checkpoints_of(broken_off)).steps()
    damage(last)
    with pytest.warns(SlideWarning, match=f"{said}.*goes on from the one before, {before}"):
        trained(broken_off, CONFIGS["direct"], backend, resume=True)
    assert bits(broken_off) == undisturbed("direct", backend)


def test_where_all_are_torn_nothing_is_gone_on_with(broken_off, backend):
    for path in Shelf(checkpoints_of(broken_off)).steps():
        (path / STATE).write_text("torn")
    with pytest.raises(ModelError, match="there is no other: begin anew"):
        trained(broken_off, CONFIGS["direct"], backend, resume=True)
    trained(broken_off, CONFIGS["direct"], backend, every="2", fresh=True)
    assert broken_off.exists()


def test_a_byte_that_has_changed_is_found(broken_off):
    path = Shelf(checkpoints_of(broken_off)).steps()[0]
    data = bytearray((path / ARRAYS).read_bytes())
    data[-1] ^= 1
    (path / ARRAYS).write_bytes(data)
    with pytest.raises(ModelError, match="its checksum is another one"):
        read_checkpoint(path)


@pytest.mark.parametrize("is_old", [False, True])
def test_calls_are_counted_on_and_checkpoints_without_them_go_on(
    is_old, broken_off, backend, undisturbed
):
    path = Shelf(checkpoints_of(broken_off)).steps()[0]
    state = read_checkpoint(path)
    before = state["calls_by_kernel"]["loss"]
    if is_old:
        del state["calls_by_kernel"], state["clock"]["seconds_evaluate"]
        write_checkpoint(path, Snapshot.of(state))
    trained(broken_off, CONFIGS["direct"], backend, resume=True)
    assert bits(broken_off) == undisturbed("direct", backend)
    last = json.loads((broken_off / "metrics.jsonl").read_text().splitlines()[-1])
    assert before == 5
    assert last["calls_by_kernel"]["loss"] == last["step"] - before * is_old


def test_another_version_is_refused(broken_off, backend):
    path = Shelf(checkpoints_of(broken_off)).steps()[0] / STATE
    path.write_text(path.read_text().replace('"version": 4', '"version": 7', 1))
    with pytest.raises(ModelError, match="has version 7: this slide goes on from version 4"):
        trained(broken_off, CONFIGS["direct"], backend, resume=True)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"seed": 3}, "seed is 3, but the checkpoint's run has 0: only epochs and lr may change"),
        ({"connections": 7}, "connections is 7, but the checkpoint's run has "),
        ({"hidden": (4,)}, r"hidden is \(4,\), but the checkpoint's run has \(\)"),
        ({"K": 4}, "K is 4, but the checkpoint's run has no such setting"),
        ({"epochs": 1}, "epochs is 1, but the checkpoint's run is in epoch 2"),
    ],
)
def test_other_settings_are_refused(changed, said, broken_off, backend):
    with pytest.raises(ConfigError, match=said):
        trained(broken_off, slide.Config(**changed), backend, resume=True)
    assert steps(broken_off) == [5, 4]


def test_epochs_may_change_and_what_is_not_said_stays(broken_off, backend):
    trained(broken_off, slide.Config(epochs=4), backend, resume=True)
    lines = bits(broken_off)[1]
    assert [line["epoch"] for line in lines] == [1, 2, 3, 4]
    assert lines[-1]["step"] == 12


@pytest.mark.parametrize(
    ("where", "name"),
    [(SvmRun, "solve_all"), (Calibration, "fitted_to")],
    ids=["between", "behind"],
)
def test_epochs_do_not_change_after_the_last_one(where, name, tmp_path, monkeypatch):
    whole = getattr(where, name)

    def interrupted(run, *rest):
        if where is SvmRun and not (run.data.n_samples == TRAIN.n_samples and run.has_all):
            return whole(run, *rest)  # of two solves the first, or a rehearsal
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(where, name, interrupted)
        assert trained(tmp_path / "m", CONFIGS["svm"], NUMBA, every="epoch")
    epoch = read_checkpoint(Shelf(checkpoints_of(tmp_path / "m")).steps()[0])["place"]["epoch"]
    with pytest.raises(ConfigError, match=f"had its last epoch, {epoch}: leave it out"):
        trained(tmp_path / "m", slide.Config(epochs=99), NUMBA, resume=True)
    trained(tmp_path / "m", slide.Config(), NUMBA, resume=True)
    assert (tmp_path / "m").exists()


@pytest.mark.parametrize("told", ["n_finished", "has_enough", "is_done"])
def test_each_of_these_says_that_the_last_epoch_was(told):
    place = Place(epoch=3).state()
    refuse_epochs(3, place)
    with pytest.raises(ConfigError, match="epochs is 9, but the checkpoint's run has had its last"):
        refuse_epochs(9, place | {told: True})


def test_another_backend_and_other_threads_may_go_on(broken_off):
    other = slide.load_backend("numba")
    other.set_threads(3)
    trained(broken_off, CONFIGS["direct"], other, resume=True)
    assert [line["step"] for line in bits(broken_off)[1]] == [3, 6, 9]


def test_what_an_interrupted_run_has_left_is_not_lost_unasked(broken_off, backend):
    with pytest.raises(ModelError, match="has checkpoints of an interrupted run: go on by"):
        trained(broken_off, CONFIGS["direct"], backend, every="2")
    assert steps(broken_off) == [5, 4]


def test_nothing_to_go_on_from_is_said_or_begun(backend, tmp_path):
    with pytest.raises(ModelError, match="has no checkpoint to go on from"):
        trained(tmp_path / "m", CONFIGS["direct"], backend, resume=True)
    assert os.listdir(tmp_path) == []
    trained(tmp_path / "m", CONFIGS["direct"], backend, resume=True, every="epoch")
    assert os.listdir(tmp_path) == ["m"]


def test_a_second_run_on_the_folder_is_refused(broken_off, backend):
    held = Shelf(checkpoints_of(broken_off))
    held.acquire()
    with pytest.raises(ModelError, match="another run writes checkpoints to"):
        trained(broken_off, CONFIGS["direct"], backend, resume=True)
    held.lock.close()  # as when its process is killed: the file stays
    trained(broken_off, CONFIGS["direct"], backend, resume=True)
    assert broken_off.exists()


@pytest.mark.parametrize("said", ["0", "-1", "1.5", "s", "0s", "1h", "epochs", "", "3 s", None, 5])
def test_a_pace_that_is_none_is_refused(said):
    with pytest.raises(ConfigError, match="expected a number of steps such as 500"):
        Every(said)


def test_paces(monkeypatch):
    by_steps, by_epoch = Pace(Every("3"), 4), Pace(Every("epoch"), 0)
    assert [by_steps.is_due(step, False) for step in (5, 6, 7)] == [False, False, True]
    assert [by_epoch.is_due(9, is_epoch) for is_epoch in (False, True)] == [False, True]
    now = [10.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    by_seconds = Pace(Every("2.5s"), 0)
    now[0] = 12.4
    assert not by_seconds.is_due(1, True)
    now[0] = 12.5
    assert by_seconds.is_due(1, False)


def test_a_state_comes_back_as_it_was(tmp_path):
    arrays = {str(dtype): np.arange(3).astype(dtype) for dtype in (np.int8, np.uint64, bool)}
    state = {"arrays": [arrays, None], "empty": np.zeros((0, 4), np.float32), "inf": np.inf}
    write_checkpoint(tmp_path, Snapshot.of(state))
    back = read_checkpoint(tmp_path)
    assert (back["inf"], back["empty"].shape, back["arrays"][1]) == (np.inf, (0, 4), None)
    for name, array in arrays.items():
        np.testing.assert_array_equal(back["arrays"][0][name], array, strict=True)


def leaves(tree, path=()):
    """The path and the value of all that a state is made of."""
    if isinstance(tree, dict | list):
        for name, each in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from leaves(each, (*path, name))
    else:
        yield path, tree


def planted_at(tree, path, value):
    for name in path[:-1]:
        tree = tree[name]
    tree[path[-1]] = value


SECONDS = {"seconds", "seconds_by_kernel", "seconds_evaluate", "calls_by_kernel", "lr"}
LATE = {
    "layers": 5, "layers, rehashed": 5, "layers, often": 4,
    "direct": 5, "direct, often": 4, "svm": 2, "stacked": 6,
}  # fmt: skip
UNUSED = {
    "svm place/drawn_from/state/state": "a round is of all examples, in no order",
    "svm learner/rng/has_uint32": "half a number, which no later draw asks for",
    "svm learner/layer/network/square": "there are no steps, whose squares would be added",
    "stacked place/drawn_from/state/state": "a round is of all examples, in no order",
    "stacked place/drawn_from/has_uint32": "the same",
    "stacked learner/layer/network/square": "there are no steps, whose squares would be added",
    "stacked learner/layer/hits": "the round that is left answers anew",
    "stacked learner/loss": "the same",
    "any kept/n_worse": "the round that is left is the last one",
    "direct learner/index/base": "biases are looked up anew for each batch",
    "layers learner/catch_ups/0/steps": "every batch of so few features has them all",
    "layers learner/catch_ups/0/rates": "the same",
    "layers learner/samplers/1/tables/fresh_recall": "so small tables are stale at once",
    "layers learner/samplers/1/tables/clocks/1/n_turns": "gaps of rehashes do not grow",
    "layers learner/samplers/1/tables/clocks/2/due_at": "reinserts are due at each step",
    "layers learner/samplers/1/tables/clocks/2/n_turns": "gaps of reinserts do not grow",
}


def forgetting(name, backend, folder, expected, asked):
    """Each piece of the state after some steps, and whether it is missed.

    It is replaced by what it was after the first step.
    """
    states, shelf, model = [], Shelf(checkpoints_of(folder / "m")), folder / "m"
    for at in (1, LATE[name]):
        trained(model, CONFIGS[name], backend, at=at, every="1000", fresh=True, **asked)
        states.append(read_checkpoint(shelf.steps()[0]))
    last, first = shelf.steps()[0].name, dict(leaves(states[0]))
    shutil.copytree(shelf.folder, folder / "kept")
    for path, value in leaves(states[1]):
        is_seconds = bool(SECONDS & set(path)) or path[-1] == "uinteger"  # of a number half used
        if is_seconds or np.array_equal(value, first.get(path, value)):
            continue
        for old in (shelf.folder, model):
            shutil.rmtree(old, ignore_errors=True)
        shutil.copytree(folder / "kept", shelf.folder)
        state = read_checkpoint(shelf.folder / last)
        is_set = (
            isinstance(value, np.ndarray) and value.dtype.kind == "b"
        )  # too full to be missed, else
        planted_at(state, path, np.zeros_like(value) if is_set else first[path])
        write_checkpoint(shelf.folder / last, Snapshot.of(state))
        try:
            trained(model, CONFIGS[name], backend, resume=True, **asked)
            is_missed = bits(model) != expected
        except Exception:
            is_missed = True
        yield "/".join(map(str, path)), is_missed


@pytest.mark.slow
def test_whatever_is_forgotten_is_missed(backend, tmp_path, undisturbed):
    asked, missed, unmissed = {"valid": VALID, "keeping": BEST}, set(), set()
    for name in LATE:
        (tmp_path / name).mkdir()
        expected = undisturbed(name, backend, **asked)
        for path, is_missed in forgetting(name, backend, tmp_path / name, expected, asked):
            kind = name.split(",")[0] if path.startswith(("learner", "place/drawn")) else "any"
            (missed if is_missed else unmissed).add(f"{kind} {path}")
    print(*sorted(missed), sep="\n")
    assert sorted(unmissed - missed - set(UNUSED)) == []
