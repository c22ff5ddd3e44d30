"""Texts as features: what a fitted vectorizer of scikit-learn is made of, without pickle."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, islice
from typing import Any

import numpy as np

from slide.core.contract import handed
from slide.core.contract.arrays import CSR, Array
from slide.core.errors import ConfigError, InputError, a_type, worded
from slide.core.examples.names import Names

TFIDF, HASHING = "tfidf", "hashing"
CLASSES = {TFIDF: "TfidfVectorizer", HASHING: "HashingVectorizer"}
OF_BOTH = (
    "strip_accents", "lowercase", "analyzer", "stop_words", "token_pattern", "ngram_range",
    "binary", "dtype", "norm",
)  # fmt: skip
SETTINGS = {
    TFIDF: (*OF_BOTH, "max_df", "min_df", "max_features", "use_idf", "smooth_idf", "sublinear_tf"),
    HASHING: (*OF_BOTH, "n_features", "alternate_sign"),
}
"""What makes a vectorizer of each kind; the rest is about files and functions of one's own."""
OWN = ("analyzer", "tokenizer", "preprocessor")  # may be functions, which no file can hold
EXTRA = "pip install 'slide-engine[text]'"


@dataclass(frozen=True, eq=False)
class TextFeatures:
    """How texts become features, and where they stand in a file.

    Args:
        kind: of CLASSES.
        settings: of the vectorizer, by its own names, as JSON has them.
        vocabulary: the word, or n-gram, of each feature; of tfidf alone.
        idf: f32 or f64 (n_features,), the weight of each; of tfidf alone, where `use_idf` is true.
        buckets: i32 (n_features,), ascending: the hash of each feature where only hashes that
            training met are features; None where each is.
        columns: of a file that have text; they are read as one text.
        labels: the column that has the labels.
        separator: between the labels of a text; None where they come as a list.
    """

    kind: str
    settings: dict[str, Any]
    vocabulary: Names | None = None
    idf: Array | None = None
    buckets: Array | None = None
    columns: tuple[str, ...] = ("text",)
    labels: str = "labels"
    separator: str | None = None

    @classmethod
    def of(cls, vectorizer: Any) -> TextFeatures:
        """Those of a TfidfVectorizer that is fitted, or of a HashingVectorizer.

        Raises:
            InputError: it is something else, not fitted, or computes with functions of its own.
        """
        names = {name: kind for kind, name in CLASSES.items()}
        kind = names.get(type(vectorizer).__name__)
        if kind is None:
            raise InputError(
                f"got {a_type(vectorizer)}: expected a fitted TfidfVectorizer, or a "
                "HashingVectorizer, of scikit-learn"
            )
        settings = settings_of(vectorizer.get_params(), kind)
        if kind == HASHING:
            return cls(kind, settings)
        refuse_unfitted(vectorizer)
        idf = vectorizer.idf_ if vectorizer.use_idf else None
        return cls(kind, settings, Names(vectorizer.get_feature_names_out()), idf)

    @property
    def n_features(self) -> int:
        """Columns of the features."""
        if self.vocabulary is not None:
            return len(self.vocabulary)
        return int(self.settings["n_features"]) if self.buckets is None else len(self.buckets)

    @cached_property
    def vectorizer(self) -> Any:
        """The vectorizer of scikit-learn, which gives the same bits as the one it was made of.

        Raises:
            ConfigError: scikit-learn is not installed, or is of a release without such settings.
        """
        made = unfitted(self.kind, self.settings)
        if self.vocabulary is not None:
            restore(made, self.vocabulary, self.idf)
        return made

    def features(self, texts: Iterable[str]) -> CSR:
        """Features of texts; a row is empty where nothing in a text is known.

        Args:
            texts: as many as there are rows; any iterable, which is gone through once.

        Returns:
            CSR (n, n_features).

        Raises:
            InputError: it is one text, or one of them is something else.
            ConfigError: see `vectorizer`.
        """
        if isinstance(texts, str | bytes):
            raise InputError("texts is one text: expected a list of texts, such as [text]")
        rest = sound_texts(texts)
        first = list(islice(rest, 1))
        if not first:  # scikit-learn has no answer to that
            return CSR.empty(0, self.n_features)
        return self.kept(csr_of(self.vectorizer.transform(chain(first, rest))))

    def kept(self, x: CSR) -> CSR:
        """Features of the hashes that training met, by their places."""
        if self.buckets is None:
            return x
        places = np.searchsorted(self.buckets, x.indices).astype(np.int32)
        is_met = np.append(self.buckets, -1)[places] == x.indices
        return replace(x, indices=places).where(is_met).first_columns(len(self.buckets))

    def __getstate__(self) -> dict[str, Any]:
        """What a copy is made of; it makes a vectorizer of its own."""
        return {name: value for name, value in self.__dict__.items() if name != "vectorizer"}


