"""Texts with labels by name, from a table to examples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from slide.core.contract.arguments import items_of, path_of
from slide.core.contract.arrays import CSR
from slide.core.errors import ConfigError, DataError, InputError, said, worded
from slide.core.examples.dataset import Dataset
from slide.core.examples.names import Names
from slide.core.examples.texts import CLASSES, SETTINGS, TFIDF, TextFeatures, fitted
from slide.data.named_labels import LabelColumn
from slide.data.source import Source
from slide.data.streams import refuse_twice
from slide.data.tables import Row, opened
from slide.data.tables.row import refuse_halves, told

RECOMMENDED: dict[str, dict[str, Any]] = {TFIDF: {"sublinear_tf": True}}
SEPARATOR = ","  # of labels in CSV


class Named(Protocol):
    """What knows features of texts and names of labels: a model, or a training set."""

    @property
    def text(self) -> TextFeatures | None: ...

    @property
    def label_names(self) -> Names | None: ...


@dataclass(frozen=True, slots=True)
class Columns:
    """Where texts and labels stand in a table.

    Args:
        text: columns that are read as one text, with a line break between them.
        labels: the column that has the labels; None to read texts alone.
        separator: between labels that come as text; None for a comma where they always come so
            (CSV), and elsewhere for none.

    Raises:
        ConfigError: there is no column of text, or the separator is empty.
    """

    text: tuple[str, ...]
    labels: str | None
    separator: str | None = None

    def __post_init__(self) -> None:
        if not self.text or not all(isinstance(name, str) for name in self.text):
            raise ConfigError(f"text is {self.text!r}: expected the name of a column, or several")
        if not isinstance(self.labels, str | None):
            raise ConfigError(f"labels is {self.labels!r}: expected the name of a column")
        if self.separator is not None and not (isinstance(self.separator, str) and self.separator):
            raise ConfigError(f"separator is {self.separator!r}: expected text, such as ','")

    @property
    def names(self) -> list[str]:
        """All columns, the labels last."""
        return [*self.text, *([] if self.labels is None else [self.labels])]


def read_texts(
    path: str | Path,
    text: str | Sequence[str] | None = None,
    labels: str | None = None,
    separator: str | None = None,
    vectorizer: str = TFIDF,
    like: Named | None = None,
    texts_only: bool = False,
    **settings: Any,
) -> Dataset:
    """Examples from a file of texts and the names of their labels.

    Args:
        path: JSON lines, CSV, TSV or Parquet, or `-` for standard input.
        text: the column of texts, or several that are read as one text.
        labels: the column of labels: a list of names, or one name; in CSV names with `separator`
            between them.
        separator: a comma if not given; elsewhere than in CSV, text is one label if not given.
        vectorizer: of scikit-learn, `tfidf` or `hashing`, that is fitted to the texts.
        like: a model, a predictor or a training set, whose features and labels are taken; columns
            that are not given are those of its training.
        texts_only: there are no labels to read.
        settings: of the vectorizer, by its own names, such as `ngram_range=(1, 2)`.

    Returns:
        Examples in the order of the file, with `feature_names`, `label_names` and `text`. A label
        that `like` has not is a column beyond its labels. A row without features is a text in
        which nothing is known.

    Raises:
        DataError: the file cannot be read, has no such column, or a row is not as described.
        ConfigError: the vectorizer has no such settings, or scikit-learn is not installed.
        InputError: `like` has no names, or was not trained on texts.
    """
    path = path_of(path, "path")
    if like is not None:
        return read_like(Source(path), like, text, labels, separator, texts_only)
    if text is None or labels is None:
        missing = "text" if text is None else "labels"
        raise ConfigError(f"{missing} is not given: expected the name of a column of {path}")
    columns = Columns(tuple_of(text), labels, separator)
    return read_new(Source(path), columns, vectorizer, settings)


def tuple_of(text: str | Sequence[str]) -> tuple[str, ...]:
    """Names of columns."""
    expected = "the name of a column, or a list of names"
    return (text,) if isinstance(text, str) else tuple(items_of(text, "text", expected))


def read_new(
    source: Source, columns: Columns, vectorizer: str, settings: dict[str, Any]
) -> Dataset:
    """Examples to train on: their words and labels are all that there are."""
    refuse_unknown(vectorizer, settings)
    rows = Rows(source, columns)
    found, x = about(
        source, lambda: fitted(rows.texts(), vectorizer, RECOMMENDED.get(vectorizer, {}) | settings)
    )
    assert columns.labels is not None
    found = replace(found, columns=columns.text, labels=columns.labels, separator=columns.separator)
    names, y = rows.labels.sorted_names()
    return Dataset(x, y, None, found.vocabulary, names, found)


def read_like(
    source: Source,
    like: Named,
    text: str | Sequence[str] | None,
    labels: str | None,
    separator: str | None,
    texts_only: bool,
) -> Dataset:
    """Examples by the features and labels of a model or a training set."""
    columns, known, names = columns_like(like, text, labels, separator, texts_only)
    rows = Rows(source, columns, names)
    x = about(source, lambda: known.features(rows.texts()))
    y = CSR.empty(x.n_rows, len(names)) if texts_only else rows.labels.matrix()
    return Dataset(x, y, None, known.vocabulary, names, known)


def columns_like(
    like: Named,
    text: str | Sequence[str] | None,
    labels: str | None,
    separator: str | None,
    texts_only: bool,
) -> tuple[Columns, TextFeatures, Names]:
    """Columns to read, those of training where none are said; its words, and its labels."""
    known, names = getattr(like, "text", None), getattr(like, "label_names", None)
    if known is None or names is None:
        raise InputError(
            "like was not trained on texts, so that it knows no words: expected a model, or a "
            "training set, of slide.read_texts"
        )
    columns = Columns(
        known.columns if text is None else tuple_of(text),
        None if texts_only else labels or known.labels,
        separator or known.separator,
    )
    return columns, known, names


def read_texts_pair(
    train: Path,
    valid: Path | None,
    columns: Columns,
    vectorizer: str = TFIDF,
    settings: dict[str, Any] | None = None,
) -> tuple[Dataset, Dataset | None]:
    """A training and a validation file; see `read_texts`."""
    refuse_twice(train, valid)
    train_set = read_new(Source(train), columns, vectorizer, settings or {})
    if valid is None:
        return train_set, None
    return train_set, read_like(Source(valid), train_set, None, None, None, False)


class Rows:
    """Texts of a table, one after the other, and their labels as a matter of course.

    Args:
        source: the file.
        columns: where texts and labels stand.
        names: labels that there are; None to take all that come.
    """

    def __init__(self, source: Source, columns: Columns, names: Names | None = None) -> None:
        self.source, self.columns = source, columns
        self.table = opened(source)
        is_words = not self.table.has_types
        separator = columns.separator or (SEPARATOR if is_words else None)
        self.labels = LabelColumn(columns.labels or "", separator, is_words, names)

    def texts(self) -> Iterator[str]:
        """The text of each row; its labels are in `labels` as soon as the next one is asked for."""
        n = len(self.columns.text)
        for row in self.table.rows(self.columns.names):
            if self.columns.labels is not None:
                self.labels.take(row, row.values[n])
            yield "\n".join(
                as_text(row, name, value)
                for name, value in zip(self.columns.text, row.values[:n], strict=True)
            )
        if self.columns.labels is not None and not self.labels.n_rows:
            sentence = "there is no example in it, expected a row for each: check how it was made"
            raise DataError(sentence, self.source.name)


def as_text(row: Row, name: str, value: Any) -> str:
    """A value as text, or DataError."""
    if not isinstance(value, str):
        remedy = 'write "" where there is none' if value is None else "write it as text"
        raise row.error(f"{name!r} is {told(value)}, expected text: {remedy}")
    refuse_halves(row, name, value)
    return value


def refuse_unknown(vectorizer: str, settings: Iterable[str]) -> None:
    """Raise ConfigError unless there is such a vectorizer, which has such settings."""
    if vectorizer not in CLASSES:
        name = said("vectorizer")
        raise ConfigError(f"{name} is {vectorizer!r}: expected one of {', '.join(CLASSES)}")
    known = SETTINGS[vectorizer]
    for name in settings:
        if name not in known:
            expected = ", ".join(sorted(known))
            raise ConfigError(
                f"the {vectorizer} vectorizer has no setting {name!r}: expected "
                f"{worded('', '--vectorize NAME=VALUE with ')}one of {expected}"
            )


def about(source: Source, compute: Any) -> Any:
    """What a function gives, whose refusals name the file."""
    try:
        return compute()
    except DataError:
        raise
    except (ConfigError, InputError) as error:
        raise type(error)(f"{source.name}: {error}") from None
