"""From a file of texts to examples: labels by name, features by a vectorizer, refusals by row."""

import json
import sys

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from sklearn.feature_extraction.text import TfidfVectorizer

from slide.core.errors import ConfigError, DataError, InputError
from slide.core.examples.names import Names
from slide.data import read_texts

TEXTS = ["red apple", "green leaf", "red leaf", "the sky"]
TAGS = [["fruit", "red"], ["plant"], ["plant", "plant", "été"], []]


def lines(path, texts=TEXTS, tags=TAGS):
    rows = zip(texts, tags, strict=True)
    path.write_text("".join(json.dumps({"text": x, "tags": y}) + "\n" for x, y in rows))
    return path


@pytest.fixture
def path(tmp_path):
    return lines(tmp_path / "t.jsonl")


def tagged(data):
    """The names of each example."""
    return [data.label_names.of(data.y.row(i)[0]) for i in range(data.n_samples)]


def test_labels_are_named_in_their_order_and_count_once(path):
    data = read_texts(path, "text", "tags")
    assert data.label_names == Names(["fruit", "plant", "red", "été"])
    assert tagged(data) == [["fruit", "red"], ["plant"], ["plant", "été"], []]
    assert (data.y.values == 1).all()
    data.check()


def test_features_are_those_of_scikit_learn(path):
    data = read_texts(path, "text", "tags", ngram_range=(1, 2), min_df=1)
    vectorizer = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2))
    expected = vectorizer.fit_transform(TEXTS)
    np.testing.assert_array_equal(data.x.dense(), expected.toarray().astype(np.float32))
    assert data.feature_names == Names(vectorizer.get_feature_names_out())
    assert data.text.columns == ("text",)
    assert data.text.labels == "tags"


def test_the_order_of_rows_changes_neither_names_nor_features(path, tmp_path):
    one = read_texts(path, "text", "tags")
    order = [2, 0, 3, 1]
    other = lines(tmp_path / "o.jsonl", [TEXTS[i] for i in order], [TAGS[i] for i in order])
    two = read_texts(other, "text", "tags")
    assert one.label_names == two.label_names
    np.testing.assert_array_equal(one.x.dense()[order], two.x.dense())
    np.testing.assert_array_equal(one.y.dense()[order], two.y.dense())


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet", "lists"])
def test_every_format_gives_the_same_examples(path, tmp_path, kind):
    expected = read_texts(path, "text", "tags")
    other = tmp_path / f"t.{'parquet' if kind == 'lists' else kind}"
    if kind == "lists":
        parquet.write_table(pa.table({"text": TEXTS, "tags": TAGS}), other)
    elif kind == "parquet":
        parquet.write_table(pa.table({"text": TEXTS, "tags": list(map(";".join, TAGS))}), other)
    else:
        by = "," if kind == "csv" else "\t"
        rows = [f"{x}{by}{' ; '.join(y)}" for x, y in zip(TEXTS, TAGS, strict=True)]
        other.write_text("\n".join([f"text{by}tags", *rows]) + "\n")
    data = read_texts(other, "text", "tags", None if kind == "lists" else ";")
    assert tagged(data) == tagged(expected)
    np.testing.assert_array_equal(data.x.dense(), expected.x.dense())


