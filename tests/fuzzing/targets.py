"""What reads files that others wrote, by name: one line of TARGETS each.

A target has valid files, and something that reads them. Fuzzing changes their bytes; what reads
must give examples, or answers, that hold what they promise, or refuse in one sentence.
"""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

import slide
from fuzzing import folders, valid
from fuzzing.folders import as_checkpoint
from fuzzing.valid import Files
from slide.core.contract.arrays import CSR
from slide.core.errors import SlideError, SlideWarning
from slide.core.models.model import Model
from slide.data import blocks, prediction_lines

BETWEEN = b"\xff\0|\0\xff"  # files, in one string of bytes
LONGEST_SENTENCE = 1000  # characters, less paths


@dataclass(frozen=True)
class Target:
    """One reader.

    Args:
        name: in the table.
        files: valid ones, by their paths in a folder of their own.
        use: reads what is in such a folder, and checks what it got.
        packed: what is written to the disk of files; an archive of them, for instance.
    """

    name: str
    files: Callable[[], Files]
    use: Callable[[Path], None]
    packed: Callable[[Files], Files] = lambda files: files

    def seed(self) -> bytes:
        """All files in one string of bytes, which `write` takes apart."""
        return BETWEEN.join(self.files().values())

    def write(self, data: bytes, folder: Path) -> None:
        """Lay files of these contents into a folder; what is missing is not there."""
        shutil.rmtree(folder)
        folder.mkdir()
        files = dict(zip(self.files(), data.split(BETWEEN), strict=False))
        for name, content in self.packed(files).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)

    def survives(self, data: bytes, folder: Path) -> bool:
        """Whether these bytes are read; False if refused in a sentence; AssertionError if not so.

        Raises:
            Exception: whatever else goes wrong, which is a finding.
        """
        self.write(data, folder)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                warnings.simplefilter("ignore", SlideWarning)
                self.use(folder)
        except SlideError as error:
            sentence = str(error).replace(str(folder), "")
            assert len(sentence) <= LONGEST_SENTENCE, f"{len(sentence)} characters: {sentence[:99]}"
            assert sentence.isprintable() or "\n" not in sentence, "a sentence of several lines"
            return False
        return True


def reading(name: str) -> Callable[[Path], None]:
    """Reads a file of numbers."""

    def use(folder: Path) -> None:
        data = slide.read(folder / name)
        data.check()
        assert np.isfinite(data.features.values).all()
        assert (abs(data.y.values) == 1).all()

    return use


def reading_texts(name: str) -> Callable[[Path], None]:
    """Reads a table of texts."""

    def use(folder: Path) -> None:
        data = slide.read_texts(folder / name, "text", "labels")
        data.check()
        assert len(data.label_names) == data.n_labels

    return use


def answering(folder: Path) -> None:
    """Loads a model, and asks it all that it knows."""
    model = Model.load(folder / "m", "reference")
    n = model.network.n_features
    x = CSR(np.array([0, min(n, 2)]), np.arange(min(n, 2), dtype=np.int32),
            np.ones(min(n, 2), np.float32), n)  # fmt: skip
    for sampled in (False, True):
        ids, scores = model.predict(x, 1, sampled)
        assert ids.min() >= -1
        assert not np.isnan(scores).any()
    if model.label_names is not None:
        model.label_names.of(ids)
    if model.calibration is not None:
        model.predict_proba(x, 1)
    if model.text is not None:
        model.predict_texts(["ab cd"], 1)


def logging(folder: Path) -> None:
    """Makes blocks of a log, and prints predictions, of whatever arrays there are."""
    users, items, clicked, ids, scores = (
        np.load(folder / f"{name}.npy") for name in ("users", "items", "clicked", "ids", "scores")
    )
    list(prediction_lines(ids, scores))
    blocks(users, items, clicked).check()


def log() -> Files:
    """The arrays of a log and of predictions: numbers alone change, not how they are written."""
    return {
        "users": np.array([0, 0, 1, 1, 1], np.int64).tobytes(),
        "items": np.array([3, 1, 0, 2, 2], np.int64).tobytes(),
        "clicked": np.array([0, 1, 0, 1, 1], np.uint8).tobytes(),
        "ids": np.array([1, 0, -1, 2], np.int32).tobytes(),
        "scores": np.array([0.5, -1, 0, 3], np.float32).tobytes(),
    }


