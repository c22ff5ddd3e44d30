"""The sets: where they come from, and the one form in which every contestant reads them.

Each is parsed once, its rows are scaled to unit length, and it is left in out/peers/data/NAME as
{X,Y}_{train,test}.npz (SciPy, CSR, float32) and, for omikuji, which reads text alone, train.txt.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse

import slide
from slide.core.contract.arrays import CSR

REAL = (
    "bibtex", "ml-latest-small", "ml-100k", "debian-depends", "eurlex-dev", "wordnet-hypernyms",
    "wordnet-nextword", "session-tmall", "session-diginetica", "gowalla-41k",
)  # fmt: skip
RECOMMENDERS = ("ml-latest-small", "ml-100k", "gowalla-41k")
"""Features and labels share one numbering: items that someone has, items to recommend."""

BUNDLED = {"debian-depends": Path(slide.__file__).parent / "data" / "demo"}
SYNTHETIC = {
    "S": "--samples 20000 --test 8000 --features 50000 --labels 30000 --nnz 75 "
    "--labels-per-sample 5 --seed 1",
    "A": "--samples 100000 --test 8000 --features 135909 --labels 670091 --zipf 1.2 "
    "--zipf-shift 134 --seed 1",
}
"""By name: the arguments of the tool that makes it."""


@dataclass(frozen=True, slots=True)
class Source:
    """A set as it was given: two files that `slide.read` reads, and the command that makes them."""

    name: str
    train: Path
    test: Path
    command: tuple[str, ...] = ()

    @property
    def recommender(self) -> bool:
        return self.name in RECOMMENDERS


def real(name: str, data: Path | None) -> Source | None:
    """A folder NAME of `data` with train.txt.gz and test.txt.gz, or the bundled set."""
    if data is not None and (data / name / "train.txt.gz").exists():
        return Source(name, data / name / "train.txt.gz", data / name / "test.txt.gz")
    if name in BUNDLED:
        return Source(name, BUNDLED[name] / "train.txt.zst", BUNDLED[name] / "test.txt.zst")
    return None


def synthetic(size: str, tool: Path, folder: Path) -> Source:
    """Size S or A, which the tool makes in a folder below `folder`."""
    name = f"synthetic-{size}"
    raw = folder / f"{name}-raw"
    command = (sys.executable, str(tool), *SYNTHETIC[size].split(), "--no-text", "--out", str(raw))
    return Source(name, raw / "X_train.npz", raw / "X_test.npz", command)


def prepare(source: Source, folder: Path) -> Path:
    """The folder of the set in its one form, made unless it is newer than its source."""
    target = folder / source.name
    if source.command and not source.test.with_name("meta.json").exists():  # which is written last
        subprocess.run(source.command, check=True, stdout=subprocess.DEVNULL)
    newest = max(path.stat().st_mtime for path in (source.train, source.test))
    if target.exists() and target.stat().st_mtime > newest:
        return target
    partial = folder / f"{source.name}.partial"
    for stale in (partial, target):
        shutil.rmtree(stale, ignore_errors=True)
    partial.mkdir(parents=True)
    train, test = slide.data.read_pair(source.train, source.test)
    for name, data in (("train", train), ("test", test)):
        data = slide.Dataset(unit_rows(data.features), data.y)
        scipy.sparse.save_npz(partial / f"X_{name}.npz", matrix_of(data.features), compressed=False)
        scipy.sparse.save_npz(partial / f"Y_{name}.npz", matrix_of(data.y), compressed=False)
        if name == "train":
            slide.data.write(data, partial / "train.txt")
    return partial.rename(target)


def unit_rows(x: CSR) -> CSR:
    """Each row divided by its L2 length; empty rows as they are."""
    rows = x.row_numbers()
    lengths = np.sqrt(np.bincount(rows, x.values.astype(np.float64) ** 2, minlength=x.n_rows))
    values = (x.values / np.where(lengths > 0, lengths, 1)[rows]).astype(np.float32)
    return CSR(x.indptr, x.indices, values, x.n_cols)


def matrix_of(a: CSR) -> scipy.sparse.csr_matrix:
    return scipy.sparse.csr_matrix((a.values, a.indices, a.indptr), a.shape)
