"""Frozen models answer as the models did, from many threads, processes and forms of a question."""

import mmap
import multiprocessing
import pickle
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse
from conftest import csr_of
from served_models import KINDS, TEST, TRAIN, frozen, model_of

import slide
from slide.core.contract.arrays import CSR
from slide.core.direct.inputs import Inputs
from slide.core.direct.network import Direct
from slide.core.errors import ConfigError, InputError, ModelError
from slide.core.models.model import Model
from slide.core.settings.plan import Plan
from slide.serving.kinds import freezer_of

DTYPES = ("float32", "float16", "int8")
pytestmark = pytest.mark.filterwarnings("ignore::slide.UnseenWarning")


def same(one, other):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("k", [1, 5, 150])
def test_answers_have_the_bits_of_the_model(kind, k, tmp_path):
    model = model_of(kind)
    stored = model.freeze(tmp_path / "p")
    for predictor in (frozen(kind), stored, pickle.loads(pickle.dumps(stored)),
                      pickle.loads(pickle.dumps(frozen(kind)))):  # fmt: skip
        same(predictor.predict(TEST.x, k), model.predict(TEST.x, k))
        if kind == "hidden":
            same(predictor.predict(TEST.x, k, True), model.predict(TEST.x, k, True))
    assert stored.evaluate(TEST) == model.evaluate(TEST)


def test_tables_are_those_that_were_prepared(tmp_path):
    model = replace(model_of("hidden"))
    model.prepare_sampled(Plan(K=5, L=3, probes=2), TRAIN)
    expected = model.predict(TEST.x, 5, True)
    model.retrieving = None
    same(model.freeze(tmp_path / "p").predict(TEST.x, 5, True), expected)


@pytest.mark.parametrize("name", ["sparse-simhash", "wta", "dwta", "doph"])
def test_hash_functions_are_stored(name, monkeypatch):
    config = slide.Config(hidden=(16,), hash=name, K=2, L=4, epochs=1, batch_size=64, active=20)
    model = slide.Trainer(config, "numba").fit(TRAIN)
    expected = model.predict(TEST.x, 5, True)
    draw = np.random.default_rng
    monkeypatch.setattr(np.random, "default_rng", lambda seed=0: draw([7, 7]))  # others
    same(model.freeze().predict(TEST.x, 5, True), expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["float16", "int8"])
def test_few_bits_change_logits_by_little(kind, dtype):
    model, predictor = model_of(kind), frozen(kind, dtype)
    n = model.n_seen_labels
    most = 0.05 if dtype == "int8" else 1e-3
    for sampled in (False, True) if kind == "hidden" else (False,):
        logits, expected = (by_label(one.predict(TEST.x, n, sampled)) for one in (predictor, model))
        assert (np.isfinite(logits) == np.isfinite(expected)).all()
        there = np.isfinite(expected)
        size = abs(expected[there]).max()
        assert 0 < abs(logits[there] - expected[there]).max() < most * size
    assert predictor.nbytes < frozen(kind).nbytes
    assert (predictor.dtype, frozen(kind).dtype) == (dtype, "float32")


def by_label(answer):
    """Logits of all labels, -inf where a label was not named."""
    logits = np.full((TEST.n_samples, 150), -np.inf)
    rows, places = np.nonzero(answer[0] >= 0)
    logits[rows, answer[0][rows, places]] = answer[1][rows, places]
    return logits


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_labels_without_examples_come_last(kind, dtype):
    unseen = np.flatnonzero(model_of(kind).label_counts == 0)
    ids, logits = frozen(kind, dtype).predict(TEST.x.take(np.arange(9)), 150)
    assert (np.sort(ids[:, -len(unseen) :]) == unseen).all()
    assert (logits[:, -len(unseen) :] < -1.9e9).all()
    assert (logits[:, : -len(unseen)] > -1e9).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_share_of_the_weights_is_kept(dtype):
    model = model_of("svm")
    half = model.freeze(dtype=dtype, keep=0.5)
    n = len(frozen("svm", dtype)._frozen.arrays["ids"])
    assert n / 2 <= len(half._frozen.arrays["ids"]) <= n / 2 + model.network.n_labels
    assert half.evaluate(TEST)["precision_at_1"] > 0.5


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["direct", "hidden"])
def test_many_threads_ask_at_once(kind, dtype):
    predictor = frozen(kind, dtype)
    alone = [predictor.predict(TEST.x.row(i), 5) for i in range(TEST.n_samples)]
    rows = np.random.default_rng(0).integers(TEST.n_samples, size=400)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda i: predictor.predict(TEST.x.row(i), 5), rows))
    finally:
        sys.setswitchinterval(before)
    for i, answer in zip(rows, answers, strict=True):
        same(answer, alone[i])


