"""Models of texts: texts in, names out, from the folder as from training; damage is a sentence."""

import json
import pickle

import numpy as np
import pytest
from made_texts import TOPICS, examples, write_lines
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer

import slide
from slide.core.errors import ConfigError, InputError, ModelError
from slide.core.examples.dataset import Dataset
from slide.core.examples.names import Names
from slide.core.examples.texts import TextFeatures
from slide.core.models.model import Model
from slide.core.runs.keeping import Keeping
from slide.core.runs.trainer import Trainer
from slide.data import read_texts
from slide.reference.kernels import ReferenceBackend

BACKEND = ReferenceBackend()
CONFIG = slide.Config(epochs=1, cost=1.0, idf_power=0.0)
SOME = ["a rocket to the moon", "xyzzy", "garlic, butter; MOON comet"]


@pytest.fixture(scope="module", params=["tfidf", "hashing"])
def model(request, tmp_path_factory):
    path = write_lines(tmp_path_factory.mktemp("texts") / "t.jsonl", examples(120))
    data = read_texts(path, "text", "tags", vectorizer=request.param)
    return Trainer(CONFIG, BACKEND).fit(data, valid=data)  # which calibrates


@pytest.fixture
def folder(model, tmp_path):
    model.save(tmp_path / "m")
    return tmp_path / "m"


def test_texts_are_answered_by_names_of_what_they_are_about(model):
    labels, scores = model.predict_texts(SOME, k=2)
    assert labels[0][0] == "space"
    assert labels[1] == scores[1] == []
    assert set(labels[2]) == {"space", "cooking"}
    assert scores[0] == sorted(scores[0], reverse=True)
    assert len(scores[0]) == 2


def test_a_loaded_model_answers_with_the_same_bits(model, folder):
    loaded = Model.load(folder, BACKEND)
    assert loaded.predict_texts(SOME, 3) == model.predict_texts(SOME, 3)
    assert loaded.label_names == Names(sorted(TOPICS))
    assert loaded.text.columns == ("text",)
    copy = pickle.loads(pickle.dumps(loaded))
    assert copy.predict_texts(SOME, 3) == model.predict_texts(SOME, 3)


def test_a_frozen_model_answers_the_same_texts_and_as_likely(model, folder, tmp_path):
    alike = Model.load(folder, "numba")
    x = alike.text.features(SOME)
    expected = alike.predict_texts(SOME, 3), alike.predict_proba(x, 3)
    for predictor in (alike.freeze(), alike.freeze(tmp_path / "frozen")):
        assert predictor.predict_texts(SOME, 3) == expected[0]
        assert predictor.label_names == alike.label_names
        assert predictor.feature_names == alike.feature_names
        for many, one, of_all in zip(predictor.predict_proba(x, 3),
                                     predictor.predict_proba(x.row(0), 3), expected[1],
                                     strict=True):  # fmt: skip
            np.testing.assert_array_equal(many, of_all)
            np.testing.assert_array_equal(one, of_all[0])
        for ask in (predictor.predict_proba, predictor.predict_texts):
            with pytest.raises(ConfigError, match="the frozen model has direct connections"):
                ask(SOME, sampled=True)


def test_names_and_ids_are_those_of_predict(model):
    ids, logits = model.predict(model.text.features(SOME), 3)
    labels, scores = model.predict_texts(SOME, 3)
    for i in (0, 2):
        assert labels[i] == model.label_names.of(ids[i])
        assert scores[i] == logits[i].tolist()


def test_sampled_answers_leave_out_what_was_not_found(model):
    labels, scores = model.predict_texts(SOME, 4, sampled=True)
    assert list(map(len, labels)) == list(map(len, scores))
    assert None not in labels[0]
    assert labels[0][0] == "space"


def test_a_model_that_is_kept_on_disk_knows_its_words(tmp_path):
    data = read_texts(write_lines(tmp_path / "t.jsonl", examples(60)), "text", "tags")
    trainer = Trainer(slide.Config(epochs=3, lr=0.5), BACKEND, keeping=Keeping("best"))
    assert trainer.fit(data, data).predict_texts(SOME, 1)[0][0] == ["space"]


def test_examples_that_are_taken_keep_names(tmp_path):
    data = read_texts(write_lines(tmp_path / "t.jsonl", examples(9)), "text", "tags")
    part = data.take(np.arange(3))
    assert (part.label_names, part.text) == (data.label_names, data.text)


