"""The kernels for a GPU without one: array code over NumPy, CUDA kernels compiled for the CPU."""

import importlib.util
import re
import subprocess
import sys
from dataclasses import replace
from inspect import signature

import numpy as np
import pytest
from all_pass import assert_all_pass
from conftest import planted

import slide
from slide.backends.gpu.stand_in import StandInBackend, arrays, emulator
from slide.backends.gpu.stand_in.arrays import FUNCTIONS
from slide.core.contract.arrays import Block
from slide.core.errors import BackendError
from slide.core.examples.dataset import Dataset
from slide.core.learner import LAST
from slide.core.learners.config import Config
from slide.core.learners.kinds import kind_of
from slide.core.models.model import Model
from slide.core.runs.trainer import Trainer
from slide.reference.checks import verify
from slide.reference.kernels import ReferenceBackend

pytestmark = pytest.mark.skipif(
    emulator.compiler() is None, reason="needs a C++ compiler to run CUDA kernels on a CPU"
)

BASE = Config(hidden=(16,), epochs=1, batch_size=32, active=20, K=3, L=4, lr=0.05)
DIRECT = Config(
    hidden=(), scope="example", sampler="index", optimizer="adagrad", loss="bce", lr=0.5,
    epochs=1, batch_size=32, active=10, grown=5,
)  # fmt: skip
SPREAD = replace(BASE, scope="example", rebuild_every=3, reinsert_every=1, rehash_every=4)
RUNS = {
    "direct": DIRECT,
    "pairs": replace(DIRECT, pairs=True, list_limit=3, connections=20),
    "batch": BASE,
    "example": replace(SPREAD, probes=2),
    "wta": replace(SPREAD, hash="wta", policy="fifo", strategy="vanilla"),
    "dwta": replace(SPREAD, hash="dwta", loss="saros"),
    "doph": replace(SPREAD, hash="doph", optimizer="adagrad", strategy="threshold"),
    "two hidden layers": replace(SPREAD, hidden=(16, 16), hidden_active=(8, 8), dropout=0.2),
    "two shared": replace(BASE, hidden=(16, 16), hidden_active=(8, 8), loss="bce"),
    "catching up": replace(BASE, catch_up=True, weight_decay=0.01, stale_recall=0.9),
    "uniform": replace(BASE, sampler="uniform", optimizer="sgd"),
}


@pytest.fixture(scope="module")
def data():
    return planted(300, 40), planted(60, 40, seed=1)


@pytest.fixture(scope="module")
def verification():
    """All checks of the stand-in, and every kind of call to array code in them and in two runs."""
    call_numpy, calls = arrays.call_numpy, {}

    def noting(memory, name, inputs, options):
        names = sorted(set(options) - {"like"})
        calls[name, len(inputs), *names] = inputs, {one: options[one] for one in names}
        return call_numpy(memory, name, inputs, options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "call_numpy", noting)
        backend = StandInBackend()
        checks = verify(backend, 2, shrink=False, largest=100)  # it takes long for more
        for name in ("direct", "two hidden layers"):
            Trainer(RUNS[name], backend).fit(planted(100, 40)).predict(planted(20, 40).x)
    return checks, calls


@pytest.mark.slow
def test_every_kernel_matches_its_definition(verification):
    checks, calls = verification
    assert_all_pass(checks)
    assert {name for name, *_ in calls} == set(FUNCTIONS)


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("cupy") is None, reason="needs CuPy")
def test_cupy_takes_the_arguments_that_the_stand_in_is_given(verification):
    """Whether CuPy's functions have such parameters."""
    import cupy

    refused = []
    for (name, *_), (inputs, options) in verification[1].items():
        try:
            signature(getattr(cupy, name)).bind(*inputs, **options)
        except TypeError as error:
            refused.append(f"{name}: {error}")
    assert refused == []


def everything_of(config, backend, train, test):
    """What a run and its model give, in numbers."""
    model = Trainer(config, backend).fit(train)
    figures = [model.predict(test.x)[1], *(model.evaluate(test, s) for s in (False, True))]
    if config.hidden:
        model.prepare_sampled(examples=train)
        figures.append(model.evaluate(test, sampled=True))
    return figures, model


WHOLE = [(name, False) for name in RUNS]
WHOLE += [(name, True) for name in ("direct", "example", "two hidden layers")]
OTHERS = "wta", "dwta", "two shared", "catching up", "uniform"  # whose parts others have, too
LATER = {(name, False) for name in OTHERS} | {("example", True), ("two hidden layers", True)}


