"""A vectorizer of scikit-learn, its description, and the vectorizer that is made of it again."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer

from slide.core.errors import ConfigError, InputError
from slide.core.examples.texts import SETTINGS, TextFeatures, fitted

TEXTS = [
    "The red apple, the RED leaf",
    "a café in Zürich\nline two",
    "red, red: red",
    "naïve cafe",
    "",
]
OTHERS = ["red café apple zebra", "ZÜRICH leaf the", "", "xyzzy"]
TFIDF = [
    {}, {"sublinear_tf": True}, {"ngram_range": (1, 3)}, {"analyzer": "char_wb"}, {"norm": None},
    {"use_idf": False}, {"smooth_idf": False}, {"dtype": np.float32}, {"lowercase": False},
    {"stop_words": ["the", "in"]}, {"stop_words": "english"},
    {"strip_accents": "unicode"}, {"token_pattern": r"\w+"}, {"binary": True, "norm": "l1"},
    {"max_df": 0.5, "min_df": 1}, {"max_features": 3}, {"vocabulary": ["zebra", "red"]},
]  # fmt: skip
HASHING = [
    {}, {"n_features": 16}, {"alternate_sign": False}, {"analyzer": "char"}, {"dtype": np.float32},
    {"ngram_range": (1, 2), "norm": None, "lowercase": False},
]  # fmt: skip
VECTORIZERS = [
    *(TfidfVectorizer(**settings) for settings in TFIDF),
    *(HashingVectorizer(**settings) for settings in HASHING),
]


@pytest.mark.parametrize("vectorizer", VECTORIZERS, ids=str)
def test_a_vectorizer_that_is_made_again_gives_the_same_bits(vectorizer):
    vectorizer.fit(TEXTS)
    text = TextFeatures.of(vectorizer)
    for copied in (text, pickle.loads(pickle.dumps(text)), copy.deepcopy(text)):
        expected, got = (each.transform(OTHERS) for each in (vectorizer, copied.vectorizer))
        for name in ("data", "indices", "indptr"):
            one, other = getattr(expected, name), getattr(got, name)
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)
        same = {name: vectorizer.get_params()[name] for name in SETTINGS[text.kind]}
        assert {name: copied.vectorizer.get_params()[name] for name in same} == same
        x = copied.features(OTHERS)
        assert x.n_cols == text.n_features == expected.shape[1]
        np.testing.assert_array_equal(x.indices, expected.indices)
        np.testing.assert_array_equal(x.values, expected.data.astype(np.float32))
    if isinstance(vectorizer, TfidfVectorizer):
        assert text.vectorizer.vocabulary_ == vectorizer.vocabulary_


def test_hashes_that_training_did_not_meet_are_no_features():
    text, x = fitted(iter(TEXTS), "hashing", {"n_features": 1 << 20})
    whole = HashingVectorizer().transform(TEXTS)
    assert x.n_cols == text.n_features == len(np.unique(whole.indices)) == len(text.buckets)
    np.testing.assert_array_equal(x.dense(), whole[:, text.buckets].toarray().astype(np.float32))
    others = text.features(["red zebra", "xyzzy"])
    assert others.n_cols == x.n_cols
    assert others.row_lengths().tolist() == [1, 0]
    np.testing.assert_array_equal(
        text.buckets[others.indices], HashingVectorizer().transform(["red"]).indices
    )


def test_texts_are_gone_through_once():
    seen = []
    text, x = fitted((seen.append(each) or each for each in TEXTS), "tfidf", {})
    assert seen == TEXTS
    assert text.features(each for each in TEXTS).n_rows == len(TEXTS)
    np.testing.assert_array_equal(text.features(TEXTS).dense(), x.dense())


@pytest.mark.parametrize(
    ("vectorizer", "sentence"),
    [
        (TfidfVectorizer(tokenizer=str.split, token_pattern=None), "tokenizer is a function"),
        (TfidfVectorizer(preprocessor=str.lower), "preprocessor is a function"),
        (
            HashingVectorizer(analyzer=str.split),
            "analyzer is a function of your own, which a model",
        ),
        (TfidfVectorizer(input="filename"), "input is 'filename': expected 'content'"),
        (HashingVectorizer(input="file"), "input is 'file'"),
        (TfidfVectorizer(), "the vectorizer is not fitted"),
        (CountVectorizer(), "got a CountVectorizer: expected a fitted TfidfVectorizer"),
        (None, "got a NoneType"),
    ],
)
def test_other_vectorizers_are_refused_in_a_sentence(vectorizer, sentence):
    with pytest.raises(InputError, match=sentence):
        TextFeatures.of(vectorizer)


def test_what_is_no_list_of_texts_is_refused():
    text = TextFeatures.of(HashingVectorizer())
    with pytest.raises(InputError, match="texts is one text: expected a list"):
        text.features("red apple")
    with pytest.raises(InputError, match="text 1 is a NoneType: expected str"):
        text.features(["a", None])


def test_a_setting_of_another_release_is_a_sentence():
    text = TextFeatures("tfidf", {"colour": "red"})
    with pytest.raises(ConfigError, match=r"no such setting: .*colour"):
        text.features(["a"])
