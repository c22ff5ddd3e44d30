"""Which format a file has; and the public functions over all formats.

| name, without `.gz .bz2 .xz .zst`     | format              |
|---------------------------------------|---------------------|
| of a folder                           | data folder         |
| `.npz`, or whatever a zip archive has | npz                 |
| `.svm .svmlight .libsvm`              | svmlight            |
| Parquet or Arrow, by name or content  | numbers in columns  |
| anything else                         | XMC-repository text |
| anything else, with two numbers first | features alone      |

Standard input, pipes and devices have no name that tells: with a header it is XMC-repository text,
without one svmlight. A name that stands for nothing may be a pattern of several files. What is
written under a name without suffix is a data folder.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from slide.core.contract import handed
from slide.core.contract.arguments import path_of
from slide.core.contract.arrays import CSR
from slide.core.errors import ConfigError, DataError, SlideWarning, said
from slide.core.examples.counting import OneBased
from slide.core.examples.dataset import Dataset, checked
from slide.core.examples.mapped import Mapped
from slide.data.apart import apart_parts
from slide.data.beside import labels_beside, left_out_beside, refuse_label_features
from slide.data.columns import column_parts
from slide.data.compression import SUFFIXES
from slide.data.folders.converting import convert_to_folder as fill_folder
from slide.data.folders.opening import open_folder
from slide.data.many import files_of, in_a_row
from slide.data.npz import npz_parts, save_npz
from slide.data.parts import Parts, parts_of
from slide.data.source import BEGIN, Place, Source, Watch, behind, unwatched
from slide.data.streams import is_stream, refuse_twice, shown
from slide.data.svmlight import svmlight_parts, svmlight_text
from slide.data.tables import is_columnar
from slide.data.tables.arrow import kind_of
from slide.data.target import new_file, save_text
from slide.data.xmc import n_in_header, read_matrix, xmc_parts, xmc_text

_SVMLIGHT = (".svm", ".svmlight", ".libsvm")
_ZIP = b"PK\x03\x04"
_IN_HEADER, _IN_HEADER_OF_MATRIX = 3, 2


def _format(path: Path) -> str:
    """The format that a name tells."""
    if os.path.isdir(path):
        return "folder"
    name = path.name.lower()
    for suffix in SUFFIXES:
        name = name.removesuffix(suffix)
    if name.endswith(".npz"):
        return "npz"
    if is_columnar(path):
        return "columns"
    return "svmlight" if name.endswith(_SVMLIGHT) else "xmc"


def _format_of(source: Source) -> str:
    """The format that a file's first bytes tell, as far as its name does not."""
    if source.head.startswith(_ZIP):
        return "npz"
    if kind_of(source.head):
        return "columns"
    kind, n_numbers = _format(source.path), n_in_header(source.head)
    if kind == "xmc" and n_numbers == _IN_HEADER_OF_MATRIX:
        return "apart"
    if kind == "svmlight" and n_numbers == _IN_HEADER:
        sentence = "the first line is a header, which svmlight does not have: end the name in .txt"
        raise DataError(sentence, source.name, 1)
    has_no_name = is_stream(source.path)
    return "svmlight" if has_no_name and n_numbers < _IN_HEADER_OF_MATRIX else kind


def is_folder_name(path: Path) -> bool:
    """Whether what is written under this name is a data folder."""
    return not is_stream(path) and not path.suffix and bool(path.name)


def is_numbers(path: Path) -> bool:
    """Whether a file has features as numbers, and not texts, by its name."""
    return not is_stream(path) and _format(path) not in ("xmc", "columns")


