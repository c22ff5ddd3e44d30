"""Model folders that somebody made to harm: refused in a sentence, when they are loaded."""

import json
import os
import shutil

import numpy as np
import pytest
from fuzzing import folders, valid

from slide.core.errors import ConfigError, ModelError
from slide.core.models.folder import PARTS
from slide.core.models.model import Model


@pytest.fixture(params=["sampled", "text"])
def folder(request, tmp_path):
    """The folder of a model."""
    files = {"sampled": valid.sampled_folder, "text": valid.text_folder}[request.param]()
    return laid(tmp_path, files)


@pytest.fixture
def of_texts(tmp_path):
    """The folder of a model of texts."""
    return laid(tmp_path, valid.text_folder())


def laid(place, files):
    (place / "m").mkdir()
    for name, content in files.items():
        (place / name).write_bytes(content)
    return place / "m"


def refused(folder, words):
    with pytest.raises(ModelError, match=words) as caught:
        Model.load(folder, "reference")
    assert len(str(caught.value).replace(str(folder), "")) < 300


def change(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize("name", sorted(PARTS))
@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "broken link"])
def test_parts_are_files_of_the_folder(of_texts, name, kind):
    path, elsewhere = of_texts / name, of_texts.parent / "elsewhere"
    if path.exists():
        path.rename(elsewhere)
    else:
        elsewhere.write_text("")
    if kind == "broken link":
        elsewhere.unlink()
    if kind.endswith("link"):
        path.symlink_to(elsewhere)
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    refused(of_texts, f"{name} is a link, a pipe or a folder, expected a file")


def test_the_folder_may_be_a_link(of_texts):
    link = of_texts.parent / "latest"
    link.symlink_to(of_texts)
    assert Model.load(link, "reference").network.n_labels == 2


def test_a_link_is_nothing_to_overwrite(of_texts):
    model = Model.load(of_texts, "reference")
    shutil.move(of_texts / "config.json", of_texts.parent / "config.json")
    (of_texts / "config.json").symlink_to(of_texts.parent / "config.json")
    with pytest.raises(ModelError, match="not a model folder"):
        model.save(of_texts, overwrite=True)


BAD_SETTINGS = {
    "token_pattern": ["(a", "(a)(b)", 3],
    "ngram_range": [[1], [0, 1], "12", [1, 2.0]],
    "analyzer": ["chars", None],
    "dtype": ["object", "S8", 3, "nothing"],
    "stop_words": ["german", [1], 3],
    "norm": ["l3"],
    "strip_accents": ["all"],
    "lowercase": [1, None],
    "max_df": ["1", -1, True],
    "max_features": [0, "2"],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in BAD_SETTINGS.items() for value in values]
)
def test_settings_that_no_vectorizer_has(of_texts, name, value):
    settings = json.loads((of_texts / "text.json").read_text())["settings"]
    assert name in settings
    change(of_texts / "text.json", settings=settings | {name: value})
    refused(of_texts, r"text.json is damaged")


@pytest.mark.parametrize("idf", [[10**400, 1], [float("nan"), 1], [[1], [1]], "12", [1]])
def test_weights_of_words_that_are_none(of_texts, idf):
    change(of_texts / "text.json", idf=idf)
    refused(of_texts, r"text.json is damaged")


def test_columns_that_are_no_list(of_texts):
    change(of_texts / "text.json", columns="text")
    refused(of_texts, r"text.json is damaged")


@pytest.mark.parametrize("n", [2**31, 2**63, 10**30, -1, 2.0, True])
def test_numbers_of_names_that_cannot_be(of_texts, n):
    change(of_texts / "config.json", names={"features": None, "labels": n})
    refused(of_texts, r"names by what the folder says")


def claiming(shape, begin, end, dtype="F32", name="bias"):
    """A file whose header claims this of a tensor, and 8 bytes of data."""
    tensor = {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
    header = json.dumps({name: tensor}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(8)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff" * 8,
        (2**60).to_bytes(8, "little") + b"{}",
        (99).to_bytes(8, "little") + b"{}",
        claiming([2**40], 0, 2**42),
        claiming([2**62, 4], 0, 8),
        claiming([2], 2**63 - 8, 2**63),
        claiming([2], 4, 12),
        claiming([2], 8, 0),
        claiming([2**62, 0], 0, 0),
        claiming([-2], 0, 8),
        claiming([4], 0, 8, "BF16"),
        claiming([2], 0, 8, "../../x"),
        claiming([2], 0, 8, name="../../bias"),
        b"\x02" + bytes(7) + b"[]",
        b"\x80\x04cos\nsystem\n(S'true'\ntR.",
    ],
)
def test_claims_of_weights(folder, content):
    (folder / "weights.safetensors").write_bytes(content)
    refused(folder, r"weights.safetensors")


def test_no_ids_in_use_and_names(of_texts):
    """Ids that are none meet names: nothing is looked up in an empty list."""
    from safetensors.numpy import load_file, save_file

    tensors = load_file(of_texts / "weights.safetensors")
    save_file(tensors | {"label_ids": np.zeros(0, np.int32)}, of_texts / "weights.safetensors")
    refused(of_texts, "does not fit")


def test_tables_that_config_claims(tmp_path, slide):
    folder = laid(tmp_path, valid.sampled_folder())
    config = json.loads((folder / "config.json").read_text())["config"]
    change(folder / "config.json", config=config | {"hash": "wta", "K": 64, "max_buckets": 1 << 30})
    model = Model.load(folder, "reference")
    with pytest.raises(ConfigError, match="100 tables of 1073741824 buckets for 4 neurons take"):
        model.predict(np.ones((1, 5), np.float32), 1, sampled=True)
    (tmp_path / "a.txt").write_text("1 5 4\n0 0:1\n")
    code, out, said = slide("evaluate", folder, tmp_path / "a.txt", "--sampled")
    assert (code, out) == (2, "")
    assert "GiB, but this process may use" in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    "said",
    [
        '{"n_examples": 1e999, "error": 0, "curves": CURVES}',
        '{"n_examples": 2, "error": NaN, "curves": CURVES}',
        '{"n_examples": 2, "error": -1, "curves": CURVES}',
        '{"n_examples": 2.5, "error": 0, "curves": CURVES}',
        '{"n_examples": 2, "error": 0, "curves": {}}',
        "[" * 100_000,
        "3",
    ],
)
def test_probabilities_that_are_none(tmp_path, said):
    folder = laid(tmp_path, folders.calibrated_folder())
    curves = json.dumps(json.loads((folder / "calibration.json").read_text())["curves"])
    (folder / "calibration.json").write_text(said.replace("CURVES", curves))
    refused(folder, "calibration.json is damaged")


def test_names_of_settings_are_quoted_in_a_line(tmp_path):
    folder = laid(tmp_path, valid.sampled_folder())
    config = json.loads((folder / "config.json").read_text())["config"]
    change(folder / "config.json", config=config | {"a\nb" * 500: 1})
    with pytest.raises(ModelError, match="settings that this slide does not know") as caught:
        Model.load(folder, "reference")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