def ask(predictor, out):
    out.put(predictor.predict(TEST.x, 5))


def test_other_processes_map_the_same_folder(tmp_path):
    predictor = model_of("direct").freeze(tmp_path / "p")
    expected = predictor.predict(TEST.x, 5)
    context = multiprocessing.get_context("fork")
    out = context.Queue()
    child = context.Process(target=ask, args=(predictor, out))
    child.start()
    same(out.get(timeout=300), expected)
    child.join()
    assert len(pickle.dumps(predictor)) < 500  # where it lies, and no weights


@pytest.mark.parametrize("kind", ["svm", "hidden"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_what_is_searched_is_mapped(kind, dtype, tmp_path):
    predictor = model_of(kind).freeze(tmp_path / "p", dtype)
    assert all(not array.flags.writeable for array in predictor._frozen.arrays.values())
    assert all(isinstance(owner(array), mmap.mmap) for array in predictor._frozen.arrays.values())
    searched = {
        ("svm", "float32"): lambda model: (model.exact.index.index.ids,
                                            model.exact.index.index.values),
        ("hidden", "float32"): lambda model: (model.network.output.param.weight,
                                              model.retrieving.retrieval.output.tables.ids),
        ("svm", "packed"): lambda model: (model.exact.lists.ids, model.exact.lists.codes),
        ("hidden", "packed"): lambda model: (model.exact.output.codes,),
    }  # fmt: skip
    packed = "float32" if dtype == "float32" else "packed"
    for array in searched[kind, packed](predictor.model):
        assert isinstance(owner(array), mmap.mmap)


def owner(array):
    """Whose memory it is."""
    while isinstance(array, np.ndarray | memoryview):
        array = array.base if isinstance(array, np.ndarray) else array.obj
    return array


@pytest.mark.parametrize("dtype", DTYPES)
def test_nothing_is_built_when_it_loads_or_answers(dtype, tmp_path):
    n, backend = 100_000, slide.load_backend("numba")
    columns = np.arange(3 * n, dtype=np.int32) * 7 % n
    weight = CSR(np.arange(n + 1) * 3, np.sort(columns.reshape(n, 3)).ravel(),
                 np.ones(3 * n, np.float32), n)  # fmt: skip
    network = Direct.of(weight, -np.arange(n, dtype=np.float32),
                        Inputs(np.ones(n, np.float32), np.zeros(0, np.int64)), backend)  # fmt: skip
    model = Model(model_of("direct").config, network, backend, np.ones(n, np.int64), n)
    model.freeze(tmp_path / "p", dtype).predict(([5, 9], [1.0, 2.0]))
    tracemalloc.start()
    predictor = slide.Predictor.load(tmp_path / "p")
    _, loading = tracemalloc.get_traced_memory()
    answer = predictor.predict(([5, 9], [1.0, 2.0]))
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    same(predictor.predict(([5, 9], [1.0, 2.0])), answer)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert loading < 9 * n  # bytes, where labels and weights of the index are 15 * n at least
    assert most - before < 5 * n  # room for as many as may be met, 4 * n of which little is touched


def test_one_row_in_every_form():
    predictor, row = frozen("svm"), TEST.x.take([3])
    ids, logits = predictor.predict(row, 4)
    assert ids.shape == logits.shape == (1, 4)
    columns, values = row.row(0)
    order = np.argsort(-columns)
    for one in (row.dense()[0], row.dense()[0].tolist(), (columns, values),
                (columns[order].tolist(), values[order].astype(float).tolist())):  # fmt: skip
        same(predictor.predict(one, 4), (ids[0], logits[0]))
    for many in (row.to_scipy(), scipy.sparse.coo_array(row.to_scipy()), row.dense()):
        same(predictor.predict(many, 4), (ids, logits))


def test_rows_of_nothing_known():
    nothing = frozen("svm").predict(([], []), 3)
    same(frozen("svm").predict(([5000], [1.0]), 3), nothing)
    same(frozen("svm").predict(np.zeros((0, 300), np.float32), 3)[0].shape, (0, 3))


@pytest.mark.parametrize(
    ("x", "sentence"),
    [
        (([1, 2], [1.0]), "the example: 2 ids and 1 values"),
        (([1, 1], [1.0, 2.0]), "indices of a row are not strictly increasing"),
        (([-1], [1.0]), "ids has -1, which is negative"),
        (([1.5], [1.0]), "ids is float64"),
        (([3], [np.nan]), "row 0 has nan in column 3"),
        (([[3]], [[1.0]]), "ids has 2 dimensions"),
        (["a", "b"], "the example: values is <U1"),
        ([[1.0], [2.0, 3.0]], "values is a list that is no array"),
        (3, "values is an int"),
    ],
)
def test_what_is_no_row_is_refused(x, sentence):
    with pytest.raises(InputError, match=sentence):
        frozen("svm").predict(x)


def test_a_larger_k_gives_all_labels():
    ids, scores = frozen("svm").predict(TEST.x, 999)
    np.testing.assert_array_equal(ids, model_of("svm").predict(TEST.x, 150)[0])
    assert scores.shape == (TEST.n_samples, 150)


def test_what_is_out_of_range_is_refused(tmp_path):
    model = model_of("svm")
    with pytest.raises(ConfigError, match="k is 0: expected a whole number from 1 on"):
        frozen("svm").predict(TEST.x, 0)
    with pytest.raises(ConfigError, match="the frozen model has direct connections"):
        frozen("svm").predict(TEST.x, sampled=True)
    with pytest.raises(ModelError, match="the data has 7 features, but the model"):
        frozen("svm").predict(np.ones(7))
    with pytest.raises(ConfigError, match=r"dtype is 'int4': expected one of float32, float16"):
        model.freeze(tmp_path / "p", "int4")
    for keep in (0, 1.1, True, "half"):
        with pytest.raises(ConfigError, match=r"keep is .*: expected a number from 1e-06 to 1"):
            model.freeze(tmp_path / "p", keep=keep)
    with pytest.raises(ConfigError, match=r"keep is 0\.5, but the weights of hidden layers"):
        model_of("hidden").freeze(tmp_path / "p", keep=0.5)
    with pytest.raises(ModelError, match="models of the learner 'toy' cannot be frozen"):
        freezer_of("toy")
    assert not (tmp_path / "p").exists()


def test_raw_ids_are_named(tmp_path):
    ids = np.sort(np.random.default_rng(1).choice(2**31 - 2, 300, replace=False)).astype(np.int32)
    x = replace(TRAIN.x, indices=ids[TRAIN.x.indices], n_cols=int(ids[-1]) + 1)
    y = replace(TRAIN.y, indices=ids[TRAIN.y.indices], n_cols=int(ids[-1]) + 1)
    model = slide.Trainer(slide.Config(lr=2.0, epochs=1), "numba").fit(slide.Dataset(x, y))
    asked = x.take(np.arange(5))
    for dtype in DTYPES:
        predictor = model.freeze(tmp_path / dtype, dtype)
        assert np.isin(predictor.predict(asked)[0], ids).all()
    same(slide.Predictor.load(tmp_path / "float32").predict(asked), model.predict(asked))


def test_names_and_probabilities_come_along(tmp_path):
    names = slide.Names([f"label {i}" for i in range(150)])
    model = replace(model_of("svm"), label_names=names)
    assert model.calibration is not None
    expected = model.predict_proba(TEST.x, 3)
    for predictor in (model.freeze(), model.freeze(tmp_path / "p")):
        same(predictor.predict_proba(TEST.x, 3), expected)
        one = model.predict_proba(TEST.x.take(np.array([2])), 3)
        same(predictor.predict_proba(TEST.x.row(2), 3), [array[0] for array in one])
        assert predictor.label_names == names
        assert predictor.feature_names is None


def test_explanations_are_those_of_the_model():
    row = TEST.x.take([2])
    for kind in ("svm", "hidden"):
        assert frozen(kind).explain(row.row(0), 30) == model_of(kind).explain(row, 30)


def test_threads_share_the_rows_of_a_call(tmp_path):
    predictor = model_of("direct").freeze(tmp_path / "p", "int8")
    many = csr_of([{int(i % 300): 1.0} for i in range(200)], 300)
    several = slide.Predictor.load(tmp_path / "p", threads=3)
    assert several.model.backend.pool.n_threads == 3
    same(several.predict(many), predictor.predict(many))


def test_what_it_is_shows():
    predictor = frozen("svm", "int8")
    assert repr(predictor) == "Predictor(in memory, 300 features, 150 labels)"
    assert (predictor.n_features, predictor.n_labels) == (300, 150)
    assert predictor.n_seen_labels == model_of("svm").n_seen_labels
    assert predictor.one_based == model_of("svm").one_based