def read(
    path: str | Path,
    n_features: int | None = None,
    n_labels: int | None = None,
    one_based: str | None = None,
    features_only: bool = False,
    watch: Watch = unwatched,
) -> Dataset:
    """The examples of a file, in its order, whatever its format.

    Args:
        path: the file, or `-` for standard input; its name tells the format, its first bytes the
            compression. Or a data folder, or a pattern such as `part-*.txt` of several files.
        n_features, n_labels: sizes that a model or a training set already has. Files of svmlight,
            Parquet and Arrow state no sizes: they get 1 + the highest number seen, raised to these
            where they are larger. XMC and npz files state their own, which are returned as they
            stand.
        one_based: what an svmlight file counts from 1: "none", "features", "labels" or "both";
            column 0 is then what it calls 1. Other files count from 0, whatever is said.
        features_only: labels in a file of their own are not looked for: there are none then.
        watch: is told how many bytes were read; of a data folder, of labels in a file of their own,
            and of npz that is sought in, nothing.

    Returns:
        A Dataset for which `check()` holds, all values finite, all label values 1 (or -1, which
        only our own npz format has, for labels that were shown and not chosen). That of a data
        folder is mapped into memory, and its numbers are checked by whoever uses them.

    Raises:
        DataError: for every file that cannot be read as what its name says.
        ConfigError: one_based is something else.

    Warns:
        SlideWarning: an svmlight file looks as if it counted from 1, and nothing was said; or it
            ends in blank lines.
    """
    sizes = size_of(n_features, "n_features"), size_of(n_labels, "n_labels")
    return _read(path_of(path, "path"), *sizes, counted(one_based), features_only, watch)[1]


def size_of(n: int | None, name: str) -> int:
    """A number of columns; 0 where none is asked for."""
    return 0 if n is None else handed.refusing(name, lambda: handed.n_columns(n))


def counted(one_based: str | None) -> OneBased | None:
    """The words of a caller as a member.

    Raises:
        ConfigError: there is none.
    """
    if one_based is None or (isinstance(one_based, str) and one_based in set(OneBased)):
        return None if one_based is None else OneBased(one_based)
    raise ConfigError(f"one_based is {one_based!r}: expected one of {', '.join(OneBased)}")


def refuse_other_than_svmlight(path: Path, one_based: OneBased | None) -> None:
    """Raise DataError if a file that counts from 0 by its format was said to count otherwise."""
    if not is_stream(path) and all(_format(each) != "svmlight" for each in files_of(path)):
        _refuse_counting(path, one_based)


def refuse_no_text(path: Path) -> None:
    """Raise DataError if a file of lines of text would have the name of another format."""
    if not is_stream(path) and _format(path) != "xmc":
        raise DataError(
            "lines of text are written, and its name says otherwise: end it in .txt", path
        )


def _refuse_counting(path: Path, one_based: OneBased | None) -> None:
    if one_based not in (None, OneBased.NONE):
        option = said("one_based")
        sentence = f"this format counts from 0, expected svmlight for {option}: leave it out"
        raise DataError(f"{sentence}, or rename the file to .svm if it is svmlight", path)


def _read(
    path: Path,
    n_features: int = 0,
    n_labels: int = 0,
    one_based: OneBased | None = None,
    features_only: bool = False,
    watch: Watch = unwatched,
) -> tuple[str, Dataset]:
    """The format of a file, and its examples; of several files the format of the last."""
    sets, n_before = list[Dataset](), 0
    for each in files_of(path):
        if _format(each) == "folder":
            kind = "folder"
            sets.append(open_folder(each))
        else:
            source = Source(each, watch=behind(n_before, watch))
            kind, parts = _opened(source, n_features, n_labels, one_based, features_only)
            sets.append(parts if isinstance(parts, Dataset) else parts.whole())
            n_before += source.n_read
    return kind, in_a_row(sets)


def _opened(
    source: Source,
    n_features: int = 0,
    n_labels: int = 0,
    one_based: OneBased | None = None,
    features_only: bool = False,
    start: Place = BEGIN,
) -> tuple[str, Dataset | Parts]:
    """The format of a file, and its examples behind a place in it."""
    kind = _format_of(source)
    if kind == "npz":
        return kind, npz_parts(source, features_only, start)
    if kind == "columns":
        return kind, column_parts(source, n_features, n_labels, features_only, start)
    if kind == "apart":
        return kind, _apart(source, features_only)
    if kind == "xmc":
        return kind, xmc_parts(source, start)
    return kind, svmlight_parts(source, n_features, n_labels, one_based, start)


