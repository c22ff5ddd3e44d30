"""Small made-up data sets, the reference backend, and the command line in a folder of files."""

import gc
import shutil
import signal
import sys
from dataclasses import replace

import numpy as np
import pytest
from direct_settings import DIRECT
from hypothesis import HealthCheck, settings
from threadpoolctl import threadpool_limits
from typer.testing import CliRunner

from slide.cli import INTERRUPTS, app, main
from slide.core.contract.arrays import CSR
from slide.core.examples.dataset import Dataset
from slide.core.runs.trainer import Trainer
from slide.data import write
from slide.reference.kernels import ReferenceBackend

# Shared machines are slow at random, which is no failure of a test, nor of how its examples are
# drawn; a failure is told with the line that repeats it.
SLOW_MACHINE = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("slide", **SLOW_MACHINE, print_blob=True, max_examples=25)
settings.register_profile("thorough", settings.get_profile("slide"), max_examples=150)
settings.load_profile("slide")

CLI_QUICK = ["--epochs", "1", "--hidden", "16", "--batch-size", "64", "--active", "40"]


def csr_of(rows, n_cols):
    """CSR from a list of {column: value}."""
    indptr = np.cumsum([0] + [len(row) for row in rows])
    indices = [column for row in rows for column in sorted(row)]
    values = [row[column] for row in rows for column in sorted(row)]
    return CSR(
        indptr.astype(np.int64), np.array(indices, np.int32), np.array(values, np.float32), n_cols
    )


def planted(n_samples, n_labels=150, seed=0):
    """Examples whose labels can be read off their features.

    Each label has six of the 2 * n_labels features for a prototype; an example shows four of those
    of each of its one or two labels, and four features of nobody in particular.
    """
    prototypes = np.random.default_rng(7).integers(2 * n_labels, size=(n_labels, 6))
    rng = np.random.default_rng(seed)
    x, y = [], []
    for _ in range(n_samples):
        labels = rng.choice(n_labels, rng.integers(1, 3), replace=False)
        shown = [f for label in labels for f in rng.choice(prototypes[label], 4, replace=False)]
        noise = rng.choice(2 * n_labels, 4, replace=False)
        x.append({int(f): float(rng.integers(1, 4)) for f in (*shown, *noise)})
        y.append({int(label): 1.0 for label in labels})
    return Dataset(csr_of(x, 2 * n_labels), csr_of(y, n_labels))


def widened(data, n_features, n_labels):
    """The same examples in a space of at least so many features and labels."""
    x = replace(data.x, n_cols=max(data.n_features, n_features))
    return Dataset(x, replace(data.y, n_cols=max(data.n_labels, n_labels)))


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Thousands of tests are no garbage: nobody looks for any among them, now or later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session", autouse=True)
def one_blas_thread():
    """Same bits on every machine, and no waiting for cores that are busy."""
    with threadpool_limits(limits=1):
        yield


@pytest.fixture(scope="session")
def train_set():
    return planted(4000)


@pytest.fixture(scope="session")
def test_set():
    return planted(400, seed=1)


@pytest.fixture
def backend():
    return ReferenceBackend()


@pytest.fixture
def slide(capsys):
    def run(*args):
        """Exit code, stdout, stderr of `slide ARGS`."""
        sys.argv = ["slide", *map(str, args)]
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsys.readouterr()
        return left.value.code, captured.out, captured.err

    old, handlers = sys.argv, {name: signal.getsignal(name) for name in INTERRUPTS}
    hook = sys.unraisablehook
    yield run
    sys.argv, sys.unraisablehook = old, hook
    for name, handler in handlers.items():
        signal.signal(name, handler)


@pytest.fixture(scope="session")
def written(tmp_path_factory, train_set, test_set):
    """The planted sets in files."""
    folder = tmp_path_factory.mktemp("written")
    write(train_set, folder / "train.txt.gz")
    write(test_set, folder / "test.txt")
    return folder


@pytest.fixture
def in_a_folder(tmp_path, monkeypatch):
    """A folder of its own as the present one, and nothing chosen by the environment."""
    monkeypatch.chdir(tmp_path)
    for name in ("SLIDE_BACKEND", "SLIDE_CHECK"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def files(in_a_folder, written):
    """The present folder, with `train.txt.gz` and `test.txt`."""
    return shutil.copytree(written, in_a_folder, dirs_exist_ok=True)


@pytest.fixture(scope="session")
def trained(written, tmp_path_factory):
    """The folder that `slide train` leaves, trained once and copied by whoever wants one."""
    folder = tmp_path_factory.mktemp("trained") / "m"
    arguments = ["train", str(written / "train.txt.gz"), "--model", str(folder), *CLI_QUICK]
    ran = CliRunner(env={"SLIDE_BACKEND": None}).invoke(app, arguments)
    assert ran.exit_code == 0, ran.output
    return folder


@pytest.fixture
def model(files, trained):
    """The folder of a model, `m` in the present one."""
    return shutil.copytree(trained, files / "m")


@pytest.fixture(scope="session")
def direct_model(train_set):
    """Direct connections; nobody may change it."""
    return Trainer(DIRECT, "numba").fit(train_set)


@pytest.fixture(scope="session")
def run_folders(tmp_path_factory):
    """A folder with runs of each learner, for reports; nobody may change it."""
    from reported import train_all

    root = tmp_path_factory.mktemp("runs")
    train_all(root)
    return root
