"""`slide` on features and labels that stand apart, and on pairs that are left out."""

import json

import numpy as np
import pytest
from conftest import CLI_QUICK

from slide.core.models.model import Model
from slide.data import read
from slide.data.target import example_lines

QUICK = [*CLI_QUICK, "--quiet"]


def lay_out(folder, stem, data):
    """The same examples as two files."""
    bare = data.y.with_values(np.ones(data.y.nnz, np.float32))
    for name, matrix in (("Xf", data.features), ("Y", bare)):
        rows = (" ".join(f"{i}:{v}" for i, v in zip(*matrix.row(r), strict=True))
                for r in range(matrix.n_rows))  # fmt: skip
        text = f"{matrix.n_rows} {matrix.n_cols}\n" + "".join(row + "\n" for row in rows)
        (folder / f"{stem}_X_{name}.txt").write_text(text)


@pytest.fixture
def apart(model, files, test_set):
    lay_out(files, "tst", test_set)
    return files


def test_a_pair_is_as_good_as_one_file(apart, slide):
    for command in (["evaluate", "m", "{}", "--json"], ["predict", "m", "{}"],
                    ["convert", "{}", "-"]):  # fmt: skip
        one = slide(*(word.format("test.txt") for word in command))
        assert slide(*(word.format("tst_X_Xf.txt") for word in command)) == one
        assert one[0] == 0
    for name, file in (("a", "test.txt"), ("b", "tst_X_Xf.txt")):
        assert slide("train", file, "--model", name, *QUICK) == (0, "", "")
    weights = [(apart / name / "weights.safetensors").read_bytes() for name in "ab"]
    assert weights[0] == weights[1]


def test_only_predict_does_without_labels(apart, slide, monkeypatch):
    _, expected, _ = slide("predict", "m", "test.txt")
    (apart / "tst_X_Y.txt").write_text("damaged")
    assert slide("predict", "m", "tst_X_Xf.txt") == (0, expected, "")
    (apart / "tst_X_Y.txt").unlink()
    assert slide("predict", "m", "tst_X_Xf.txt") == (0, expected, "")
    for args in (["evaluate", "m", "tst_X_Xf.txt"], ["train", "tst_X_Xf.txt", "--model", "n"]):
        code, _, err = slide(*args)
        assert code == 2
        assert "expected their labels in tst_X_Y.txt beside it" in err


def test_pairs_are_left_out_of_rankings_and_truths(apart, slide, backend):
    data = read(apart / "tst_X_Xf.txt")
    model = Model.load(apart / "m", backend)
    ids, _ = model.predict(data.x, 8)
    # Of every other example what ranks first is left out, of some with what ranks third.
    pairs = {(i, int(ids[i, 0])) for i in range(0, data.n_samples, 2)}
    pairs |= {(i, int(ids[i, 2])) for i in range(0, data.n_samples, 6)}
    text = "".join(f"{i} {label}\n" for i, label in sorted(pairs))
    (apart / "filter_labels_test.txt").write_text(text)
    hits = 0
    for i, ranked in enumerate(ids.tolist()):
        top = [label for label in ranked if (i, label) not in pairs][:5]
        true = {label for label in data.y.row(i)[0] if (i, int(label)) not in pairs}
        hits += len(true.intersection(top))
    code, out, err = slide("evaluate", "m", "tst_X_Xf.txt", "--json")
    scores = json.loads(out)
    assert code == 0
    assert scores["precision_at_5"] == pytest.approx(hits / (5 * data.n_samples))
    assert scores["left_out_pairs"] == len(pairs)
    assert err == (
        f"slide: {len(pairs)} pairs of an example and its own label are left out of labels and "
        "rankings\n"
    )
    *_, last = (
        json.loads(line)
        for line in trained_on_valid(apart, slide, "tst_X_Xf.txt").read_text().splitlines()
    )
    valid = json.loads(slide("evaluate", "v", "tst_X_Xf.txt", "--json")[1])
    assert last["precision_at_3"] == valid["precision_at_3"]
    code, out, _ = slide("evaluate", "m", "tst_X_Xf.txt", "--sampled", "--json")
    assert code == 0
    assert 0 < json.loads(out)["recall_at_5"] <= 1


def trained_on_valid(folder, slide, valid):
    """metrics.jsonl of a run that is judged on these examples."""
    args = ["train", "train.txt.gz", "--valid", valid, "--model", "v", *QUICK]
    assert slide(*args) == (0, "", "")
    return folder / "v" / "metrics.jsonl"


def test_pairs_are_no_labels_to_train_on(files, slide, test_set):
    lay_out(files, "trn", test_set)
    first = test_set.y.indices[test_set.y.indptr[:-1]]
    text = "".join(f"{i} {label}\n" for i, label in enumerate(first))
    (files / "filter_labels_train.txt").write_text(text)
    kept = [i for i in range(test_set.y.nnz) if i not in set(test_set.y.indptr[:-1].tolist())]
    mask = np.isin(np.arange(test_set.y.nnz), kept)
    bare = type(test_set)(test_set.x, test_set.y.where(mask))
    n_columns = f"{bare.n_samples} {bare.n_features} {bare.n_labels}\n"
    (files / "bare.txt").write_text(n_columns + "".join(example_lines(bare)))
    for name, file in (("a", "bare.txt"), ("b", "trn_X_Xf.txt")):
        assert slide("train", file, "--model", name, *QUICK)[0] == 0
    weights = [(files / name / "weights.safetensors").read_bytes() for name in "ab"]
    assert weights[0] == weights[1]
