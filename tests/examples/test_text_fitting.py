"""A vectorizer that is fitted in parts is the one that scikit-learn fits to all texts at once."""

import random
import warnings

import numpy as np
import pytest

from slide.core.contract.arrays import CSR
from slide.core.errors import ConfigError
from slide.core.examples.fitting import FITTING
from slide.core.examples.texts import fitted

drawn = random.Random(0)
WORDS = ["Apple", "red", "café", "the", "leaf", "zürich", *(f"w{i}" for i in range(60))]
TEXTS = [" ".join(drawn.choices(WORDS, k=drawn.randint(0, 40))) for _ in range(70)] + ["", "red"]
TFIDF = [
    {}, {"sublinear_tf": True}, {"ngram_range": [1, 2]}, {"analyzer": "char_wb"}, {"norm": None},
    {"use_idf": False}, {"smooth_idf": False}, {"dtype": "float32"},
    {"dtype": "float32", "max_features": 9},
    {"stop_words": "english", "strip_accents": "unicode"}, {"binary": True, "max_features": 20},
    {"max_df": 0.3, "min_df": 2, "norm": "l1"}, {"max_features": 30, "min_df": 3, "max_df": 20},
]  # fmt: skip
HASHING = [{}, {"n_features": 16}, {"norm": None, "dtype": "float32", "ngram_range": [1, 2]}]
CASES = [*(("tfidf", each) for each in TFIDF), *(("hashing", each) for each in HASHING)]


def in_parts(kind, settings, texts, n=7):
    """Fit, and make features, a few texts at a time."""
    fitting = FITTING[kind](settings)
    parts = [texts[i : i + n] for i in range(0, len(texts), n)]
    for part in parts:
        fitting.see(iter(part))
    found = fitting.fitted()
    reader = found.features()
    return found.text, CSR.stack(
        [found.renumbered(reader.features(part)) for part in parts], found.text.n_features
    )


@pytest.mark.parametrize(("kind", "settings"), CASES, ids=str)
def test_parts_give_the_bits_of_the_whole(kind, settings):
    text, x = in_parts(kind, settings, TEXTS)
    known, expected = fitted(iter(TEXTS), kind, settings)
    assert text.vocabulary == known.vocabulary
    for one, other in ((text.idf, known.idf), (text.buckets, known.buckets)):
        assert (one is None) == (other is None)
        assert one is None or (one.dtype == other.dtype and one.tobytes() == other.tobytes())
    assert text.settings == known.settings
    for field in ("indptr", "indices", "values"):
        np.testing.assert_array_equal(getattr(x, field), getattr(expected, field))
    x.check()


REFUSED = [
    ({"min_df": 80}, TEXTS), ({"max_df": 1, "min_df": 5}, TEXTS), ({}, ["", "a"]),
    ({"min_df": -1}, TEXTS), ({"ngram_range": [2, 1]}, TEXTS), ({"token_pattern": "("}, TEXTS),
    ({"min_df": 60, "max_df": 60}, TEXTS),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "texts"), REFUSED, ids=str)
def test_what_is_refused_of_the_whole_is_refused_of_parts(settings, texts):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ConfigError) as whole:
            fitted(iter(texts), "tfidf", settings)
        with pytest.raises(ConfigError) as parts:
            in_parts("tfidf", settings, texts)
    assert str(parts.value) == str(whole.value)
