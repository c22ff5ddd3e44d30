"""`slide bench`: same arguments for everybody, nothing unverified, a file that others can read."""

import json
import subprocess
import sys
from itertools import count
from types import SimpleNamespace

import numpy as np
import pytest
from pytest_benchmark.stats import Stats
from typer.testing import CliRunner

from slide.backends import load
from slide.backends.numba_threads import NumbaBackend
from slide.bench import racing
from slide.bench.as_json import stats
from slide.bench.calls import CALLS, TIMED, calls_of
from slide.bench.limits import Limits
from slide.bench.problem import SIZES, Problem
from slide.bench.racing import Race, floor_of
from slide.cli import app
from slide.cli.options import computing_threads
from slide.core.contract.backend import KERNELS
from slide.core.errors import BackendError, ConfigError
from slide.reference.checks import check
from slide.reference.running import WRITERS, map_arrays

LIMITS = Limits(2, 2.0, 1e10, 5e9, 1e11, 1e11, 1e9, 1e7)
SMALL = SIZES["small"]


class OffByOne(NumbaBackend):
    """`sddmm` reads the row before."""

    name = "off by one"

    def sddmm(self, h, w, active):
        return super().sddmm(h, np.roll(w, 1, axis=0), active)


class Property(NumbaBackend):
    """`sddmm` cannot even be looked for."""

    @property
    def sddmm(self):
        raise RuntimeError("no such\nluck")


class Threadless(NumbaBackend):
    """`set_threads` gives or raises what `answer` is."""

    answer = None

    def set_threads(self, n):
        super().set_threads(n)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.setattr("slide.bench.limits.measure_limits", lambda n_threads, scale: LIMITS)

    def run(*args):
        return CliRunner().invoke(app, ["bench", *map(str, args)])

    return run


@pytest.fixture
def verified(monkeypatch):
    """Nothing is verified, as if all were known to be right."""
    monkeypatch.setattr("slide.bench.verifying.refusal", lambda backend, name, kernels: "")


@pytest.fixture(scope="module")
def problem():
    return Problem(SMALL)


def arrays_of(thing):
    found = []
    map_arrays(thing, found.append)
    return found


def test_all_kernels_but_put_and_get_have_a_call():
    assert set(TIMED) == set(KERNELS) - {"put", "get"}
    assert calls_of(["search", "sddmm"]) == ["sddmm, block", "sddmm, csr", "search"]


@pytest.mark.parametrize("name", CALLS)
def test_a_call_is_one_that_the_contract_allows(problem, name):
    made = CALLS[name](problem)
    before = [array.copy() for array in arrays_of(made.arguments)]
    results = []
    for backend in (load("numba"), load("reference")):
        arguments = made.arguments_on(backend)
        result = getattr(backend, made.kernel)(*arguments)
        results.append(arrays_of(arguments[0] if made.kernel in WRITERS else result))
    for one, other in zip(*results, strict=True):
        assert one.shape == other.shape
        assert one.dtype == other.dtype
    for old, new in zip(before, arrays_of(made.arguments), strict=True):
        np.testing.assert_array_equal(old, new)
    assert made.flops > 0
    assert made.bytes > 0


