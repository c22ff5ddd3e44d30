"""A new loss, hash family, optimizer, learner or reader: what lacks is told, a page leads there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import planted
from extending import NAMES, ROOT, blocks_of, lacks, merged, missing, untold, write_page

from slide.backends.gpu import hashing as gpu_hashing
from slide.backends.gpu import losses as gpu_losses
from slide.backends.gpu import optimizers as gpu_optimizers
from slide.backends.numba_threads import NumbaBackend
from slide.backends.processes import ProcessesBackend
from slide.core.contract.arrays import CSR, Param, RowGrad
from slide.core.contract.families import Buckets, Family, draw_family
from slide.core.contract.optim import SGD
from slide.core.direct.run import DirectRun
from slide.core.errors import BackendError
from slide.core.sampled.run import SampledRun
from slide.core.sampled.updating import optimizer_of
from slide.reference import plain
from slide.reference.bounds import bound_of
from slide.reference.kernels import ReferenceBackend

PAGES = ROOT / "docs" / "extending"
KINDS = [(kind, name) for kind, names in NAMES.items() for name in names]
NEW = {"loss": "focal", "hash family": "lta", "optimizer": "momentum"}
DEVICE = SimpleNamespace(xp=np)


class LTA(Family):
    """A family that no kernel knows."""


class Momentum(SGD):
    """An optimizer that no kernel knows."""


CLASSES = {"loss": "focal", "hash family": LTA, "optimizer": Momentum}


@pytest.mark.parametrize(("kind", "name"), KINDS)
def test_nothing_is_missing(kind, name) -> None:
    assert missing(kind, name) + untold(kind, name) == []


@pytest.mark.parametrize("kind", NEW)
def test_everything_is_missing_of_a_new_name(kind) -> None:
    # As many files as the page has blocks, but for the name itself, CUDA and what is in one file.
    page = PAGES / f"{kind.replace(' ', '-')}.md"
    files = {path for path, _ in blocks_of(page.read_text()) if path.endswith(".py")}
    sentences = missing(kind, NEW[kind], CLASSES[kind])
    told = {re.search(r"unknown to (\S+): add it there", sentence)[1] for sentence in sentences}
    assert told == files - {"slide/core/contract/losses.py"}
    assert len(sentences) == len(told)


def test_a_name_that_is_not_told_of_is_told() -> None:
    assert untold("loss", "focal") == [
        "loss 'focal' is not told of in slide/core/contract/losses.py: say what it is",
        "loss 'focal' is not told of in the help of the setting loss: say what it is",
    ]


def csr(*rows):
    """One entry of value 1 in each row, (B, 3)."""
    n = len(rows)
    return CSR(np.arange(n + 1), np.array(rows, np.int32), np.ones(n, np.float32), 3)


def of_loss(compute):
    """Have a loss computed that nobody knows."""
    return compute(csr(0, 1), csr(0, 1), csr(0, 2), "focal")


def of_family(compute):
    """Have digits computed that nobody knows."""
    one = Buckets(np.ones((1, 1), np.uint64), np.zeros(1, np.uint64), 0, 2)
    return compute(np.ones((2, 3), np.float32), None, LTA(one, 3), 1)


def of_optimizer(compute):
    """Have a step taken that nobody knows."""
    w = np.ones((2, 3), np.float32)
    grad = RowGrad(np.arange(2, dtype=np.int32), w.copy())
    return compute(Param(w, w.copy(), w.copy()), grad, Momentum(), 0.1, 1)


NUMBA, REFERENCE = NumbaBackend(), ReferenceBackend()
BORDERS = {
    "slide/reference/losses.py": (of_loss, REFERENCE.loss),
    "slide/reference/plain/losses.py": (of_loss, plain.loss),
    "slide/reference/bounds/losses.py": (of_loss, lambda *given: bound_of("loss", given)),
    "slide/backends/threads/losses.py": (of_loss, NUMBA.loss),
    "slide/backends/gpu/losses.py": (of_loss, lambda *given: gpu_losses.loss(DEVICE, *given)),
    "slide/reference/families.py": (of_family, REFERENCE.hash),
    "slide/reference/plain/codes.py": (of_family, plain.hash),
    "slide/backends/threads/hashing.py": (of_family, NUMBA.hash),
    "slide/backends/gpu/hashing.py": (
        of_family,
        lambda *given: gpu_hashing.hash_rows(DEVICE, *given),
    ),
    "slide/reference/optimizers.py": (of_optimizer, REFERENCE.update_rows),
    "slide/reference/plain/optimizers.py": (of_optimizer, plain.update_rows),
    "slide/reference/bounds/optimizers.py": (
        of_optimizer,
        lambda *given: bound_of("update_rows", given),
    ),
    "slide/backends/threads/optimizers.py": (of_optimizer, NUMBA.update_rows),
    "slide/backends/gpu/optimizers.py": (
        of_optimizer,
        lambda *given: gpu_optimizers.update_rows(DEVICE, *given),
    ),
}


@pytest.mark.parametrize("path", BORDERS)
def test_whoever_is_asked_for_what_it_lacks_says_so(path) -> None:
    asking, kernel = BORDERS[path]
    name = {of_loss: "loss 'focal'", of_family: "hash family 'LTA'"}.get(
        asking, "optimizer 'Momentum'"
    )
    with pytest.raises(BackendError, match=f"^{name} is unknown to {path}: add it there"):
        asking(kernel)


def test_workers_say_so_too() -> None:
    backend = ProcessesBackend()
    with pytest.raises(BackendError, match=r"'focal' is unknown to slide/reference/losses\.py"):
        of_loss(backend.loss)
    backend.pool.close()


@pytest.mark.parametrize(
    ("kind", "ask"),
    [
        ("hash family", lambda: draw_family("lta", 3, 1, 1, 2, np.random.default_rng(0))),
        ("optimizer", lambda: optimizer_of(SimpleNamespace(optimizer="momentum"))),
    ],
)
def test_names_that_settings_have_and_core_lacks(kind, ask) -> None:
    with pytest.raises(BackendError, match=f"^{kind} '{NEW[kind]}' is unknown to slide/core/"):
        ask()


# Learners


@pytest.mark.parametrize("learner", [SampledRun, DirectRun])
def test_a_learner_has_what_is_asked_of_it(learner) -> None:
    assert lacks(learner) == []


def test_what_a_learner_lacks_is_told() -> None:
    asked = {name for name in dir(DirectRun) if not name.startswith("_")}
    halted = type("Halted", (), dict.fromkeys(asked - {"catch_up", "found_by"}))
    assert lacks(halted) == [
        "Halted has no 'catch_up', which slide/core/learner.py asks of a learner",
        "Halted has no 'found_by', which slide/core/learner.py asks of a learner",
    ]


# Pages


def in_copy(root, *command):
    """SampledRun Python over the engine in a folder; what it printed, and its exit code."""
    here = Path(__file__).parent
    environment = os.environ | {"PYTHONPATH": f"{root}{os.pathsep}{here}"}
    done = subprocess.run(
        [sys.executable, *command], cwd=root, env=environment, capture_output=True, text=True
    )
    return done.stdout + done.stderr, done.returncode


@pytest.fixture
def copy(tmp_path):
    """The engine in a folder of its own, without the bundled data."""
    shutil.copytree(
        ROOT / "slide", tmp_path / "slide", ignore=shutil.ignore_patterns("demo", "__pycache__")
    )
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["loss", "hash_family", "optimizer", "learner"])
def test_a_page_leads_to_what_verifies_and_trains(kind, copy) -> None:
    write_page(PAGES / f"{kind.replace('_', '-')}.md", copy)
    script = str(Path(__file__).parent / "extended.py")
    assert in_copy(copy, script, kind, str(copy / "model")) == ("", 0)


READS = """
import gzip
from pathlib import Path
import numpy as np
import slide

