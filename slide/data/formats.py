"""Which format a file has; and the public functions over all formats.

| name, without `.gz .bz2 .xz .zst`     | format              |
|---------------------------------------|---------------------|
| `.npz`, or whatever a zip archive has | npz                 |
| `.svm .svmlight .libsvm`              | svmlight            |
| anything else                         | XMC-repository text |
| anything else, with two numbers first | features alone      |

Standard input, pipes and devices have no name that tells: with a header it is XMC-repository text,
without one svmlight.
"""

from __future__ import annotations

import warnings
from pathlib import Path

from slide.core.contract.arrays import CSR
from slide.core.errors import ConfigError, DataError, SlideWarning, said
from slide.core.examples.counting import OneBased
from slide.core.examples.dataset import Dataset, checked
from slide.data.apart import joined, read_labels
from slide.data.beside import labels_beside, left_out_beside, refuse_label_features
from slide.data.compression import SUFFIXES
from slide.data.npz import read_npz, save_npz
from slide.data.source import Source
from slide.data.streams import is_stream, refuse_twice
from slide.data.svmlight import read_svmlight, svmlight_text
from slide.data.target import new_file, save_text
from slide.data.xmc import n_in_header, read_matrix, read_xmc, xmc_text

_SVMLIGHT = (".svm", ".svmlight", ".libsvm")
_ZIP = b"PK\x03\x04"
_IN_HEADER, _IN_HEADER_OF_MATRIX = 3, 2


def _format(path: Path) -> str:
    """The format that a name tells."""
    name = path.name.lower()
    for suffix in SUFFIXES:
        name = name.removesuffix(suffix)
    if name.endswith(".npz"):
        return "npz"
    return "svmlight" if name.endswith(_SVMLIGHT) else "xmc"


def _format_of(source: Source) -> str:
    """The format that a file's first bytes tell, as far as its name does not."""
    if source.head.startswith(_ZIP):
        return "npz"
    kind, n_numbers = _format(source.path), n_in_header(source.head)
    if kind == "xmc" and n_numbers == _IN_HEADER_OF_MATRIX:
        return "apart"
    if kind == "svmlight" and n_numbers == _IN_HEADER:
        sentence = "the first line is a header, which svmlight does not have: end the name in .txt"
        raise DataError(sentence, source.name, 1)
    has_no_name = is_stream(source.path)
    return "svmlight" if has_no_name and n_numbers < _IN_HEADER_OF_MATRIX else kind


def is_numbers(path: Path) -> bool:
    """Whether a file has features as numbers by its name."""
    return not is_stream(path) and _format(path) != "xmc"


def read(
    path: str | Path,
    n_features: int | None = None,
    n_labels: int | None = None,
    one_based: str | None = None,
    features_only: bool = False,
) -> Dataset:
    """The examples of a file, in its order, whatever its format.

    Args:
        path: the file, or `-` for standard input; its name tells the format, its first bytes the
            compression.
        n_features, n_labels: sizes that a model or a training set already has. An svmlight file
            states no sizes: it gets 1 + the highest number seen, raised to these where they are
            larger. XMC and npz files state their own, which are returned as they stand.
        one_based: what an svmlight file counts from 1: "none", "features", "labels" or "both";
            column 0 is then what it calls 1. XMC and npz files count from 0, whatever is said.
        features_only: labels in a file of their own are not looked for: there are none then.

    Returns:
        A Dataset for which `check()` holds, all values finite, all label values 1 (or -1, which
        only our own npz format has, for labels that were shown and not chosen).

    Raises:
        DataError: for every file that cannot be read as what its name says.
        ConfigError: one_based is something else.

    Warns:
        SlideWarning: an svmlight file looks as if it counted from 1, and nothing was said; or it
            ends in blank lines.
    """
    source, sizes = Source(Path(path)), (n_features or 0, n_labels or 0)
    _, dataset = _read(source, *sizes, counted(one_based), features_only)
    return dataset


