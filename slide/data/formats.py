"""Which format a file has, by its name; and the two public functions over all formats.

| name                                            | format              |
|-------------------------------------------------|---------------------|
| `.npz`                                          | npz                 |
| `.svm .svmlight .libsvm`, also with `.gz .zst`  | svmlight            |
| anything else, also with `.gz .zst`             | XMC-repository text |
"""

from __future__ import annotations

from pathlib import Path

from slide.core.errors import DataError
from slide.core.examples.dataset import Dataset, checked
from slide.data.npz import read_npz, save_npz
from slide.data.source import COMPRESSIONS
from slide.data.svmlight import read_svmlight, svmlight_text
from slide.data.target import new_file, save_text
from slide.data.xmc import read_xmc, xmc_text

_SVMLIGHT = (".svm", ".svmlight", ".libsvm")


def _format(path: Path) -> str:
    name = path.name.lower()
    if name.endswith(".npz"):
        return "npz"
    for suffix in COMPRESSIONS:
        name = name.removesuffix(suffix)
    return "svmlight" if name.endswith(_SVMLIGHT) else "xmc"


def read(path: str | Path, n_features: int | None = None, n_labels: int | None = None) -> Dataset:
    """The examples of a file, in its order, whatever its format.

    Args:
        path: the file; its name tells the format and the compression.
        n_features, n_labels: sizes that a model or a training set already has. An svmlight file
            states no sizes: it gets 1 + the highest number seen, raised to these where they are
            larger. XMC and npz files state their own, which are returned as they stand.

    Returns:
        A Dataset for which `check()` holds, all values finite, all label values 1 (or -1, which
        only our own npz format has, for labels that were shown and not chosen).

    Raises:
        DataError: for every file that cannot be read as what its name says.
    """
    path = Path(path)
    kind = _format(path)
    if kind == "npz":
        return read_npz(path)
    if kind == "xmc":
        return read_xmc(path)
    return read_svmlight(path, n_features or 0, n_labels or 0)


def read_pair(train: str | Path, valid: str | Path | None) -> tuple[Dataset, Dataset | None]:
    """A training and a validation file that share one numbering; see `read`.

    Neither takes sizes of the other: what is trained does not depend on what it is judged by, and
    whoever judges leaves out what training never saw.
    """
    return read(train), None if valid is None else read(valid)


def write(dataset: Dataset, path: str | Path) -> None:
    """Write examples so that `read(path)` returns the same bits.

    Only an svmlight file forgets something: columns after the last one used, since it states no
    sizes; and it cannot hold an example with neither labels nor features, which is refused.
    The file appears whole or not at all.

    Args:
        dataset: examples with finite values, every label value 1, or -1 where the file is npz.
        path: a file that does not exist yet; its name tells the format and the compression.

    Raises:
        DataError: the file exists, cannot be written, or its format cannot hold the examples.
        InputError: the arrays contradict each other, or features are not finite.
    """
    path = Path(path)
    dataset = checked(dataset, "the dataset")
    kind = _format(path)
    fault = _unwritable(dataset, kind)
    if fault:
        raise DataError(fault, path)
    with new_file(path) as file:
        if kind == "npz":
            save_npz(dataset, file)
        elif kind == "xmc":
            save_text(xmc_text(dataset), file, path)
        else:
            save_text(svmlight_text(dataset, path), file, path)


def _unwritable(dataset: Dataset, kind: str) -> str | None:
    """Why a file of this format, or of any, cannot hold these examples; None if it can."""
    if not (abs(dataset.y.values) == 1).all():
        return "label values other than 1 and -1 cannot be written: correct or drop those labels"
    if kind != "npz" and (dataset.y.values < 0).any():
        return "text cannot hold label values of -1: choose another format (.npz), or drop them"
    return None
