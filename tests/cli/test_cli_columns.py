"""Parquet and Arrow on the command line: numbers as svmlight has them, and texts in Arrow."""

import json

import numpy as np
import pyarrow as pa
import pytest
from made_texts import examples
from pyarrow import feather, parquet
from typer.testing import CliRunner

from slide.cli import app
from slide.core.errors import SlideError
from slide.data import read, write

QUICK = ["--epochs", "1", "--lr", "1", "--backend", "reference", "--json"]


def run(folder, *words):
    words = [str(folder / word) if str(word).startswith("at/") else str(word) for word in words]
    return CliRunner(env={"SLIDE_BACKEND": "reference"}).invoke(app, words)


def table(n, seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 5, n)
    features = [sorted({int(label), *map(int, rng.integers(5, 20, 3))}) for label in labels]
    values = [[float(v) for v in rng.integers(1, 9, len(row))] for row in features]
    return pa.table({"features": features, "values": values, "labels": [[int(i)] for i in labels]})


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The same numbers in columns and as svmlight, a model of each, and texts."""
    folder = tmp_path_factory.mktemp("columns")
    (folder / "at").mkdir()
    for name, n in (("train", 80), ("test", 20)):
        parquet.write_table(table(n, n), folder / "at" / f"{name}.parquet", row_group_size=32)
        feather.write_feather(table(n, n), folder / "at" / f"{name}.arrow")
        write(read(folder / "at" / f"{name}.parquet"), folder / "at" / f"{name}.svm")
    texts = pa.Table.from_pylist([{"text": text, "tags": tags} for text, tags in examples(60)])
    parquet.write_table(texts, folder / "at" / "texts.parquet")
    feather.write_feather(texts, folder / "at" / "texts.arrow")
    for name in ("train.parquet", "train.svm"):
        words = ["train", f"at/{name}", "--valid", f"at/{name.replace('train', 'test')}"]
        ran = run(folder, *words, "--model", f"at/of-{name[6:]}", *QUICK)
        assert ran.exit_code == 0, ran.output
    return folder


def scores(ran):
    assert ran.exit_code == 0, ran.output
    return {name: value for name, value in json.loads(ran.stdout).items() if "_at_" in name}


def test_a_model_of_columns_is_that_of_svmlight(made):
    one, other = (made / "at" / name / "weights.safetensors" for name in ("of-parquet", "of-svm"))
    assert one.read_bytes() == other.read_bytes()


def test_it_is_judged_and_asked_by_columns(made):
    said = [
        scores(run(made, "evaluate", "at/of-parquet", f"at/test.{kind}", "--json"))
        for kind in ("svm", "parquet", "arrow")
    ]
    assert said[0] == said[1] == said[2]
    assert said[0]["precision_at_1"] > 0.5
    unlabelled = table(20, 20).drop_columns(["labels"])
    parquet.write_table(unlabelled, made / "at" / "new.parquet")
    answers = [
        run(made, "predict", "at/of-parquet", f"at/{name}").stdout
        for name in ("test.svm", "test.arrow", "new.parquet")
    ]
    assert answers[0] == answers[1] == answers[2]
    assert len(answers[0].splitlines()) == 20
    told = run(made, "explain", "at/of-parquet", "at/new.parquet", "--row", "3")
    assert told.exit_code == 0, told.output


def test_folders_of_columns(made, tmp_path):
    ran = run(made, "convert", "at/train.parquet", "at/test.arrow", tmp_path / "both")
    assert ran.exit_code == 0, ran.output
    assert read(tmp_path / "both").n_samples == 100
    assert run(made, "convert", "at/train.svm", tmp_path / "tr").exit_code == 0
    words = ["train", tmp_path / "tr", "--valid", "at/test.parquet", "--model", tmp_path / "m"]
    assert run(made, *words, *QUICK).exit_code == 0
    ran = run(made, "convert", "at/train.parquet", tmp_path / "a.npz")
    assert ran.exit_code == 0, ran.output
    assert read(tmp_path / "a.npz").n_samples == 80


def test_texts_in_arrow_are_texts_in_parquet(made, tmp_path):
    words = ["--text", "text", "--labels", "tags", *QUICK]
    for kind in ("parquet", "arrow"):
        ran = run(made, "train", f"at/texts.{kind}", "--model", tmp_path / kind, *words)
        assert ran.exit_code == 0, ran.output
    one, other = (tmp_path / kind / "weights.safetensors" for kind in ("parquet", "arrow"))
    assert one.read_bytes() == other.read_bytes()
    said = [
        scores(run(made, "evaluate", tmp_path / "arrow", f"at/texts.{kind}", "--json"))
        for kind in ("parquet", "arrow")
    ]
    assert said[0] == said[1]
    ran = run(made, "evaluate", tmp_path / "arrow", "at/test.parquet")
    assert "there is no column 'text'" in str(ran.exception)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["train", "at/texts.parquet"], "has 'text', 'tags'; for texts say --text COLUMN and"),
        (["train", "at/texts.arrow"], "no column 'features' or 'indices' of numbers"),
        (["convert", "at/texts.parquet", "at/out"], "for texts say --text COLUMN"),
        (["evaluate", "at/of-svm", "at/texts.parquet"], "no column 'features' or 'indices'"),
        (["train", "at/train.parquet", "--one-based", "both"], "counts from 0, expected svmlight"),
        (["train", "at/train.arrow", "--text", "features", "--labels", "labels"], "'features' is"),
        (["convert", "at/train.svm", "at/b.parquet"], "read, not written"),
        (["evaluate", "at/of-svm", "at/new-without.parquet"], "no column 'labels' or 'label'"),
    ],
)  # fmt: skip
def test_what_is_refused(words, sentence, made):
    parquet.write_table(table(3, 3).drop_columns(["labels"]), made / "at" / "new-without.parquet")
    model = ["--model", "at/refused"] if words[0] == "train" else []
    ran = run(made, *words, *model)
    assert isinstance(ran.exception, SlideError), ran.output
    assert sentence in str(ran.exception)
    assert not (made / "at" / "refused").exists()
    assert not (made / "at" / "out").exists()