slide.write(slide.read("same.svm"), "same.npz")
same = slide.read("same.npz")
Path("some.vw.gz").write_bytes(gzip.compress(Path("some.vw").read_bytes()))
slide.data.convert_to_folder([Path("some.vw")], Path("folder"))
for name in ("some.vw", "some.vw.gz", "folder"):
    data = slide.read(name)
    for one, other in ((data.x, same.x), (data.y, same.y)):
        assert one.shape == other.shape
        for part in ("indptr", "indices", "values"):
            assert np.array_equal(getattr(one, part), getattr(other, part)), (name, part)
for ask in (lambda: slide.read("wrong.vw"), lambda: slide.write(same, "new.vw")):
    try:
        ask()
    except slide.DataError as error:
        print(error)
"""


def test_a_page_leads_to_a_reader(copy) -> None:
    write_page(PAGES / "reader.md", copy)
    (copy / "some.vw").write_text("3,17 | 9:1 5:0.5\n| 2:1\n")
    (copy / "same.svm").write_text("3,17 5:0.5 9:1\n 2:1\n")
    (copy / "wrong.vw").write_text("3 | 5:1\n3 5:1\n")
    assert in_copy(copy, "-c", READS) == (
        "wrong.vw:2: 0 bars, expected one, between labels and features: write `3,17 | 5:0.5`\n"
        "new.vw: Vowpal Wabbit's text is read, not written: end the name in .svm\n",
        0,
    )


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("KERNELS |=", "OTHERS =", "'focal' is unknown to slide/backends/threads/losses.py"),
        pytest.param(
            "sign * m * p * (p + (1 - p) * s)",
            "m * p * (p + (1 - p) * s)",
            "reference: loss(z",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "is_label else 1.0", "is_label else 0.5", "numba: loss(z", marks=pytest.mark.slow
        ),
    ],
)
def test_a_page_that_is_wrong_is_seen(old, new, sentence, copy) -> None:
    text = (PAGES / "loss.md").read_text()
    assert text.count(old) == 1
    page = copy / "loss.md"
    page.write_text(text.replace(old, new))
    write_page(page, copy)
    script = str(Path(__file__).parent / "extended.py")
    printed, code = in_copy(copy, script, "loss", str(copy / "model"))
    assert (sentence in printed, code) == (True, 1)


def test_a_loss_that_has_only_a_name_ends_in_a_sentence(copy) -> None:
    losses = copy / "slide" / "core" / "contract" / "losses.py"
    path, block = next(iter(blocks_of((PAGES / "loss.md").read_text())))
    assert copy / path == losses
    losses.write_text(merged(losses.read_text(), block))
    data = planted(20, 5)
    lines = [f"20 {data.n_features} 5"]
    for i in range(20):
        shown = " ".join(f"{f}:{v:g}" for f, v in zip(*data.x.row(i), strict=True))
        lines.append(f"{','.join(map(str, data.y.row(i)[0]))} {shown}")
    (copy / "train.txt").write_text("\n".join(lines) + "\n")
    command = "-m slide train train.txt --loss focal --model model --backend reference --quiet"
    assert in_copy(copy, *command.split()) == (
        "slide: loss 'focal' is unknown to slide/reference/losses.py: add it there "
        "(docs/extending)\n",
        2,
    )
    assert not (copy / "model").exists()


def test_blocks_are_written_where_they_belong() -> None:
    source = "import a\n\nX = 1\n\n\nclass C:\n    b: int = 0\n\n    def f(self): ...\n\n\nY = X\n"
    block = "import d\nfrom e import f\n\nX = 2\n\n\ndef new(): ...\n\n\nclass C:\n    g: int = 1\n"
    block += "\n\n@new\ndef late(): ...\n\n\nY = new()\n\nY |= 3\n"
    assert [line for line in merged(source, block).splitlines() if line] == [
        "import a", "import d", "from e import f", "X = 2", "class C:", "    b: int = 0",
        "    g: int = 1", "    def f(self): ...", "def new(): ...", "@new", "def late(): ...",
        "Y = new()", "Y |= 3",
    ]  # fmt: skip