def fitted(texts: Iterator[str], kind: str, settings: dict[str, Any]) -> tuple[TextFeatures, CSR]:
    """What training texts make of a vectorizer, and their features.

    Args:
        texts: gone through once, never all in memory.
        kind: of CLASSES.
        settings: of the vectorizer, by its own names.

    Raises:
        ConfigError: it has no such settings, or they leave nothing of the texts.
        InputError: see `TextFeatures.of`.
    """
    vectorizer = unfitted(kind, settings)
    x = csr_of(computed(vectorizer, texts))
    made = TextFeatures.of(vectorizer)
    if kind == HASHING:
        made = replace(made, buckets=x.column_ids())
        x = made.kept(x)
    return made, x


def computed(vectorizer: Any, texts: Iterator[str]) -> Any:
    """Features of training texts as SciPy has them, or ConfigError in scikit-learn's words."""
    try:
        return vectorizer.fit_transform(texts)
    except InputError:
        raise
    except (ValueError, re.error) as error:
        raise ConfigError(refusal(error)) from None


def refusal(error: Exception) -> str:
    """What scikit-learn does not take, in a sentence."""
    said = " ".join(str(error).split())
    if "vocabulary" in said or "no terms remain" in said.lower():
        return (
            f"the texts have no word to learn from ({said.rstrip('.')}): check the column of "
            "text, and the settings of the vectorizer"
        )
    remedy = worded("change its settings", "change it by --vectorize NAME=VALUE")
    return f"scikit-learn's vectorizer refuses: {said.rstrip('.')}; {remedy}"


def unfitted(kind: str, settings: dict[str, Any]) -> Any:
    """A vectorizer of scikit-learn with these settings, or ConfigError."""
    try:
        from sklearn.feature_extraction import text
    except ImportError:
        raise ConfigError(f"texts need scikit-learn, which is not installed: {EXTRA}") from None
    own = dict(settings)
    if isinstance(own.get("ngram_range"), list):
        own["ngram_range"] = tuple(own["ngram_range"])
    try:
        if "dtype" in own:
            own["dtype"] = np.dtype(own["dtype"]).type
        return getattr(text, CLASSES[kind])(**own)
    except TypeError as error:
        raise ConfigError(f"scikit-learn's vectorizer has no such setting: {error}") from None


def restore(vectorizer: Any, vocabulary: Names, idf: Array | None) -> None:
    """Give a TfidfVectorizer what fitting gave another one."""
    if idf is None:  # what makes its second half is the fit alone
        vectorizer.set_params(vocabulary=vocabulary.values).fit([""]).set_params(vocabulary=None)
    vectorizer.vocabulary_ = {word: i for i, word in enumerate(vocabulary.values)}
    vectorizer.fixed_vocabulary_ = False
    if idf is not None:
        vectorizer.idf_ = idf


def settings_of(parameters: dict[str, Any], kind: str) -> dict[str, Any]:
    """Settings as JSON has them, or InputError where no file can hold one."""
    for name in OWN:
        if callable(parameters.get(name)):
            raise InputError(
                f"{name} is a function of your own, which a model folder cannot hold: leave it "
                "out, and apply it to the texts beforehand"
            )
    if parameters["input"] != "content":
        raise InputError(f"input is {parameters['input']!r}: expected 'content', texts themselves")
    settings = {name: parameters[name] for name in SETTINGS[kind]}
    settings["dtype"] = np.dtype(settings["dtype"]).name
    settings["ngram_range"] = list(settings["ngram_range"])
    return settings


def refuse_unfitted(vectorizer: Any) -> None:
    """Raise InputError unless a vectorizer has a vocabulary."""
    if not hasattr(vectorizer, "vocabulary_"):
        raise InputError("the vectorizer is not fitted: call its fit or fit_transform before")


def sound_texts(texts: Iterable[str]) -> Iterator[str]:
    """The same, or InputError at what is none."""
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise InputError(f"text {i} is {a_type(text)}: expected str")
        yield text


def csr_of(matrix: Any) -> CSR:
    """What a vectorizer gives in the engine's type."""
    x = handed.features(matrix, "the vectorizer's features")
    assert isinstance(x, CSR)
    return x