@pytest.mark.parametrize(
    ("name", "is_dense"),
    [pytest.param(*run, marks=[pytest.mark.slow] if run in LATER else []) for run in WHOLE],
)
def test_a_whole_run_is_that_of_the_reference(name, is_dense, data, tmp_path):
    train, test = (densified(part) for part in data) if is_dense else data
    backend = StandInBackend()
    (scores, *expected), _ = everything_of(RUNS[name], ReferenceBackend(), train, test)
    (found, *got), model = everything_of(RUNS[name], backend, train, test)
    np.testing.assert_allclose(found, scores, rtol=1e-3, atol=1e-4)
    for one, other in zip(got, expected, strict=True):
        assert one == pytest.approx(other, abs=0.02)
    model.save(tmp_path / "model")
    again = Model.load(tmp_path / "model", backend)
    np.testing.assert_array_equal(again.predict(test.x)[0], model.predict(test.x)[0])


@pytest.mark.parametrize("name", ["direct", "batch", "two hidden layers"])
def test_labels_without_example_are_named_last(name, data):
    train, test = data
    train = replace(train, y=train.y.where(train.y.indices % 3 > 0))
    seen = np.flatnonzero(train.y.column_counts())
    model = Trainer(RUNS[name], StandInBackend()).fit(train)
    ids, scores = model.predict(test.x, 40)
    np.testing.assert_array_equal(np.sort(ids[:, : len(seen)]), np.tile(seen, (60, 1)))
    assert (scores[:, len(seen) :] == np.float32(LAST)).all()
    found, _ = model.predict(test.x, len(seen), sampled=True)
    assert set(found.ravel().tolist()) <= {*seen.tolist(), -1}


def densified(part):
    return Dataset(Block.of(part.x.to_scipy().toarray().astype(np.float32)), part.y)


@pytest.mark.parametrize("name", ["direct", "example"])
def test_between_kernels_nothing_leaves_the_device(name, data):
    """But for what the host keeps count of: which rows were updated."""
    backend = StandInBackend()
    others = {} if name == "direct" else {"reinsert_every": 0, "rehash_every": 0}
    config = replace(RUNS[name], rebuild_every=100, **others)
    trainer = Trainer(config, backend)
    run = kind_of(trainer.config).begin(trainer.config, backend, data[0])
    batch = run.data.take(np.arange(32))
    run.step(batch, config.lr)
    device = backend.device
    device.n_put = device.n_got = 0
    report = run.step(batch, config.lr)
    rows = report.touched_rows if name == "direct" else len(run.network.output.param.weight)
    assert device.n_got <= 4 * (rows + 40 + run.network.n_features + 17)
    arrays = [batch.x.with_constant(), batch.y]
    sent = sum(a.nbytes for m in arrays for a in (m.indptr, m.indices, m.values))
    drawn = 0 if name == "direct" else 32 * (4 * 16 + 8 * config.active) + 8 * 200
    assert device.n_put <= sent + drawn


def test_an_allocation_that_fails_is_one_sentence(data):
    backend = StandInBackend(limit=1 << 17)
    with pytest.raises(BackendError, match=r"no room for an array of \d[\d,]+ bytes, for [\d,]+ "):
        Trainer(replace(BASE, active=40, batch_size=300), backend).fit(data[0])
    big = replace(BASE, hidden=(2048,))
    with pytest.raises(BackendError, match=r"no room for the network and its tables of [\d,]+ "):
        Trainer(big, backend).fit(data[0])


def test_the_command_line_ends_with_the_sentence(tmp_path):
    (tmp_path / "small_gpu.py").write_text(
        "from slide.backends.gpu.stand_in import StandInBackend\n"
        "class Small(StandInBackend):\n"
        "    def __init__(self): super().__init__(limit=1 << 17)\n"
    )
    slide.data.write(planted(300, 40), tmp_path / "train.txt")
    told = subprocess.run(
        [sys.executable, "-B", "-m", "slide", "train", "train.txt", "--model", "m",
         "--hidden", "16", "--backend", "small_gpu:Small"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 2
    assert re.match(r"slide: the GPU has no room for .* of [\d,]+ bytes.*\n$", told.stderr)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small_gpu.py", "train.txt"]