@pytest.mark.parametrize("name", ["reinsert", "loss, saros, csr", "update_entries"])
def test_arguments_do_not_depend_on_what_was_called_before(problem, name):
    alone = CALLS[name](Problem(SMALL))
    for one, other in zip(
        arrays_of(alone.arguments), arrays_of(CALLS[name](problem).arguments), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_a_table_a_size_and_a_file(bench, verified, tmp_path):
    path = tmp_path / "times.json"
    ran = bench("numba", "-k", "sddmm", "-k", "top_k", "--size", "small", "--json", path)
    assert ran.exit_code == 0, ran.output
    lines = ran.stdout.splitlines()
    assert lines[0] == "small: 32 examples, 1,000 neurons of 33 weights"
    assert lines[1].startswith("numba on ")
    assert [line[:28].strip() for line in lines[2:7]] == [
        "call", "sddmm, block", "sddmm, csr", "top_k, all neurons", "top_k, candidates",
    ]  # fmt: skip
    assert max(map(len, lines)) <= 80
    content = json.loads(path.read_text())
    assert set(content) == {
        "machine_info", "commit_info", "benchmarks", "datetime", "version",
    }  # fmt: skip
    groups = {}
    for one in content["benchmarks"]:
        groups.setdefault(one["group"], []).append(one["params"])
    assert sorted(groups) == sorted(f"{call}, small" for call in calls_of(["sddmm", "top_k"]))
    for group, params in groups.items():
        assert [one["backend"] for one in params] == ["numba", "reference"]
        assert {f"{one['call']}, {one['size']}" for one in params} == {group}


def test_pytest_benchmark_reads_the_file(bench, verified, tmp_path):
    path = tmp_path / "times.json"
    assert bench("numba", "-k", "search", "--size", "small", "--json", path).exit_code == 0
    command = [sys.executable, "-m", "pytest_benchmark", "compare", str(path)]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "benchmark 'search, small': 2 tests" in ran.stdout
    assert "bench[search-small-reference]" in ran.stdout


@pytest.mark.parametrize("seconds", [[2.0], [1.0, 3.0], [1.0, 1.0, 1.5, 2.0, 40.0]])
def test_statistics_are_those_of_pytest_benchmark(seconds):
    theirs = Stats()
    theirs.data = seconds
    ours = stats(seconds)
    assert set(ours) == {*Stats.fields, "iterations"}
    for name in ("min", "max", "mean", "stddev", "rounds", "median", "ops", "total"):
        assert ours[name] == pytest.approx(getattr(theirs, name)), name


def test_a_wrong_backend_is_refused(bench, tmp_path):
    path = tmp_path / "times.json"
    name = f"{__name__}:OffByOne"
    ran = bench(name, "-k", "sddmm", "--size", "small", "--json", path)
    assert ran.exit_code == 1
    assert ran.stdout == ""
    assert (
        f"backend '{name}' is not timed, for it is not verified (sddmm exact: fail)" in ran.stderr
    )
    assert not path.exists()


def test_a_kernel_that_cannot_be_looked_for_is_refused(bench):
    name = f"{__name__}:Property"
    ran = bench(name, "-k", "sddmm", "--size", "small")
    assert ran.exit_code == 1
    assert f"backend '{name}' is not timed" in ran.stderr
    one = check(Property(), "sddmm", "exact", 1)
    told = "sddmm: looking for the method raised RuntimeError: no such\nluck"
    assert (one.outcome, one.message) == ("fail", told)
    words = f"'{name}' is broken: looking for its methods raised RuntimeError: no such luck"
    with pytest.raises(BackendError, match=words):
        load(name)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "gave None: expected an int from 1 to 2"),
        (True, "gave True: expected"),
        (0, "gave 0: expected"),
        (3, "gave 3: expected"),
        (RuntimeError("no\nthreads"), "raised RuntimeError: no threads; expected an int from 1"),
        (BackendError("refused"), "^refused$"),
    ],
)
def test_a_number_of_threads_that_cannot_be_is_told(answer, words, monkeypatch):
    monkeypatch.setattr(Threadless, "answer", answer)
    with pytest.raises(BackendError, match=words), computing_threads(Threadless(), 2):
        pass


def test_only_the_kernels_asked_for_are_verified(bench):
    ran = bench(f"{__name__}:OffByOne", "-k", "update_rows", "--size", "small")
    assert ran.exit_code == 0
    assert "update_rows, Adam" in ran.stdout


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["-k", "sdmm"], "--kernel got 'sdmm': expected one of hash, build"),
        (["-k", "put"], "--kernel got 'put': expected one of hash, build"),
        (["--size", "huge"], "--size got 'huge': expected one of small, demo, large"),
        (["--json", "nowhere/times.json"], "expected a file in a folder that exists"),
        (["--json", "."], "--json got ., which is a folder: expected a file"),
    ],
)
def test_each_wrong_argument_has_a_sentence(bench, args, words):
    error = bench("numba", *args).exception
    assert isinstance(error, ConfigError)
    assert words in str(error)


def race_of(seconds=0.0):
    return Race({name: load(name) for name in ("numba", "reference")}, LIMITS, seconds)


def test_what_would_take_too_long_is_left_out(monkeypatch):
    monkeypatch.setattr(racing, "SIZES", {"small": SMALL, "demo": SMALL})
    monkeypatch.setattr(racing, "PATIENCE", 0.0)
    (own, other) = race_of().entries("demo", ["search"])
    assert own.seconds == other.seconds == ()
    assert own.expected > 0


def test_what_is_expected_grows_with_the_work():
    race = race_of()
    list(race.entries("small", ["top_k, all neurons"]))
    made = CALLS["top_k, all neurons"](Problem(SIZES["demo"]))
    small = race.medians["small", "top_k, all neurons", "numba"]
    assert race.expected("demo", "top_k, all neurons", "numba", made) > 100 * small


@pytest.mark.parametrize(
    ("of_a_round", "seconds", "n"),
    [(0.25, 0.0, 3), (0.25, 2.0, 8), (0.75, 0.0, 1), (0.75, 2.0, 3), (2**-16, 0.2, 1000)],
)
def test_rounds_are_as_many_as_wanted(problem, monkeypatch, of_a_round, seconds, n):
    readings = count()  # of a clock: one before each round, and one after it
    clock = SimpleNamespace(perf_counter=lambda: of_a_round * next(readings))
    monkeypatch.setattr(racing, "time", clock)
    rounds = racing.time_rounds(load("numba"), CALLS["sddmm, csr"](problem), seconds)
    assert rounds == n * [of_a_round]


def test_the_floor_is_of_what_is_scarce(problem):
    made = CALLS["top_k, all neurons"](problem)
    busy = Limits(2, 2.0, 1e10, 5e9, 1e11, 1.0, 1e9, 1e7)
    assert floor_of(made, busy) == made.flops
    assert floor_of(made, LIMITS) == max(made.flops / 1e11, made.bytes / 1e11)