def as_log(files: Files) -> Files:
    """The same as npy files."""
    dtypes = {"users": "i8", "items": "i8", "clicked": "?", "ids": "i4", "scores": "f4"}
    shapes = {"ids": (-1, 2), "scores": (-1, 2)}
    named = {}
    for name, dtype in dtypes.items():
        content = files.get(name, b"")
        wanted = np.dtype(dtype).itemsize * (2 if name in shapes else 1)
        whole = content[: len(content) - len(content) % wanted]
        array = np.frombuffer(whole, np.uint8 if dtype == "?" else dtype)
        array = array != 0 if dtype == "?" else array
        named[f"{name}.npy"] = valid.npy(array.reshape(shapes.get(name, (-1,))))
    return named


def one(name: str, content: bytes) -> Callable[[], Files]:
    """A file alone."""
    return lambda: {name: content}


def in_archive(name: str) -> Callable[[Files], Files]:
    """What packs files as members of an archive of this name."""
    return lambda files: {name: valid.archive(files)}


def as_pair(files: Files) -> Files:
    """Members of both archives of a pair, `x/NAME` and `y/NAME`, in them."""
    sides = {"x/": "X_a.npz", "y/": "Y_a.npz"}
    return {
        name: valid.archive(
            {key[2:]: content for key, content in files.items() if key.startswith(side)}
        )
        for side, name in sides.items()
    }


def of_pair() -> Files:
    """The members of a pair that SciPy wrote."""
    pair = valid.scipy_pair()
    return {
        f"{name[0].lower()}/{key}": content
        for name in pair
        for key, content in valid.members(pair[name]).items()
    }


def of_arrow(table: Callable[[], pa.Table], kind: str) -> Callable[[], Files]:
    """A file of columns."""
    return lambda: {"a.arrow": valid.columnar(table(), kind)}


def one_of(name: str) -> Callable[[], Files]:
    """A compressed file."""
    return lambda: {name: valid.compressed()[name]}


TARGETS = {
    target.name: target
    for target in (
        Target("svmlight", one("a.svm", valid.SVMLIGHT), reading("a.svm")),
        Target("xmc", one("a.txt", valid.XMC), reading("a.txt")),
        Target("apart", lambda: valid.APART, reading("trn_X_Xf.txt")),
        Target("gzip", one_of("a.svm.gz"), reading("a.svm.gz")),
        Target("bzip2", one_of("a.svm.bz2"), reading("a.svm.bz2")),
        Target("xz", one_of("a.svm.xz"), reading("a.svm.xz")),
        Target("zstd", one_of("a.svm.zst"), reading("a.svm.zst")),
        Target("zip", lambda: {"a.npz": valid.archive(valid.arrays())}, reading("a.npz")),
        Target("npz", valid.arrays, reading("a.npz"), in_archive("a.npz")),
        Target("npz-pair", of_pair, reading("X_a.npz"), as_pair),
        Target("jsonl", one("a.jsonl", valid.JSON_LINES), reading_texts("a.jsonl")),
        Target("csv", one("a.csv", valid.CSV), reading_texts("a.csv")),
        Target("tsv", one("a.tsv", valid.TSV), reading_texts("a.tsv")),
        Target("parquet", lambda: {"a.parquet": valid.parquet()}, reading_texts("a.parquet")),
        Target("arrow-text", of_arrow(valid.texts, "file"), reading_texts("a.arrow")),
        Target("columns", of_arrow(valid.numbers, "file"), reading("a.arrow")),
        Target("columns-pq", of_arrow(valid.pairs, "parquet"), reading("a.arrow")),
        Target("vectors", of_arrow(valid.vectors, "stream"), reading("a.arrow")),
        Target("log", log, logging, as_log),
        Target("model", valid.sampled_folder, answering),
        Target("text-model", valid.text_folder, answering),
        Target("calibration", folders.calibrated_folder, answering),
        Target("frozen", folders.frozen(valid.sampled_model, "float32"), folders.predicting),
        Target("frozen-int8", folders.frozen(valid.sampled_model, "int8"), folders.predicting),
        Target("frozen-text", folders.frozen(valid.text_model, "float32"), folders.predicting),
        Target("frozen-list", folders.frozen(valid.text_model, "int8"), folders.predicting),
        Target("data-folder", folders.data_folder, folders.reading_data),
        Target(
            "text-folder", folders.text_data_folder, folders.reading_texts_of_data, folders.as_told
        ),
        *(
            Target(name, folders.checkpoint_of(name), folders.going_on(name), as_checkpoint)
            for name in folders.CONFIGS
        ),
    )
}
