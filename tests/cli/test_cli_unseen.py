"""Features and labels that training never saw: a line on stderr, and with --strict a refusal."""

import json

import numpy as np
import pytest
from conftest import CLI_QUICK, widened
from scipy.sparse import save_npz
from typer.testing import CliRunner

from slide import read, write
from slide.cli import app
from slide.core.contract.arrays import CSR
from slide.core.examples.dataset import Dataset

FEATURES = "2 features in 1 example were never seen in training"
LABELS = "1 label in 2 examples was never seen in training"
ONE_LINE = f"slide: {FEATURES}: left out; {LABELS}: counted as missed\n"


def with_strangers(data):
    """Ten examples, one of them with two features and two with a label that nobody knows."""
    some = data.take(np.arange(10))
    x, y = some.x, some.y
    ends = x.indptr + 2 * (np.arange(11) > 3)
    place = x.indptr[4]
    indices = np.insert(x.indices, place, np.array([700, 800], np.int32))
    features = CSR(ends, indices, np.insert(x.values, [place, place], np.float32(0.5)), 900)
    labels = [(*y.row(i)[0].tolist(), *((400,) if i in (1, 6) else ())) for i in range(10)]
    indptr = np.cumsum([0, *map(len, labels)])
    every = np.array([label for row in labels for label in row], np.int32)
    return Dataset(features, CSR(indptr, every, np.ones(len(every), np.float32), 500))


def as_pair(data, name):
    """X_name.npz and Y_name.npz as SciPy writes them."""
    save_npz(f"X_{name}", data.x.to_scipy())
    save_npz(f"Y_{name}", data.y.to_scipy())
    return f"X_{name}.npz"


@pytest.fixture(params=["wide.svm", "wide.txt", "wide.npz", "pair"])
def wide(request, model, test_set):
    """A file in each format, beside the model `m` of 300 features and 150 labels."""
    data = with_strangers(test_set)
    if request.param == "pair":
        return as_pair(data, "wide")
    write(data, request.param)
    return request.param


@pytest.fixture(scope="module")
def trained_once(written, train_set, tmp_path_factory):
    """The folder of a model of the planted examples, trained once for each list of options."""
    folder, known = tmp_path_factory.mktemp("once"), {}
    write(train_set, folder / "train.svm")

    def of(data, *options):
        if (data, options) not in known:
            train = {"train.svm": folder, "train.txt.gz": written}[data] / data
            model = folder / str(len(known))
            arguments = ["train", str(train), "--model", str(model), "--quiet", *options]
            ran = CliRunner(env={"SLIDE_BACKEND": None}).invoke(app, arguments)
            assert ran.exit_code == 0, ran.output
            known[data, options] = model
        return known[data, options]

    return of


def weights(model):
    return (model / "weights.safetensors").read_bytes()


def test_evaluate_counts_them_in_one_line(slide, wide, test_set, trained_once):
    good = trained_once("train.txt.gz", "--lr", "2")
    write(test_set.take(np.arange(10)), "known.txt")
    _, known, err = slide("evaluate", good, "known.txt", "--json")
    assert err == ""
    code, out, err = slide("evaluate", good, wide, "--json")
    assert (code, err) == (0, ONE_LINE)
    got, expected = json.loads(out), json.loads(known)
    for k in (1, 3, 5):
        assert got[f"precision_at_{k}"] == expected[f"precision_at_{k}"]
        assert got[f"ndcg_at_{k}"] <= expected[f"ndcg_at_{k}"]
        assert got[f"psp_at_{k}"] < expected[f"psp_at_{k}"]
    assert 0 < got["ndcg_at_5"] < expected["ndcg_at_5"]


def test_predict_answers_every_example_and_counts_features(slide, wide, test_set):
    write(test_set.take(np.arange(10)), "known.txt")
    _, known, _ = slide("predict", "m", "known.txt")
    code, out, err = slide("predict", "m", wide)
    assert (code, out, err) == (0, known, f"slide: {FEATURES}: left out\n")


def test_strict_refuses(slide, wide):
    remedy = "use files of one numbering, or leave out --strict\n"
    for command, what in (("evaluate", f"{FEATURES}; {LABELS}"), ("predict", FEATURES)):
        code, out, err = slide(command, "m", wide, "--strict")
        assert (code, out, err) == (2, "", f"slide: {wide}: {what}: {remedy}")


@pytest.mark.parametrize("sampled", [[], ["--sampled"]])
def test_strict_has_nothing_against_what_is_known(slide, model, test_set, sampled):
    write(widened(test_set, 9999, 9999), "declared.txt")
    for command in ("evaluate", "predict"):
        code, _, err = slide(command, "m", "declared.txt", "--strict", *sampled)
        assert (code, err) == (0, "")