def convert_to_folder(
    paths: Sequence[Path],
    target: Path,
    one_based: str | None = None,
    watch: Watch = unwatched,
    **sizes: int,
) -> Mapped:
    """Write the examples of files, one after the other, into a data folder, in little memory.

    An interrupted conversion goes on where it was, if it is asked for again.

    Args:
        paths: the files, patterns of files, or `-`.
        target: the folder, which is not there yet.
        one_based: see `read`.
        watch: is told how many bytes were read.
        sizes: `every` and `chunk_size` of `slide.data.folders.converting`.

    Raises:
        DataError: a file cannot be read, or the folder cannot be written.
        ConfigError: one_based is something else.
    """
    counting = counted(one_based)
    files = [each for path in paths for each in files_of(path)]
    opened = partial(_in_parts, counting)
    return fill_folder(files, target, opened, watch, str(counting), **sizes)


def _in_parts(one_based: OneBased | None, source: Source, start: Place) -> Parts:
    """The examples of a file behind a place in it, whatever its format."""
    if _format(source.path) == "folder":
        return parts_of(open_folder(source.path))
    kind, found = _opened(source, one_based=one_based, start=start)
    if kind != "svmlight":
        _refuse_counting(source.name, one_based)
    return parts_of(found) if isinstance(found, Dataset) else found


def _apart(source: Source, features_only: bool) -> Dataset | Parts:
    """The examples of a file with features alone, with the labels beside it."""
    refuse_label_features(source.path)
    if features_only:
        x = read_matrix(source)
        return Dataset(x, CSR.empty(x.n_rows, 0))
    return apart_parts(source, labels_beside(source.path), left_out_beside(source.path))


def read_pair(
    train: str | Path, valid: str | Path | None, one_based: str | None = None
) -> tuple[Dataset, Dataset | None]:
    """A training and a validation file that share one numbering; see `read`.

    Neither takes sizes of the other: what is trained does not depend on what it is judged by, and
    whoever judges leaves out what training never saw.
    """
    refuse_twice(train, valid)
    kind, train_set = _read(Path(train), one_based=counted(one_based))
    if kind != "svmlight":
        _refuse_counting(shown(Path(train)), counted(one_based))
    # What a training file looks like is told once, and its counting holds for both.
    counting = one_based or OneBased.NONE
    return train_set, None if valid is None else read(valid, one_based=counting)


def write(dataset: Dataset, path: str | Path, watch: Watch = unwatched) -> None:
    """Write examples so that `read(path)` returns the same bits.

    Only an svmlight file forgets something: columns after the last one used, since it states no
    sizes. The file appears whole or not at all.

    Args:
        dataset: examples with finite values, every label value 1, or -1 where the file is npz.
        path: a file that does not exist yet, or `-` for standard output, which gets XMC text; its
            name tells the format and the compression.
        watch: is told how many lines were written; of npz nothing.

    Raises:
        DataError: the file exists, cannot be written, or its format cannot hold the examples.
        InputError: the arrays contradict each other, or features are not finite.
    """
    path = path_of(path, "path")
    dataset = checked(dataset, "the dataset")
    kind = _format(path)
    if kind == "columns":
        raise DataError("Parquet and Arrow are read, not written: end the name in .npz", path)
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
            save_text(xmc_text(dataset), file, path, watch)
        else:
            save_text(svmlight_text(dataset, path), file, path, watch)


def _unwritable(dataset: Dataset, kind: str) -> str | None:
    """Why a file of this format, or of any, cannot hold these examples; None if it can."""
    if not (abs(dataset.y.values) == 1).all():
        return "label values other than 1 and -1 cannot be written: correct or drop those labels"
    if kind != "npz" and (dataset.y.values < 0).any():
        return "text cannot hold label values of -1: choose another format (.npz), or drop them"
    return None