def test_a_comma_separates_labels_in_csv(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('text,tags\nred apple,"fruit, red"\nsky,\n')
    assert tagged(read_texts(path, "text", "tags")) == [["fruit", "red"], []]


def test_one_name_is_one_label(tmp_path):
    path = lines(tmp_path / "t.jsonl", TEXTS, ["a,b", "c", "c", "a,b"])
    assert tagged(read_texts(path, "text", "tags")) == [["a,b"], ["c"], ["c"], ["a,b"]]
    assert tagged(read_texts(path, "text", "tags", ","))[0] == ["a", "b"]


@pytest.mark.parametrize("tags", [[7, 3, 3, 7], [[1.5], [2.5], [], []], [True, False, True, True]])
def test_numbers_are_names(tmp_path, tags):
    data = read_texts(lines(tmp_path / "t.jsonl", TEXTS, tags), "text", "tags")
    flat = [tag for each in tags for tag in (each if isinstance(each, list) else [each])]
    assert list(data.label_names.values) == sorted(set(flat))
    assert type(data.label_names.values[0]) is type(flat[0])


def test_several_columns_are_one_text(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text('{"title": "red", "body": "apple", "tag": "fruit"}\n')
    data = read_texts(path, ["title", "body"], "tag")
    assert data.feature_names == Names(["apple", "red"])
    again = read_texts(path, like=data)
    np.testing.assert_array_equal(again.x.dense(), data.x.dense())


@pytest.mark.parametrize("vectorizer", ["tfidf", "hashing"])
def test_other_files_have_features_and_labels_of_training(path, tmp_path, vectorizer):
    train = read_texts(path, "text", "tags", vectorizer=vectorizer)
    other = lines(tmp_path / "o.jsonl", ["red zebra", "xyzzy", "leaf"], [["red", "new"], [], ["a"]])
    data = read_texts(other, like=train)
    assert data.n_features == train.n_features == 6
    assert data.x.row_lengths().tolist() == [1, 0, 1]
    assert data.n_labels == train.n_labels + 2
    assert data.y.row(0)[0].tolist() == [2, 4]
    assert (data.label_names, data.text) == (train.label_names, train.text)
    alone = read_texts(other, like=train, texts_only=True)
    assert alone.y.shape == (3, 4)
    assert not alone.y.nnz


def test_words_of_csv_are_numbers_of_training(tmp_path):
    train = read_texts(lines(tmp_path / "t.jsonl", TEXTS, [7, 12, 7, 7]), "text", "tags")
    path = tmp_path / "t.csv"
    path.write_text('text,tags\nred,"12,99"\n')
    data = read_texts(path, like=train)
    assert data.y.row(0)[0].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("text", "tags", "sentence"),
    [
        (None, [], "'text' is null, expected text: write \"\""),
        (["a"], [], r"'text' is \['a'\], expected text"),
        (3, [], "'text' is 3, expected text"),
        ("\ud800 a", [], "'text' has half of a character .* at place 1"),
        ("a", None, "'tags' has null for a label"),
        ("a", ["a", None], "'tags' has null for a label"),
        ("a", {"b": 1}, "'tags' has {'b': 1} for a label"),
        ("a", [["b"]], r"'tags' has \['b'\] for a label"),
        ("a", ["b", ""], "'tags' has an empty label"),
        ("a", "", "'tags' has an empty label"),
        ("a", ["\udfff"], "'tags' has half of a character"),
        ("a", [1], "'tags' has the label 1, which is a whole number, but those before are text"),
        (
            "a",
            ["b", True],
            "'tags' has the label True, which is true or false, but those before are text",
        ),
    ],
)
def test_a_bad_row_is_told_with_its_line(tmp_path, text, tags, sentence):
    path = lines(tmp_path / "t.jsonl", [*TEXTS, text], [*TAGS, tags])
    with pytest.raises(DataError, match=r"t\.jsonl:5: " + sentence):
        read_texts(path, "text", "tags")


def test_numbers_that_overflow_are_no_labels(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text('{"text": "a", "tags": 1e999}\n')
    with pytest.raises(DataError, match=":1: 'tags' has inf for a label"):
        read_texts(path, "text", "tags")


def test_a_bad_row_of_parquet_is_told_with_its_number(tmp_path):
    path = tmp_path / "t.parquet"
    parquet.write_table(pa.table({"text": ["a", None], "tags": ["b", "c"]}), path)
    with pytest.raises(DataError, match=r"t\.parquet: row 2: 'text' is null"):
        read_texts(path, "text", "tags")


def test_labels_of_another_type_than_in_training_are_refused(path, tmp_path):
    train = read_texts(path, "text", "tags")
    other = lines(tmp_path / "o.jsonl", ["red"], [[1]])
    with pytest.raises(DataError, match=r":1: .* but those of training are text"):
        read_texts(other, like=train)


def test_empty_labels_between_commas_are_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('text,tags\nred,"a,,b"\n')
    with pytest.raises(DataError, match=r"t\.csv:2: 'tags' has an empty label"):
        read_texts(path, "text", "tags")


@pytest.mark.parametrize(
    ("content", "sentence"), [("text,tags\n", "no example in it"), ("", "is empty")]
)
def test_files_without_examples_are_refused(tmp_path, content, sentence):
    path = tmp_path / "t.csv"
    path.write_text(content)
    with pytest.raises(DataError, match=sentence):
        read_texts(path, "text", "tags")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"text": None}, "text is not given"),
        ({"labels": None}, "labels is not given"),
        ({"text": []}, "expected the name of a column"),
        ({"labels": 3}, "labels is 3: expected"),
        ({"separator": ""}, "separator is ''"),
        ({"vectorizer": "count"}, "vectorizer is 'count': expected one of tfidf, hashing"),
        ({"min_d": 2}, "no setting 'min_d'"),
        ({"tokenizer": str.split}, "no setting 'tokenizer'"),
        ({"vectorizer": "hashing", "min_df": 2}, "hashing vectorizer has no setting 'min_df'"),
        ({"min_df": "many"}, "scikit-learn's vectorizer refuses: The 'min_df' parameter"),
        ({"ngram_range": 2}, "scikit-learn's vectorizer refuses: The 'ngram_range' parameter"),
        ({"token_pattern": "("}, "scikit-learn's vectorizer refuses: missing"),
        ({"dtype": "words"}, "scikit-learn's vectorizer has no such setting"),
        ({"token_pattern": "[0-9]+"}, r"t\.jsonl: the texts have no word to learn from"),
        ({"min_df": 4}, r"t\.jsonl: the texts have no word to learn from"),
    ],
)
def test_settings_that_there_are_not_are_refused(path, given, sentence):
    with pytest.raises(ConfigError, match=sentence):
        read_texts(path, **{"text": "text", "labels": "tags"} | given)


def test_like_must_know_words(path):
    data = read_texts(path, "text", "tags")
    plain = type(data)(data.x, data.y)
    with pytest.raises(InputError, match="like was not trained on texts"):
        read_texts(path, like=plain)


def test_without_scikit_learn_it_is_a_sentence(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.feature_extraction", None)
    with pytest.raises(ConfigError, match=r"pip install 'slide-engine\[text\]'"):
        read_texts(path, "text", "tags")
