"""Whatever is handed to a public name, a fault is a sentence of ours, not one from within."""

import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

import slide

WRONG = {
    "None": None, "int": 3, "float": 1.5, "str": "zz", "bytes": b"a", "list": ["a", "b"],
    "dict": {"a": 1}, "path": Path("none"), "object": object(), "null": "a\0b",
}  # fmt: skip
X, Y = np.eye(4, dtype=np.float32), [["a"], ["b"], ["a"], ["b"]]
DATA = slide.Dataset(slide.CSR.from_scipy(sp.csr_array(X)), Y)
QUICK = {"backend": "reference", "lr": 1.0, "epochs": 1}


def trainer(**said):
    return slide.Trainer(slide.Config(lr=1.0, epochs=1), "reference", **said)


MODEL = trainer().fit(DATA)
PREDICTOR = MODEL.freeze()
NAMES = MODEL.label_names

TAKING = {
    "CSR": [slide.CSR.from_scipy],
    "Config": [lambda v: slide.Config(epochs=v), lambda v: slide.Config(learner=v)],
    "Dataset": [
        lambda v: slide.Dataset(v, Y),
        lambda v: slide.Dataset(X, v),
        lambda v: slide.Dataset(X, Y, left_out=v),
        lambda v: slide.Dataset(X, [0, 1, 0, 1], feature_names=v),
        lambda v: slide.recipe(slide.Dataset(X, Y, weights=v)),
    ],
    "Model": [
        slide.Model.load,
        lambda v: slide.Model.load("none", v),
        lambda v: MODEL.save(v, overwrite="no"),
        MODEL.predict, MODEL.predict_proba, MODEL.predict_texts, MODEL.evaluate, MODEL.to_onnx,
        lambda v: MODEL.predict(X, v),
        lambda v: MODEL.likely(X, v, v),
        lambda v: MODEL.evaluate(DATA, at=v),
        lambda v: MODEL.evaluate(DATA, propensity=v),
        lambda v: MODEL.scores(X, v),
        lambda v: MODEL.explain(v, "a"),
        lambda v: MODEL.explain(X[:1], v),
        lambda v: MODEL.explain(X[:1], "a", v),
        lambda v: MODEL.explain(X[:1], "a", examples=v),
        lambda v: MODEL.freeze(v),
        lambda v: MODEL.freeze(None, v),
        lambda v: MODEL.freeze(None, keep=v),
        lambda v: MODEL.prepare_sampled(v),
        lambda v: MODEL.prepare_sampled(None, v),
    ],
    "Names": [slide.Names, NAMES.of, NAMES.ids, NAMES.find],
    "Plan": [lambda v: slide.Plan(probes=v)],
    "Predictor": [
        slide.Predictor, slide.Predictor.load, PREDICTOR.predict, PREDICTOR.predict_proba,
        PREDICTOR.predict_texts, PREDICTOR.evaluate,
        lambda v: PREDICTOR.predict(X, v),
        lambda v: PREDICTOR.explain(v, "a"),
    ],
    "TensorBoard": [slide.TensorBoard, lambda v: slide.TensorBoard("board", v)],
    "Trainer": [
        slide.Trainer,
        lambda v: slide.Trainer(slide.Config(lr=1.0), v),
        *(lambda v, name=name: trainer(**{name: v}).fit(DATA)
          for name in ("keeping", "time_budget", "watcher", "checkpoints")),
        lambda v: trainer().fit(v),
        lambda v: trainer().fit(DATA, v),
        lambda v: trainer().fit(DATA, None, v),
    ],
    "fit": [
        lambda v: slide.fit(v, Y, **QUICK),
        lambda v: slide.fit(X, v, **QUICK),
        *(lambda v, name=name: slide.fit(X, Y, **QUICK | {name: v})
          for name in ("sample_weight", "validation", "backend", "time_budget", "lr")),
    ],
    "load_backend": [slide.load_backend],
    "read": [
        slide.read,
        lambda v: slide.read("a.txt", one_based=v),
        lambda v: slide.read("a.txt", n_features=v),
    ],
    "read_texts": [
        lambda v: slide.read_texts(v, text="text", labels="tags"),
        lambda v: slide.read_texts("t.jsonl", text=v, labels="tags"),
        lambda v: slide.read_texts("t.jsonl", like=v),
    ],
    "recipe": [
        slide.recipe, lambda v: slide.recipe(DATA, lr=v), lambda v: slide.recipe(DATA, False, v)
    ],
    "write": [lambda v: slide.write(v, "out.txt"), lambda v: slide.write(DATA, v)],
}  # fmt: skip
"""By the name in `slide`, what hands a value over in the place of something else."""
ELSEWHERE = {"SlideClassifier", "TextFeatures", "load_demo"}  # scikit-learn's checks; made by us


def test_every_public_name_is_in_the_table():
    errors = {name for name in slide.__all__ if name.endswith(("Error", "Warning"))}
    assert {*TAKING} | ELSEWHERE | errors == {*slide.__all__} | {"SlideClassifier"}


@pytest.mark.parametrize("name", TAKING)
def test_a_wrong_type_is_a_sentence_of_ours(name, tmp_path, monkeypatch):
    """Where it is none, but taken, that is no matter here."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLIDE_BACKEND", "reference")  # where None is the default one
    Path("a.txt").write_text("1 2 2\n0 0:1\n")
    Path("t.jsonl").write_text('{"text": "a word", "tags": ["a"]}\n')
    wrong = WRONG | {"generator": (each for each in "ab")}
    for place, take in enumerate(TAKING[name]):
        for kind, value in wrong.items():
            with warnings.catch_warnings(), suppress(slide.SlideError):
                warnings.simplefilter("ignore")
                taken_by(place, kind, take, value)


def taken_by(place, kind, take, value):
    """In a traceback it tells which one it was."""
    take(value)
