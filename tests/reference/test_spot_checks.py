"""Kernels checked while a network is trained: what is found, what is missed, and what it costs."""

import contextlib
import io
import json
import shutil
import sys
from dataclasses import fields, is_dataclass, replace
from typing import ClassVar

import numpy as np
import pytest

import slide
from slide.backends import complete, create, load
from slide.backends.delegating import Delegating
from slide.core.contract.arrays import CSR, Block
from slide.core.contract.backend import KERNELS
from slide.core.errors import BackendError, CheckError, ConfigError
from slide.reference.cases.choices import SeededChoices
from slide.reference.cases.scale import Scaled, draw_at_scale
from slide.reference.kernels import ReferenceBackend
from slide.reference.running import WRITERS, map_arrays
from slide.reference.spot_checks import CheckedCall, SpotChecked, checked_call
from slide.reference.spot_checks.checking import SAMPLES
from slide.reference.spot_checks.forms import find_misfit
from slide.reference.spot_checks.picks import Picks, with_only_rows
from slide.reference.vectorised import verdict

REFERENCE = ReferenceBackend()
LARGEST = 120  # of all sizes: more than a sample takes
N_CASES = 6

MODULE = """
from slide.reference.kernels import ReferenceBackend

class Late(ReferenceBackend):
    def update_rows(self, param, grad, optimizer, lr, step):
        before = param.weight[100:].copy()
        super().update_rows(param, grad, optimizer, lr, step)
        if len(param.weight) > 200:
            param.weight[100:] = before

class Direct(ReferenceBackend):
    def masked_spgemm(self, x, w, active):
        z = super().masked_spgemm(x, w, active)
        if z.n_rows > 20:
            z.values[z.indptr[20]:] = 0
        return z

class Raising(ReferenceBackend):
    def spmm(self, z, w):
        raise KeyError("no such\\nrow")

class Funny:
    def __getattr__(self, name):
        raise RuntimeError(name)

class Strange(ReferenceBackend):
    def spmm(self, z, w):
        return Funny()

class Writing(ReferenceBackend):
    def spmm_t(self, z, h):
        grad = super().spmm_t(z, h)
        h[...] = 0
        return grad
"""


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("SLIDE_BACKEND", "SLIDE_CHECK"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Makes `lately:Late` and `lately:Direct` known."""
    (tmp_path / "lately.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("lately", None)


@pytest.fixture
def scarce(request, monkeypatch):
    """Samples as small as can be, if that is asked for."""
    if request.param:
        for name in ("picks", "by_neuron"):
            monkeypatch.setattr(f"slide.reference.spot_checks.{name}.TERMS", 500)


def cases_of(kernel, n=N_CASES, largest=LARGEST):
    """Arguments at sizes of use, with numbers of all magnitudes."""
    for number in range(n):
        draw = Scaled(SeededChoices(3, number, largest))
        draw.kind, draw.rough = "rough", True
        yield draw_at_scale(kernel, draw)


def sampled(kernel, arguments, seed, backend=REFERENCE):
    """A sample of a call, and the whole result."""
    placed = map_arrays(arguments, lambda array: backend.put(array.copy()))
    sample = SAMPLES[kernel](Picks(backend, np.random.default_rng(seed)), *placed)
    result = getattr(backend, kernel)(*placed)
    return sample, placed[0] if kernel in WRITERS else result


def leaves(thing, path=()):
    """The arrays of a result that hold something, by their places in it."""
    if isinstance(thing, np.ndarray):
        if thing.size:
            yield path
    elif isinstance(thing, tuple):
        for i, part in enumerate(thing):
            yield from leaves(part, (*path, i))
    elif is_dataclass(thing):
        for field in fields(thing):
            yield from leaves(getattr(thing, field.name), (*path, field.name))


def at(thing, path):
    for step in path:
        thing = thing[step] if isinstance(step, int) else getattr(thing, step)
    return thing


def changed(array, place):
    """The array with another number somewhere."""
    copy = array.copy()
    old = copy.flat[place]
    copy.flat[place] = (
        old + 1 if array.dtype.kind in "iu" else 1 + 99 * np.nan_to_num(old, neginf=0)
    )
    return copy


def with_leaf(thing, path, array):
    if not path:
        return array
    step, *rest = path
    if isinstance(step, int):
        parts = list(thing)
        parts[step] = with_leaf(parts[step], rest, array)
        return tuple(parts)
    return replace(thing, **{step: with_leaf(getattr(thing, step), rest, array)})


def bits(thing):
    return [at(thing, path).tobytes() for path in leaves(thing)]


def said(kernel, arguments, sample, result):
    """What the check says of a result."""
    if kernel not in WRITERS and (sentence := find_misfit(kernel, arguments, result)):
        return sentence
    return verdict(kernel, sample.arguments, sample.cut(result)).sentence


@pytest.mark.parametrize("scarce", [False, True], ids=["", "scarce"], indirect=True)
@pytest.mark.parametrize("kernel", KERNELS)
def test_a_sample_is_right_and_shows_each_wrong_cell_of_its_own(kernel, scarce):
    rng = np.random.default_rng(1)
    n_shown = 0
    for number, case in enumerate(cases_of(kernel)):
        sample, result = sampled(kernel, case.arguments, number)
        assert said(kernel, case.arguments, sample, result) == ""
        same = bits(sample.cut(result))
        for path in leaves(result):
            for place in {0, *rng.integers(at(result, path).size, size=8).tolist()}:
                wrong = with_leaf(result, path, changed(at(result, path), place))
                sentence = said(kernel, case.arguments, sample, wrong)
                if not sentence:
                    excused = verdict(kernel, case.arguments, wrong).sentence == ""  # by rounding
                    assert excused or bits(sample.cut(wrong)) == same, (path, place)
                n_shown += bool(sentence)
    assert n_shown > 2


def test_a_wrong_example_outside_the_sample_is_not_seen_but_a_lost_one_is():
    arguments = Block.of(np.ones((300, 4), np.float32)), np.eye(4, dtype=np.float32)
    sample, result = sampled("spmm", arguments, 0)
    rows = sample.cut(np.arange(300))
    outside = np.setdiff1d(np.arange(300), rows)
    assert len(rows) == 32
    assert said("spmm", arguments, sample, changed(result, 4 * outside[0])) == ""
    assert "expected float32 (300, 4)" in said("spmm", arguments, sample, result[:299])


def test_a_call_is_checked_when_it_is_the_largest_so_far_by_far_or_by_chance():
    checked = SpotChecked(REFERENCE, share=0.0)
    for size in (1, 2, 3, 6, 7, 8, 2, 0):
        checked.put(np.zeros(size, np.float32))
    assert checked.spot_checks.checked["put"] == 3  # 1, 3, 7
    checked = SpotChecked(REFERENCE, share=0.1)
    for _ in range(1000):
        checked.get(np.zeros(3, np.float32))
    assert 70 < checked.spot_checks.checked["get"] < 130
    assert checked.spot_checks.calls["get"] == 1000


@pytest.mark.parametrize("kernel", KERNELS)
def test_checks_work_on_arrays_of_a_device(kernel):
    if not shutil.which("c++") and not shutil.which("g++"):
        pytest.skip("no C++ compiler")
    from slide.backends.gpu.stand_in import StandInBackend

    backend = StandInBackend()
    checked = SpotChecked(backend, share=1.0)
    for case in cases_of(kernel, 2, 70):
        getattr(checked, kernel)(*map_arrays(case.arguments, backend.put))
        if kernel == "get":
            checked.get(backend.put(case.arguments[0]))


def settings(hidden, **others):
    return slide.Config(
        **{"hidden": hidden, "epochs": 1, "batch_size": 64, "active": 40, "seed": 2, **others}
    )


RUNS = {
    "direct": settings(
        (), sampler="index", scope="example", loss="bce", optimizer="adagrad", lr=2.0
    ),
    "shared sets": settings((16,), sampler="lsh", scope="batch"),
    "private sets": settings((16,), sampler="lsh", scope="example", loss="bce", hash="dwta"),
    "two layers": settings((16, 12), sampler="uniform", optimizer="adagrad", loss="saros"),
    "fifo": settings((16,), sampler="lsh", policy="fifo", reinsert_every=2, hash="doph"),
}


@pytest.mark.parametrize("name", RUNS)
def test_training_has_the_same_bits_with_checks(name, train_set, test_set, tmp_path):
    data, (plain, checked) = train_set.take(np.arange(640)), (
        REFERENCE, SpotChecked(REFERENCE, share=0.3)
    )  # fmt: skip
    models = [slide.Trainer(RUNS[name], one).fit(data, test_set) for one in (plain, checked)]
    ids = [model.predict(test_set.x, 5) for model in models]
    assert all(a.tobytes() == b.tobytes() for a, b in zip(*ids, strict=True))
    tally = checked.spot_checks
    assert sum(tally.checked.values()) > 20
    assert 0 < tally.worst < 1
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def cli(train_set, test_set, monkeypatch, capsys):
    """Exit code, stdout and stderr of `slide train` on a small set."""
    from slide.cli import main

    slide.write(train_set.take(np.arange(640)), "train.txt")
    slide.write(test_set, "test.txt")

    def run(backend, *others):
        arguments = ["train", "train.txt", "--valid", "test.txt", "--model", "m", "--epochs", "1",
                     "--backend", backend, *others]  # fmt: skip
        monkeypatch.setattr(sys, "argv", ["slide", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsys.readouterr()
        return left.value.code, captured.out, captured.err

    return run


@pytest.mark.parametrize(
    ("backend", "others", "kernel"),
    [("lately:Late", ["--hidden", "16"], "update_rows"), ("lately:Direct", [], "masked_spgemm")],
)
def test_a_kernel_that_is_wrong_in_the_run_ends_it(
    backend, others, kernel, cli, module, monkeypatch, tmp_path
):
    code, _, err = cli(backend, *others, "--quiet")
    assert (code, err) == (0, "")  # nobody looks
    shutil.rmtree("m")
    monkeypatch.setenv("SLIDE_CHECK", "1")
    code, out, err = cli(backend, *others, "--json")
    sentence, *snippet = err.splitlines()
    assert (code, out) == (1, "")
    assert sentence.startswith("slide: call ")
    assert f"of {kernel}(" in sentence
    assert f"; its arguments are in slide-check-{kernel}.npz" in sentence
    assert not (tmp_path / "m").exists()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec("\n".join(line.removeprefix("    ") for line in snippet), {})
    then, again = printed.getvalue().splitlines()
    assert then
    assert again
    assert then in sentence or then.startswith("result")
    cli(backend, *others, "--quiet")
    assert (tmp_path / f"slide-check-{kernel}-2.npz").exists()


@pytest.mark.parametrize(
    ("name", "kernel", "words"),
    [
        ("Raising", "spmm", "is wrong: raised KeyError: 'no such"),
        ("Strange", "spmm", "is wrong: result is a Funny, expected an array; its arguments"),
        ("Writing", "spmm_t", "is wrong: h is written to, expected arguments as they were"),
    ],
)
def test_whatever_else_a_kernel_does_ends_the_run_as_well(
    name, kernel, words, cli, module, monkeypatch
):
    monkeypatch.setenv("SLIDE_CHECK", "1")
    code, out, err = cli(f"lately:{name}", "--hidden", "16", "--json")
    sentence, *snippet = err.splitlines()
    assert (code, out) == (1, "")
    assert words in sentence
    assert f"; its arguments are in slide-check-{kernel}.npz" in sentence
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec("\n".join(line.removeprefix("    ") for line in snippet), {})
    for told in printed.getvalue().splitlines():
        assert told
    assert checked_call(f"slide-check-{kernel}.npz").deviation in " ".join(
        printed.getvalue().split("\n")
    )


def test_a_call_that_raises_is_saved_even_if_it_is_not_checked():
    class Breaking(ReferenceBackend):
        def spmm(self, z, w):
            if w[0, 0] == 7:
                raise ValueError("seven")
            return super().spmm(z, w)

    checked = SpotChecked(Breaking(), share=0.0)
    z, w = Block.of(np.ones((3, 4), np.float32)), np.ones((4, 2), np.float32)
    checked.spmm(z, w)
    w[0, 0] = 7
    with pytest.raises(CheckError, match="is wrong: raised ValueError: seven; its arguments"):
        checked.spmm(z, w)
    call = checked_call("slide-check-spmm.npz")
    assert call.deviation == call.repeated(checked) == "raised ValueError: seven"


def test_what_a_backend_refuses_in_a_sentence_stays_as_it_is():
    class Refusing(ReferenceBackend):
        def spmm(self, z, w):
            raise BackendError("no room")

    with pytest.raises(BackendError, match=r"^no room$"):
        SpotChecked(Refusing()).spmm(Block.of(np.ones((3, 4), np.float32)), np.ones((4, 2)))


def test_a_run_tells_what_was_checked(cli, monkeypatch, tmp_path):
    before = {"train.txt", "test.txt", "m"}
    monkeypatch.setenv("SLIDE_CHECK", "1")
    code, out, err = cli("reference", "--hidden", "16", "--json")
    figures = json.loads(out)
    assert code == 0
    assert err.startswith("slide: kernel calls checked: ")
    assert f"loss {figures['checked_calls']['loss']} of " in err
    assert 0 < figures["checked_worst"] <= 1
    assert {path.name for path in tmp_path.iterdir()} == before


def test_the_variable_says_whether_calls_are_checked(monkeypatch, cli):
    for off in ("", "0"):
        monkeypatch.setenv("SLIDE_CHECK", off)
        assert type(load("reference")) is ReferenceBackend
    monkeypatch.setenv("SLIDE_CHECK", "1")
    assert isinstance(load("reference"), SpotChecked)
    assert type(create("reference")) is type(complete("reference")) is ReferenceBackend
    monkeypatch.setenv("SLIDE_CHECK", "yes")
    with pytest.raises(ConfigError, match="SLIDE_CHECK is 'yes': expected 1"):
        load("reference")
    code, out, err = cli("reference")
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_a_backend_keeps_its_methods(monkeypatch):
    monkeypatch.setenv("SLIDE_CHECK", "1")
    backend = load("processes")
    assert backend.name == "processes"
    assert backend.set_threads(1) == 1
    assert backend.hogwild_workers is None
    assert not hasattr(backend, "synchronize")
    with pytest.raises(BackendError, match="in mode hogwild weights change while"):
        load("processes", mode="hogwild")


def test_backends_that_work_for_another_one_are_not_checked_themselves(monkeypatch):
    class Taking(Delegating):
        name = "taking"
        taken: ClassVar = {"reference": KERNELS}

    monkeypatch.setenv("SLIDE_CHECK", "1")
    assert type(Taking().sources["reference"]) is ReferenceBackend


class Forgetful(ReferenceBackend):
    """Answers the fourth call of a kernel with the result of the third."""

    def __init__(self):
        self.results = []

    def spmm(self, z, w):
        self.results.append(super().spmm(z, w))
        return self.results[-2 if len(self.results) == 4 else -1]


def test_what_is_wrong_but_once_is_told_so(tmp_path):
    checked = SpotChecked(Forgetful(), share=1.0)
    calls = [case.arguments for case in cases_of("spmm", 3)]
    for arguments in calls:
        checked.spmm(*arguments)
    z, w = calls[-1]
    with pytest.raises(CheckError, match="the same call made again is right") as caught:
        checked.spmm(z, -w)
    call = checked_call("slide-check-spmm.npz")
    assert call.deviation
    assert call.repeated(checked) == ""
    assert caught.value.snippet in caught.value.__notes__


def test_a_call_that_cannot_be_saved_is_told(monkeypatch):
    def full(self):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(CheckedCall, "save", full)
    checked = SpotChecked(Forgetful(), share=1.0)
    (z, w), *_ = [case.arguments for case in cases_of("spmm", 1)]
    for _ in range(3):
        checked.spmm(z, w)
    with pytest.raises(CheckError, match=r"wrong: .*cannot be saved: No space left on device"):
        checked.spmm(z, -w)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_saved_call_is_read_as_it_was(kernel):
    for case in cases_of(kernel, 2, 20):
        _, result = sampled(kernel, case.arguments, 0)
        path = CheckedCall(kernel, case.arguments, result).save()
        call = checked_call(path)
        assert call.kernel == kernel
        assert bits(call.arguments) == bits(case.arguments)
        assert bits(call.result) == bits(result)
        assert call.deviation == call.repeated(REFERENCE) == ""


def test_a_file_with_other_types_is_refused():
    call = np.array(json.dumps(["put", {"type": "os:environ", "fields": {}}, None]))
    np.savez("strange.npz", call=call)
    with pytest.raises(ValueError, match=r"'os:environ', expected one of slide\.core"):
        checked_call("strange.npz")


def test_only_leaves_the_other_rows_empty():
    matrix = CSR(np.array([0, 1, 3, 3]), np.array([4, 0, 2], np.int32), np.ones(3, np.float32), 5)
    some = with_only_rows(matrix, np.array([1]))
    assert some.row_lengths().tolist() == [0, 2, 0]
    assert some.indices.tolist() == [0, 2]
