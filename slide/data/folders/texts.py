"""From files of texts to a data folder, in little memory but for the vocabulary.

Without somebody's words to take, files are gone through twice: what all texts have in them decides
what a word weighs, and what column it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from slide.core.contract.arrays import CSR
from slide.core.errors import DataError, worded
from slide.core.examples.dataset import Dataset
from slide.core.examples.fitting import FITTING, Fitted
from slide.core.examples.mapped import Mapped
from slide.core.examples.names import Names
from slide.core.examples.texts import TFIDF, TextFeatures
from slide.data.called import Called
from slide.data.folders.converting import convert_to_folder
from slide.data.many import files_of
from slide.data.named_labels import LabelColumn
from slide.data.parts import Part, Parts
from slide.data.source import Place, Source, Watch, unwatched
from slide.data.streams import is_stream, refuse_twice
from slide.data.target import refuse_taken
from slide.data.texts import (
    RECOMMENDED,
    Columns,
    Named,
    Rows,
    about,
    columns_like,
    refuse_unknown,
)

TEXTS_AT_A_TIME, CHARACTERS_AT_A_TIME = 1 << 10, 1 << 21


def convert_texts_to_folder(
    paths: Sequence[Path],
    target: Path,
    columns: Columns,
    vectorizer: str = TFIDF,
    settings: dict[str, Any] | None = None,
    watch: Watch = unwatched,
) -> Mapped:
    """Write the examples of files of texts, one after the other, into a new data folder.

    They are those that `read_texts` gives of one file with all rows, to the bit. What is
    interrupted begins anew.

    Args:
        paths: the files, or patterns of files; each is read twice.
        target: the folder, which is not there yet.
        columns: where texts and labels stand.
        vectorizer, settings: see `read_texts`.
        watch: is told how many bytes of all files were read; both times half of them.

    Raises:
        DataError: a file cannot be read, comes once only, or the folder cannot be written.
        ConfigError: the vectorizer has no such settings, or scikit-learn is not installed.
    """
    refuse_taken(target)
    refuse_unknown(vectorizer, settings or {})
    files = [each for path in paths for each in files_of(path)]
    _refuse_streams(files)
    total = sum(path.stat().st_size for path in files if path.is_file())
    settings = RECOMMENDED.get(vectorizer, {}) | (settings or {})
    fitted, labels = _fitted(files, columns, vectorizer, settings, lambda n: watch(n // 2))
    assert columns.labels is not None
    text = replace(fitted.text, columns=columns.text, labels=columns.labels,
                   separator=columns.separator)  # fmt: skip
    reader = fitted.features()
    reading = Reading(
        columns, lambda texts: fitted.renumbered(reader.features(texts)), text, labels
    )
    return convert_to_folder(files, target, reading.parts, lambda n: watch((total + n) // 2), None)


def convert_texts_like(
    paths: Sequence[Path],
    target: Path,
    like: Named,
    text: str | Sequence[str] | None = None,
    labels: str | None = None,
    separator: str | None = None,
    watch: Watch = unwatched,
) -> Mapped:
    """The same by the words and labels of a model, or of a data folder; files are read once.

    A label that those have not gets a name and a column behind theirs.

    Args:
        paths, target, watch: see `convert_texts_to_folder`; a path may be `-`.
        like: a model or a data folder.
        text, labels, separator: see `read_texts`.

    Raises:
        DataError: a file cannot be read, or the folder cannot be written.
        InputError: `like` was not trained on texts.
    """
    refuse_twice(*paths)
    columns, known, names = columns_like(like, text, labels, separator, False)
    files = [each for path in paths for each in files_of(path)]
    reading = Reading(columns, known.features, known, names)
    return convert_to_folder(files, target, reading.parts, watch, None)


@dataclass(slots=True)
class Reading:
    """How files become examples, one after the other.

    Args:
        columns: where texts and labels stand.
        features: of texts.
        text: what is known of them, for whoever opens the folder.
        names: of labels.
    """

    columns: Columns
    features: Callable[[list[str]], CSR]
    text: TextFeatures
    names: Names
    labels: LabelColumn | None = None  # of the file before

    def parts(self, source: Source, start: Place) -> Parts:
        """The examples of a file."""
        rows = Rows(source, self.columns, self.names)
        if self.labels is not None:
            rows.labels.go_on(self.labels)
        self.labels = labels = rows.labels

        def called() -> Called:
            return Called(self.text.vocabulary, labels.all_names(), self.text)

        sizes = self.text.n_features, len(self.names)
        return Parts(self._examples(source, rows), *sizes, called=called)

    def _examples(self, source: Source, rows: Rows) -> Iterator[Part]:
        for texts in pieces(rows.texts()):
            x = about(source, lambda texts=texts: self.features(texts))
            yield Part(Dataset(x, rows.labels.drained()), None)


def _fitted(
    files: Sequence[Path], columns: Columns, kind: str, settings: dict[str, Any], watch: Watch
) -> tuple[Fitted, Names]:
    """What all texts make of a vectorizer, and the names of all labels in their order."""
    first = Source(files[0])
    fitting = about(first, lambda: FITTING[kind](settings))
    labels, n_before = LabelColumn("", None, False), 0
    for path in files:
        source = Source(path)
        rows = Rows(source, columns)
        rows.labels.go_on(labels)
        labels = rows.labels
        for texts in pieces(rows.texts()):
            about(source, lambda texts=texts: fitting.see(texts))
            labels.drained()
            watch(n_before + source.n_read)
        n_before += source.n_read
    fitted: Fitted = about(first, fitting.fitted)
    return fitted, Names(sorted(labels.places))


def pieces(texts: Iterable[str]) -> Iterator[list[str]]:
    """A few texts at a time, fewer where they are long."""
    piece, n_characters = list[str](), 0
    for text in texts:
        piece.append(text)
        n_characters += len(text)
        if len(piece) >= TEXTS_AT_A_TIME or n_characters >= CHARACTERS_AT_A_TIME:
            yield piece
            piece, n_characters = [], 0
    if piece:
        yield piece


def _refuse_streams(files: Sequence[Path]) -> None:
    """Raise DataError for what comes once only."""
    for path in files:
        if is_stream(path):
            sentence = "texts are read twice, and this comes once: write it to a file first"
            like = worded("convert_texts_like", "--like")
            raise DataError(f"{sentence}, or convert it like what has words ({like})", path)
