"""A column of labels by name: numbered as they come, or as somebody numbered them before."""

from __future__ import annotations

from array import array
from math import isfinite
from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR
from slide.core.errors import DataError
from slide.core.examples.names import KINDS, Name, Names, spelled
from slide.data.rows import as_labels
from slide.data.tables import Row
from slide.data.tables.row import refuse_halves, told

WORDS = {str: "text", int: "a whole number", float: "a number with a point", bool: "true or false"}


class LabelColumn:
    """The labels of rows that were taken so far.

    Args:
        name: of the column.
        separator: between names in a text; None where a text is one name.
        is_words: whether all values are text, so that 1 is spelled "1".
        names: labels that there are, whose ids are their places; None to number all that come.

    Labels are of one type: the text "1" and the number 1 are two labels, and one of them a mistake.
    """

    def __init__(
        self, name: str, separator: str | None, is_words: bool, names: Names | None = None
    ) -> None:
        self.name, self.separator, self.names = name, separator, names
        known = () if names is None else names.values
        self.kind = type(known[0]) if known else None
        self.places: dict[Name, int] = {label: i for i, label in enumerate(known)}
        if is_words and self.kind not in (None, str):
            self.kind = str
            self.places = {spelled(label): i for label, i in self.places.items()}
        self.ids, self.ends = array("i"), array("q", [0])
        self.n_rows = 0  # that were taken

    def go_on(self, before: LabelColumn) -> None:
        """Know the labels of another file, which comes before."""
        self.kind, self.places = before.kind, before.places

    def take(self, row: Row, value: Any) -> None:
        """The labels of the next row, or DataError."""
        for label in self._listed(row, value):
            self._refuse_other_kind(row, label)
            self.ids.append(self.places.setdefault(label, len(self.places)))
        self.ends.append(len(self.ids))
        self.n_rows += 1

    def drained(self) -> CSR:
        """The matrix of the rows since the last call, which are forgotten here."""
        matrix = self.matrix()
        self.ids, self.ends = array("i"), array("q", [0])
        return matrix

    def all_names(self) -> Names:
        """The names that were given, and behind them those that came besides."""
        known = () if self.names is None else self.names.values
        return Names([*known, *list(self.places)[len(known) :]])

    def matrix(self) -> CSR:
        """CSR (n_rows, labels); those that nobody knew before come last."""
        ids, ends = np.array(self.ids, np.int32), np.array(self.ends, np.int64)
        return as_labels(CSR(ends, ids, np.ones(len(ids), np.float32), len(self.places)))

    def sorted_names(self) -> tuple[Names, CSR]:
        """The names in their order, which no order of rows changes, and the labels by them."""
        names: list[Any] = sorted(self.places)
        order = {self.places[name]: i for i, name in enumerate(names)}
        place = np.array([order[i] for i in range(len(order))], np.int32)
        self.ids = array("i", place[np.array(self.ids, np.int32)].tolist())
        return Names(names), self.matrix()

    def _listed(self, row: Row, value: Any) -> list[Any]:
        """The names in a field."""
        if isinstance(value, str) and self.separator is not None:
            return self._split(row, value)
        labels = value if isinstance(value, list) else [value]
        for label in labels:
            if type(label) not in KINDS or (type(label) is float and not isfinite(label)):
                raise row.error(
                    f"{self.name!r} has {told(label)} for a label, expected names as text or "
                    "numbers, in a list, [] for none"
                )
            if label == "":
                raise self._empty(row)
            if isinstance(label, str):
                refuse_halves(row, self.name, label)
        return labels

    def _split(self, row: Row, value: str) -> list[str]:
        """The names in a text."""
        if not value.strip():
            return []
        labels = [label.strip() for label in value.split(self.separator)]
        if not all(labels):
            raise self._empty(row)
        return labels

    def _empty(self, row: Row) -> DataError:
        return row.error(f"{self.name!r} has an empty label: remove it, or mend the separators")

    def _refuse_other_kind(self, row: Row, label: Name) -> None:
        """Raise DataError if a label has another type than those before."""
        if self.kind is None:
            self.kind = type(label)
        if type(label) is not self.kind:
            before = "those before" if self.names is None else "those of training"
            raise row.error(
                f"{self.name!r} has the label {told(label)}, which is {WORDS[type(label)]}, but "
                f"{before} are {WORDS[self.kind]}: write all labels as one type"
            )