def test_a_label_that_is_declared_and_has_no_example_counts_too(slide, files, train_set):
    wide = widened(train_set.take(np.arange(300)), 0, 160)
    write(wide, "declared.txt")
    n = 160 - len(np.unique(wide.y.indices))
    code, out, err = slide("train", "declared.txt", "--model", "d", "--json", *CLI_QUICK)
    assert (code, err) == (0, f"slide: {n} of 160 labels have no training example: never named "
                              "before those that have one\n")  # fmt: skip
    assert json.loads(out)["unused_labels"] == n
    last = Dataset(wide.x.take(np.arange(1)), CSR(np.array([0, 1]), np.array([159], np.int32),
                   np.ones(1, np.float32), 160))  # fmt: skip
    write(last, "last.txt")
    code, out, err = slide("evaluate", "d", "last.txt", "--json")
    assert err == "slide: 1 label in 1 example was never seen in training: counted as missed\n"
    assert json.loads(out)["precision_at_5"] == 0


def test_quiet_training_says_nothing_of_labels(slide, files, train_set):
    write(widened(train_set, 0, 160), "declared.txt")
    assert slide("train", "declared.txt", "--model", "d", "--quiet", *CLI_QUICK) == (0, "", "")


def test_a_validation_set_is_told_of_once_and_changes_nothing(slide, wide, files, trained_once):
    told = [*CLI_QUICK, "--epochs", "2"]
    code, out, err = slide(
        "train", "train.txt.gz", "--valid", wide, "--model", "v", *told, "--json"
    )
    assert (code, err) == (0, ONE_LINE)
    code, known, _ = slide("evaluate", "v", wide, "--json")
    assert json.loads(known)["ndcg_at_3"] == json.loads(out)["ndcg_at_3"]
    assert weights(files / "v") == weights(trained_once("train.txt.gz", *told))


def test_svmlight_is_trained_in_the_sizes_of_its_own(slide, wide, files, train_set, trained_once):
    write(train_set, "train.svm")
    options = ["--valid", wide, "--model", "v", "--quiet", *CLI_QUICK]
    assert slide("train", "train.svm", *options)[0] == 0
    assert weights(files / "v") == weights(trained_once("train.svm", *CLI_QUICK))


def test_strict_refuses_a_validation_set_before_training(slide, wide, files):
    code, _, err = slide("train", "train.txt.gz", "--valid", wide, "--model", "v", "--strict",
                         *CLI_QUICK)  # fmt: skip
    assert (code, err.startswith(f"slide: {wide}: {FEATURES}; {LABELS}: use files")) == (2, True)
    assert not (files / "v").exists()


def test_examples_to_insert_may_have_strangers(slide, wide):
    code, _, err = slide("predict", "m", "test.txt", "--sampled", "--insert", wide)
    assert (code, err) == (0, ONE_LINE)


def test_raw_ids_come_back(slide, files, train_set):
    ids = np.append(np.arange(149, dtype=np.int32) * 1000 + 50_000_000, 99_999_999).astype(np.int32)
    some = train_set.take(np.arange(400))
    y = CSR(some.y.indptr, ids[some.y.indices], some.y.values, 100_000_000)
    write(Dataset(some.x, y), "raw.svm")
    for options in ([], ["--lr", "2"], CLI_QUICK):
        code, _, err = slide("train", "raw.svm", "--model", "r", "--overwrite", *options)
        assert code == 0
        assert "of 100000000 labels have no training example" in err
        code, out, err = slide("predict", "r", "raw.svm", "--k", "3")
        assert (code, err, len(out.splitlines())) == (0, "", 400)
        named = {int(pair.split(":")[0]) for line in out.splitlines() for pair in line.split()}
        assert named <= set(ids.tolist())
        code, out, err = slide("evaluate", "r", "raw.svm", "--json")
        assert json.loads(out)["precision_at_1"] > (0.5 if options is not CLI_QUICK else 0)
        assert read("raw.svm").n_labels == 100_000_000


def test_five_labels_are_listed_unless_fewer_have_examples(slide, files, train_set):
    few = CSR(np.arange(401), (np.arange(400) % 3).astype(np.int32), np.ones(400, np.float32), 90)
    write(Dataset(train_set.x.take(np.arange(400)), few), "few.txt")
    assert slide("train", "few.txt", "--model", "f", "--quiet", *CLI_QUICK)[0] == 0
    code, out, _ = slide("predict", "f", "few.txt")
    assert code == 0
    assert {len(line.split()) for line in out.splitlines()} == {3}
    code, out, _ = slide("predict", "f", "few.txt", "--k", "4")
    assert all(line.split()[-1].endswith(":-2e+09") for line in out.splitlines())
