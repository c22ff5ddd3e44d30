"""Fitting a vectorizer to texts that are gone through twice, and never all in memory.

scikit-learn counts all texts at once. Here words are counted text by text, and each text becomes
features when it is read again: to the same bits, for which the words of a text are added up in the
order that training texts first have them in.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.lists import distinct
from slide.core.errors import ConfigError
from slide.core.examples.names import Names
from slide.core.examples.texts import (
    HASHING,
    TFIDF,
    TextFeatures,
    csr_of,
    refusal,
    settings_of,
    unfitted,
)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A vectorizer that training texts have made.

    Args:
        text: it, as a model has it.
        first_seen: of tfidf, i32 (n_features,): the features in the order of their first texts.
    """

    text: TextFeatures
    first_seen: Array | None = None

    def features(self) -> TextFeatures:
        """What gives the features of training texts: columns are in the order of `first_seen`."""
        words, order = self.text.vocabulary, self.first_seen
        if words is None or order is None:
            return self.text
        idf = None if self.text.idf is None else self.text.idf[order]
        return replace(self.text, vocabulary=Names([words[i] for i in order.tolist()]), idf=idf)

    def renumbered(self, x: CSR) -> CSR:
        """Features of `features()` by the columns of `text`."""
        if self.first_seen is None:
            return x
        indices, rows = self.first_seen[x.indices], x.row_numbers()
        order = np.lexsort((indices, rows))
        return replace(x, indices=indices[order], values=x.values[order])


class Words:
    """Counts the words of training texts.

    Args:
        settings: of a TfidfVectorizer, by its own names.

    Raises:
        ConfigError: it has no such settings.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        probe = unfitted(TFIDF, settings).set_params(vocabulary={"a": 0}, use_idf=False)
        _asked(lambda: probe.fit([""]))  # which looks at all settings
        self.analyze = probe.build_analyzer()
        self.places: dict[str, int] = {}
        self.n_texts, self.n_with, self.n_times = 0, array("q"), array("q")

    def see(self, texts: Iterable[str]) -> None:
        """Count the words of some more texts."""
        for text in texts:
            self.n_texts += 1
            found: dict[str, int] = {}
            for word in self.analyze(text):
                found[word] = found.get(word, 0) + 1
            for word, n_times in found.items():
                self._add(word, n_times)

    def _add(self, word: str, n_times: int) -> None:
        place = self.places.setdefault(word, len(self.places))
        if place == len(self.n_with):
            self.n_with.append(0)
            self.n_times.append(0)
        self.n_with[place] += 1
        self.n_times[place] += n_times

    def fitted(self) -> Fitted:
        """What they make of the vectorizer, or ConfigError where they leave nothing."""
        made = unfitted(TFIDF, self.settings)
        n_with = np.array(self.n_with, np.int64)
        kept = _asked(lambda: self._kept(made, n_with))
        words = np.array(list(self.places), object)[kept]
        by_name = np.array(sorted(range(len(words)), key=words.__getitem__), np.int64)
        rank = np.empty(len(words), np.int32)
        rank[by_name] = np.arange(len(words), dtype=np.int32)
        idf = _idf(n_with[kept][by_name], self.n_texts, made) if made.use_idf else None
        names = Names(words[by_name].tolist())
        return Fitted(TextFeatures(TFIDF, settings_of(made.get_params(), TFIDF), names, idf), rank)

    def _kept(self, made: Any, n_with: Array) -> Array:
        """The words that settings leave, in the order that they were seen in; or ValueError."""
        if not len(n_with):
            raise ValueError("empty vocabulary; perhaps the documents only contain stop words")
        least, most = (_count(n, self.n_texts) for n in (made.min_df, made.max_df))
        if most < least:
            raise ValueError("max_df corresponds to < documents than min_df")
        is_kept = (n_with >= least) & (n_with <= most)
        kept = np.flatnonzero(is_kept)
        if made.max_features is not None and len(kept) > made.max_features:
            kept = self._most_frequent(kept, made)
        if not len(kept):
            raise ValueError(
                "After pruning, no terms remain. Try a lower min_df or a higher max_df."
            )
        return kept

    def _most_frequent(self, kept: Array, made: Any) -> Array:
        """The most frequent ones, of equals those that NumPy's sort has first among all by name."""
        words = list(self.places)
        by_name = kept[sorted(range(len(kept)), key=lambda i: words[kept[i]])]
        dtype = np.zeros(0, made.dtype).sum().dtype  # sums of SciPy have it; ties depend on it
        n_times = np.array(self.n_with if made.binary else self.n_times, dtype)[by_name]
        return np.sort(by_name[(-n_times).argsort()[: made.max_features]])


class Hashes:
    """Collects the hashes of training texts.

    Args:
        settings: of a HashingVectorizer, by its own names.

    Raises:
        ConfigError: it has no such settings.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self.made = unfitted(HASHING, settings)
        self.met: Array = np.zeros(0, np.int32)

    def see(self, texts: Iterable[str]) -> None:
        """Collect those of some more texts."""
        x = csr_of(_asked(lambda: self.made.fit_transform(texts)))
        self.met = distinct(np.concatenate([self.met, x.column_ids()]))

    def fitted(self) -> Fitted:
        """The vectorizer of hashes that were met."""
        return Fitted(replace(TextFeatures.of(self.made), buckets=self.met.astype(np.int32)))


FITTING: dict[str, type[Words | Hashes]] = {TFIDF: Words, HASHING: Hashes}


def _count(n: float, n_texts: int) -> float:
    """A number of texts, where scikit-learn takes a share of them, too."""
    return n if isinstance(n, Integral) else n * n_texts


def _idf(n_with: Array, n_texts: int, made: Any) -> Array:
    """The weight of each word, as scikit-learn computes it, step by step."""
    dtype = made.dtype if made.dtype in (np.float64, np.float32) else np.float64
    df = n_with.astype(dtype)
    df += float(made.smooth_idf)
    idf: Array = np.full_like(df, n_texts + int(made.smooth_idf), dtype=dtype)
    idf /= df
    np.log(idf, out=idf)
    idf += 1.0
    return idf


def _asked(compute: Any) -> Any:
    """What scikit-learn, or what stands for it, answers; ConfigError in its words."""
    try:
        return compute()
    except (ValueError, re.error) as error:
        raise ConfigError(refusal(error)) from None
