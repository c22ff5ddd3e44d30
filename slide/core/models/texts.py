"""Texts in, names out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from slide.core.contract.arrays import CSR, Array
from slide.core.errors import ModelError, worded
from slide.core.examples.names import Names
from slide.core.examples.texts import TextFeatures

if TYPE_CHECKING:
    from slide.core.models.model import Model


def refuse_other_words(text: TextFeatures | None, feature_names: Names | None) -> None:
    """Raise ModelError unless the words of texts are the names of features, if there are any."""
    if text is not None and text.vocabulary != feature_names:
        raise ModelError(
            "feature_names are not the vocabulary of text: set feature_names = text.vocabulary"
        )


def features_of_texts(model: Model, texts: Iterable[str]) -> tuple[CSR, Array]:
    """Features of texts, and which of them have any, bool (n,).

    Raises:
        ModelError: the model was not trained on texts, or its vectorizer cannot be made.
        InputError: one of them is no text.
    """
    if model.text is None:
        raise ModelError(
            "the model was trained on numbers, so that it knows no words: give it features, or "
            f"train it on texts ({worded('slide.read_texts', 'slide train --text')})"
        )
    x = model.text.features(texts)
    return x, known_rows(x)


def known_rows(x: CSR) -> Array:
    """Rows that have anything in them, bool (n,)."""
    return x.row_lengths() > 0


def answers(
    names: Names, known: Array, ids: Array, scores: Array
) -> tuple[list[list[Any]], list[list[float]]]:
    """Names of predictions and their scores, best first; none where nothing was known.

    Args:
        names: of labels.
        known: bool (n,).
        ids: i32 (n, k); -1 where there is none.
        scores: f32 (n, k).
    """
    is_answer = (ids >= 0) & known[:, None]
    rows = range(len(ids))
    labels = [names.of(ids[i][is_answer[i]]) for i in rows]
    return labels, [scores[i][is_answer[i]].tolist() for i in rows]
