"""Kernels checked while a network is trained: what ends a run, what it tells, the same bits."""

import contextlib
import io
import json
import shutil
import sys
from typing import ClassVar

import numpy as np
import pytest

import slide
from slide.backends import complete, create, load
from slide.backends.delegating import Delegating
from slide.core.contract.backend import KERNELS
from slide.core.errors import BackendError, ConfigError
from slide.reference.kernels import ReferenceBackend
from slide.reference.spot_checks import SpotChecked, checked_call

pytestmark = pytest.mark.usefixtures("in_a_folder")


REFERENCE = ReferenceBackend()


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


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Makes `lately:Late` and `lately:Direct` known."""
    (tmp_path / "lately.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("lately", None)


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
    [
        ("lately:Late", ["--hidden", "16"], "update_rows"),
        (
            "lately:Direct",
            ["--cost", "1", "--set", "centroid=1", "--set", "idf_power=0"],
            "masked_spgemm",
        ),
    ],
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