def test_a_vectorizer_of_ones_own_goes_with_a_dataset(tmp_path):
    texts, tags = zip(*examples(60), strict=True)
    vectorizer = TfidfVectorizer(ngram_range=(1, 2))
    x = vectorizer.fit_transform(texts)
    text, names = TextFeatures.of(vectorizer), sorted(TOPICS)
    y = np.array([[name in each for name in names] for each in tags])
    data = Dataset(x, y, feature_names=text.vocabulary, label_names=names, text=text)
    Trainer(CONFIG, BACKEND).fit(data).save(tmp_path / "m")
    loaded = Model.load(tmp_path / "m", BACKEND)
    assert loaded.predict_texts(SOME, 1)[0] == [["space"], [], loaded.predict_texts(SOME, 1)[0][2]]
    np.testing.assert_array_equal(
        loaded.text.features(texts).dense(), x.toarray().astype(np.float32)
    )


def test_words_must_be_the_names_of_features(model, tmp_path):
    other = pickle.loads(pickle.dumps(model))
    other.feature_names = Names([str(i) for i in range(model.network.n_features)])
    with pytest.raises(ModelError, match="feature_names are not the vocabulary of text"):
        other.save(tmp_path / "m")
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("side", ["feature_names", "label_names"])
def test_data_with_too_few_names_is_refused(side):
    data = Dataset(np.eye(3), np.eye(3), **{side: ["a", "b"]})
    with pytest.raises(InputError, match=f"{side}: 2 names of 3 ids"):
        Trainer(CONFIG, BACKEND).fit(data)


def test_a_model_of_numbers_knows_no_words(tmp_path):
    model = Trainer(CONFIG, BACKEND).fit(Dataset(np.eye(3), np.eye(3)))
    with pytest.raises(ModelError, match="trained on numbers, so that it knows no words"):
        model.predict_texts(SOME)
    model.text = TextFeatures.of(HashingVectorizer())
    with pytest.raises(ModelError, match="labels of the model have no names"):
        model.predict_texts(SOME, 1)


def test_what_is_no_text_is_refused(model):
    for wrong in ("moon", ["moon", 3], [b"moon"]):
        with pytest.raises(InputError, match="text"):
            model.predict_texts(wrong)
    with pytest.raises(ConfigError, match="k is 0"):
        model.predict_texts(SOME, 0)
    assert model.predict_texts(SOME, 9) == model.predict_texts(SOME, len(model.label_names))
    assert model.predict_texts([], 1) == ([], [])


def edited(path, **changes):
    description = json.loads(path.read_text())
    path.write_text(json.dumps({k: v for k, v in (description | changes).items() if v != "gone"}))


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "other"}, {"kind": "count"}, {"settings": {}}, {"settings": None},
        {"columns": [3]}, {"columns": "gone"}, {"labels": None}, {"separator": 3},
        {"idf": [1.0]}, {"idf": [["a"]]}, {"idf": {}}, {"buckets": [3, 2]}, {"buckets": [-1]},
        {"buckets": [1 << 30]}, {"buckets": "words"},
    ],
)  # fmt: skip
def test_a_damaged_description_is_a_sentence(folder, changes):
    edited(folder / "text.json", **changes)
    with pytest.raises(ModelError, match=r"text\.json is damaged .*train the model again"):
        Model.load(folder, BACKEND)


@pytest.mark.parametrize("content", ["", "[]", "{", "3", "\ud800", "[" * 99_999])
def test_a_file_that_is_no_description_is_a_sentence(folder, content):
    (folder / "text.json").write_bytes(content.encode("utf-8", "surrogatepass"))
    with pytest.raises(ModelError, match=r"text\.json is damaged"):
        Model.load(folder, BACKEND)


def test_a_later_version_is_a_sentence(folder):
    edited(folder / "text.json", version=2)
    with pytest.raises(ModelError, match=r"text\.json has version 2, but this slide"):
        Model.load(folder, BACKEND)


def test_files_cannot_make_the_vectorizer_open_others(folder):
    path = folder / "text.json"
    settings = json.loads(path.read_text())["settings"]
    edited(path, settings=settings | {"input": "filename"})
    with pytest.raises(ModelError, match="damaged"):
        Model.load(folder, BACKEND)


def test_a_model_of_texts_is_overwritten_whole(model, folder):
    model.save(folder, overwrite=True)
    assert {path.name for path in folder.iterdir()} == {
        "config.json", "weights.safetensors", "names.json", "text.json", "calibration.json",
    }  # fmt: skip
