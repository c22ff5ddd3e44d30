"""What columns are called, which files of texts and folders made of them bring along."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from slide.core.errors import InputError, worded
from slide.core.examples.dataset import Dataset
from slide.core.examples.names import Names
from slide.core.examples.naming import is_same_text
from slide.core.examples.texts import TextFeatures


class Called(NamedTuple):
    """Names of features and of labels, and how texts become features; by their names in Dataset."""

    feature_names: Names | None = None
    label_names: Names | None = None
    text: TextFeatures | None = None

    @classmethod
    def of(cls, data: Dataset) -> Called:
        """What examples bring along."""
        return cls(data.feature_names, data.label_names, data.text)

    def is_same(self, other: Called) -> bool:
        """Whether a column means the same in both."""
        return self[:2] == other[:2] and is_same_text(self.text, other.text)


def shared(all_called: Sequence[Called]) -> Called:
    """What columns of several sets are called, which is the same in all.

    Raises:
        InputError: it is not.
    """
    first = all_called[0] if all_called else Called()
    for other in all_called[1:]:
        if not first.is_same(other):
            remedy = worded("like=the first", "--like the first")
            raise InputError(
                "several sets whose columns have other names, or whose texts became features by "
                f"another vectorizer: convert the texts together, or each with {remedy}"
            )
    return first