def counted(one_based: str | None) -> OneBased | None:
    """The words of a caller as a member.

    Raises:
        ConfigError: there is none.
    """
    if one_based is None or one_based in set(OneBased):
        return None if one_based is None else OneBased(one_based)
    raise ConfigError(f"one_based is {one_based!r}: expected one of {', '.join(OneBased)}")


def refuse_other_than_svmlight(path: Path, one_based: OneBased | None) -> None:
    """Raise DataError if a file that counts from 0 by its format was said to count otherwise."""
    if not is_stream(path) and _format(path) != "svmlight":
        _refuse_counting(path, one_based)


def _refuse_counting(path: Path, one_based: OneBased | None) -> None:
    if one_based not in (None, OneBased.NONE):
        option = said("one_based")
        sentence = f"this format counts from 0, expected svmlight for {option}: leave it out"
        raise DataError(f"{sentence}, or rename the file to .svm if it is svmlight", path)


def _read(
    source: Source,
    n_features: int = 0,
    n_labels: int = 0,
    one_based: OneBased | None = None,
    features_only: bool = False,
) -> tuple[str, Dataset]:
    """The format of a file, and its examples."""
    kind = _format_of(source)
    if kind == "npz":
        return kind, read_npz(source, features_only)
    if kind == "apart":
        return kind, _read_apart(source, features_only)
    if kind == "xmc":
        return kind, read_xmc(source)
    return kind, read_svmlight(source, n_features, n_labels, one_based)


def _read_apart(source: Source, features_only: bool) -> Dataset:
    """The examples of a file with features alone, with the labels beside it."""
    refuse_label_features(source.path)
    if features_only:
        x = read_matrix(source)
        return Dataset(x, CSR.empty(x.n_rows, 0))
    labels_path = labels_beside(source.path)  # before the work is done
    x, y = read_matrix(source), read_labels(Source(labels_path))
    return joined(x, y, labels_path, left_out_beside(source.path))


def read_pair(
    train: str | Path, valid: str | Path | None, one_based: str | None = None
) -> tuple[Dataset, Dataset | None]:
    """A training and a validation file that share one numbering; see `read`.

    Neither takes sizes of the other: what is trained does not depend on what it is judged by, and
    whoever judges leaves out what training never saw.
    """
    refuse_twice(train, valid)
    source = Source(Path(train))
    kind, train_set = _read(source, one_based=counted(one_based))
    if kind != "svmlight":
        _refuse_counting(source.name, counted(one_based))
    # What a training file looks like is told once, and its counting holds for both.
    counting = one_based or OneBased.NONE
    return train_set, None if valid is None else read(valid, one_based=counting)


def write(dataset: Dataset, path: str | Path) -> None:
    """Write examples so that `read(path)` returns the same bits.

    Only an svmlight file forgets something: columns after the last one used, since it states no
    sizes. The file appears whole or not at all.

    Args:
        dataset: examples with finite values, every label value 1, or -1 where the file is npz.
        path: a file that does not exist yet, or `-` for standard output, which gets XMC text; its
            name tells the format and the compression.

    Raises:
        DataError: the file exists, cannot be written, or its format cannot hold the examples.
        InputError: the arrays contradict each other, or features are not finite.
    """
    path = Path(path)
    dataset = checked(dataset, "the dataset")
    kind = _format(path)
    if kind == "npz" and path.suffix.lower() in SUFFIXES:
        raise DataError("npz is not compressed as a whole: end the name in .npz", path)
    fault = _unwritable(dataset, kind)
    if fault:
        raise DataError(fault, path)
    if dataset.left_out is not None and dataset.left_out.nnz:
        n = dataset.left_out.nnz
        sentence = f"{n} pairs that are left out when rankings are judged are not kept in the file"
        warnings.warn(f"{path}: {sentence}", SlideWarning, stacklevel=2)
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
