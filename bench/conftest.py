"""Options and fixtures of the benches: `pytest bench --backend NAME --threads N --data DIR`.

At the top of the package, since pytest looks for options nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import slide
from bench.harness.machine import thread_counts
from bench.harness.options import verified
from bench.harness.problems import FULL, QUICK, Scale, train_set
from slide.bench.devices import is_on_device, wait_for_device, waiting_for_device
from slide.bench.machine import Busy
from slide.core.contract.backend import Backend
from slide.core.machine import cores


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("slide")
    group.addoption("--backend", action="append", help="name or module:Class; may be repeated")
    group.addoption("--threads", type=int, default=cores())
    group.addoption("--data", type=Path, metavar="DIR", help="X_train.npz and so on; else drawn")
    group.addoption("--quick", action="store_true", help="small sizes, few rounds")


def scale_of(config: pytest.Config) -> Scale:
    return QUICK if config.getoption("quick") else FULL


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What is timed by backend, problem size, number of labels or of threads, for all benches."""
    config, scale = metafunc.config, scale_of(metafunc.config)
    for name, values, indirect in (
        ("backend", config.getoption("backend") or ["numba"], True),
        ("served", ["demo", "data"] if config.getoption("data") else ["demo"], True),
        ("size", scale.kernels, False),
        ("n_labels", scale.n_labels, False),
        ("n_threads", thread_counts(config.getoption("threads")), False),
    ):
        if name in metafunc.fixturenames:
            scope = "session" if indirect else None
            metafunc.parametrize(name, values, indirect=indirect, scope=scope)


@pytest.fixture(scope="session")
def scale(request: pytest.FixtureRequest) -> Scale:
    return scale_of(request.config)


@pytest.fixture(scope="session")
def threads(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("threads"))


@pytest.fixture(scope="session")
def folder(request: pytest.FixtureRequest) -> Path | None:
    """Where the user's data lies."""
    folder: Path | None = request.config.getoption("data")
    return folder and folder.resolve()  # a fresh process runs in another folder


@pytest.fixture(scope="session")
def backend(request: pytest.FixtureRequest, threads: int) -> Iterator[Backend]:
    """Verified, on all threads, BLAS on one."""
    with threadpool_limits(1, "blas"):
        try:
            yield verified(request.param, threads)
        except slide.BackendError as error:
            pytest.exit(str(error), returncode=1)


@pytest.fixture(scope="session")
def on_cores(backend: Backend) -> Backend:
    """The backend, if what is timed is the cores of this machine (`report.py` tells who is not)."""
    if is_on_device(backend):
        pytest.skip("not for a GPU")
    return backend


@pytest.fixture
def backend_name(request: pytest.FixtureRequest, backend: Backend) -> str:
    """As it was asked for, for another process."""
    name: str = request.node.callspec.params["backend"]
    return name


@pytest.fixture(scope="session")
def demo(scale: Scale) -> slide.data.Demo:
    """The bundled set, cut to the examples that the scale allows."""
    demo = slide.load_demo()
    kept = np.random.default_rng(0).permutation(demo.train.n_samples)[: scale.n_demo]
    return slide.data.Demo(
        demo.train.take(np.sort(kept)), demo.test, demo.feature_names, demo.label_names, demo.source
    )


@pytest.fixture(scope="session")
def large(folder: Path | None, scale: Scale) -> slide.Dataset:
    """Training examples of size A: the user's, or drawn ones."""
    return train_set(folder, scale)


@pytest.fixture
def timed(request: pytest.FixtureRequest, benchmark: Any, backend: Backend) -> Callable[..., Any]:
    """Times function(*arguments); `rounds` for what takes seconds and needs no calibration.

    pytest-benchmark compares within a group, so that a group is of one thing that is timed, and
    only the backend differs; the report has a table for each section.
    """
    section = benchmark.group
    benchmark.group = ", ".join([section, *alike(request)])

    def run(function: Callable[..., Any], *arguments: Any, rounds: int = 0, **notes: Any) -> Any:
        whole = waiting_for_device(backend, function)
        wait_for_device(backend)  # for what was asked of it before
        busy = Busy()
        if rounds:
            result = benchmark.pedantic(whole, arguments, rounds=rounds)
        else:
            result = benchmark(whole, *arguments)
        notes = {"section": section, "CPU / wall": busy.cores(), **notes}
        benchmark.extra_info |= notes
        return result

    return run


def alike(request: pytest.FixtureRequest) -> list[str]:
    """What is timed beside the backend: the function, and its parameters."""
    params = request.node.callspec.params
    what = request.node.function.__name__.removeprefix("bench_")
    return [what, *(str(value) for name, value in params.items() if name != "backend")]
