"""Whatever is handed to a model, or to training, from Python: taken, or refused in a sentence."""

import importlib
import pkgutil

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import planted
from direct_settings import DIRECT
from numba.core.dispatcher import Dispatcher
from quick_runs import QUICK, Watcher

import slide
from slide import CSR, Dataset, InputError
from slide.backends import threads
from slide.core.contract import handed
from slide.core.contract.arrays import Block
from slide.core.errors import ConfigError
from slide.core.models.model import Model
from slide.core.runs.trainer import Trainer
from slide.reference.kernels import ReferenceBackend

TRAIN, TEST = planted(300), planted(20, seed=2)  # whose labels have examples in TRAIN
FORMATS = ("csr", "csc", "coo", "lil", "dok", "bsr", "dia")


@pytest.fixture(scope="module", params=["direct", "hidden"])
def model(request):
    config = {"direct": DIRECT, "hidden": QUICK}[request.param]
    return Trainer(config, ReferenceBackend()).fit(TRAIN)


@pytest.fixture(scope="module", params=["numba", "reference"])
def used(request, model, tmp_path_factory):
    """The model on a backend."""
    folder = tmp_path_factory.mktemp("border") / "m"
    model.save(folder)
    return Model.load(folder, request.param)


def same(got, wanted):
    np.testing.assert_array_equal(got[0], wanted[0])
    np.testing.assert_array_equal(got[1], wanted[1])


@pytest.mark.filterwarnings("ignore:Constructing a DIA matrix")
@pytest.mark.parametrize("kind", [sp.csr_matrix, sp.csr_array])
@pytest.mark.parametrize("dtype", ["<f8", "<f4", "<i8", "<i4", "<u2"])
def test_predict_and_evaluate_take_matrices_of_scipy(used, kind, dtype):
    expected, scores = used.predict(TEST.x, 3), used.evaluate(TEST)
    matrix = kind(TEST.x.to_scipy().astype(dtype))
    y = kind(TEST.y.to_scipy())
    for form in FORMATS:
        x = matrix.asformat(form)
        same(used.predict(x, 3), expected)
        assert used.evaluate(Dataset(x, y.asformat(form))) == scores


def test_predict_takes_dense_rows(used):
    dense = TEST.x.dense()
    expected = used.predict(Block.of(dense), 3)
    for x in (dense, dense.astype(float), np.asfortranarray(dense), dense.tolist(), dense[::1]):
        same(used.predict(x, 3), expected)
    np.testing.assert_array_equal(expected[0], used.predict(TEST.x, 3)[0])
    whole = dense.astype(np.int64)  # values of these features are whole numbers
    same(used.predict(whole, 3), expected)


def test_one_row_and_no_row(used):
    one = used.predict(TEST.x.take(np.arange(1)), 3)
    np.testing.assert_array_equal(one[0], used.predict(TEST.x, 3)[0][:1])
    same(used.predict(TEST.x.to_scipy()[:1], 3), one)  # the order of sums depends on the rows
    for x in (TEST.x.take(np.arange(0)), np.zeros((0, 300)), sp.csr_array((0, 300))):
        ids, logits = used.predict(x, 3)
        assert (ids.shape, logits.shape) == ((0, 3), (0, 3))


def with_x(**arrays):
    """The features of TRAIN with some array in place of its own."""
    return CSR(**{name: getattr(TRAIN.x, name) for name in CSR.__slots__} | arrays)


def far(indices, by):
    """The same numbers, one of them so far off."""
    changed = indices.copy()
    changed[7] += by
    return changed


def with_value(value):
    changed = TRAIN.x.values.copy()
    changed[7] = value
    return changed


BROKEN = {
    "features far beyond": with_x(indices=TRAIN.x.indices + 100_000),
    "one feature beyond": with_x(indices=far(TRAIN.x.indices, 1_000_000)),
    "a feature before the first": with_x(indices=far(TRAIN.x.indices, -1000)),
    "rows backwards": with_x(indices=TRAIN.x.indices[::-1].copy()),
    "a feature twice": with_x(indices=np.repeat(TRAIN.x.indices[::2], 2)),
    "NaN": with_x(values=with_value(np.nan)),
    "infinity": with_x(values=with_value(np.inf)),
    "rows that end early": with_x(indptr=TRAIN.x.indptr // 2),
    "rows that end late": with_x(indptr=TRAIN.x.indptr * 2),
    "rows that go back": with_x(indptr=TRAIN.x.indptr[::-1].copy()),
    "rows from 1": with_x(indptr=TRAIN.x.indptr + 1),
    "too few values": with_x(values=TRAIN.x.values[:-1]),
    "numbers in words": with_x(values=TRAIN.x.values.astype(str)),
    "objects": with_x(values=TRAIN.x.values.astype(object)),
    "complex numbers": with_x(values=TRAIN.x.values.astype(complex)),
    "one dimension": TRAIN.x.dense()[0],
    "three dimensions": TRAIN.x.dense()[None],
}
LABELS = {
    "labels beyond": TRAIN.y.indices + 5,
    "labels before": TRAIN.y.indices - 1,
    "labels far before": TRAIN.y.indices - 1_000_000,
    "labels as floats": TRAIN.y.indices.astype(float),
    "labels backwards": TRAIN.y.indices[::-1].copy(),
}


@pytest.mark.parametrize("name", BROKEN)
def test_no_model_reads_what_is_not_there(used, name):
    for sampled in (False, True):
        with pytest.raises(InputError, match=r"^features: \w.*: \w"):
            used.predict(BROKEN[name], 3, sampled)
    if isinstance(BROKEN[name], CSR):
        with pytest.raises(InputError, match=r"^data, x: "):
            used.evaluate(Dataset(BROKEN[name], TRAIN.y))
        with pytest.raises(InputError, match=r"^examples, x: "):
            used.prepare_sampled(examples=Dataset(BROKEN[name], TRAIN.y))


@pytest.mark.parametrize("name", LABELS)
def test_nor_labels_that_are_not_there(used, name):
    data = Dataset(TRAIN.x, CSR(TRAIN.y.indptr, LABELS[name], TRAIN.y.values, TRAIN.n_labels))
    with pytest.raises(InputError, match=r"^data, y: "):
        used.evaluate(data)
    with pytest.raises(InputError, match=r"^data: 300 rows of features and 20 rows of labels"):
        used.evaluate(Dataset(TRAIN.x, TEST.y))


def test_nothing_cannot_be_measured_on(used):
    with pytest.raises(InputError, match="there is no example"):
        used.evaluate(Dataset(CSR.empty(0, 3), CSR.empty(0, 3)))


@pytest.mark.parametrize("keeping", ["best", None])
def test_a_trainer_is_told_what_to_keep_by_its_own_class(keeping):
    with pytest.raises(ConfigError, match="expected a Keeping"):
        Trainer(slide.Config(epochs=1), keeping=keeping)


def test_depths_may_be_numbers_of_numpy(used):
    expected = used.evaluate(TEST, at=(1, 150))
    for dtype in (np.uint8, np.int16, np.int64):
        assert used.evaluate(TEST, at=np.array([1, 150], dtype)) == expected
    assert used.evaluate(TEST, at=range(1, 2)).items() < expected.items()


@pytest.mark.parametrize("at", [5, "135", (0,), (1.0,), (True,), None, (), np.ones((1, 1), int)])
def test_what_are_no_depths_is_a_sentence(used, at):
    with pytest.raises(ConfigError, match="expected"):
        used.evaluate(TEST, at=at)


@pytest.mark.parametrize("backend", ["numba", "reference"])
@pytest.mark.parametrize(
    "config", [DIRECT, QUICK, slide.Config(epochs=1)], ids=["direct", "hidden", "open"]
)
def test_nobody_learns_from_broken_arrays(config, backend):
    trainer = Trainer(config, backend)
    xs = [Dataset(x, TRAIN.y) for x in BROKEN.values() if isinstance(x, CSR)]
    ys = [
        Dataset(TRAIN.x, CSR(TRAIN.y.indptr, indices, TRAIN.y.values, TRAIN.n_labels))
        for indices in LABELS.values()
    ]
    for data in (*xs, *ys, Dataset(TRAIN.x, TEST.y), TRAIN.x, None):
        with pytest.raises(InputError, match=r"^the training set"):
            trainer.fit(data)
        with pytest.raises(InputError, match=r"^the training set"):
            slide.recipe(data)
        if data is not None:
            with pytest.raises(InputError, match=r"^the validation set"):
                trainer.fit(TRAIN, data)
    assert trainer.step == 0


def test_training_takes_matrices_of_scipy():
    expected = Trainer(DIRECT, "numba").fit(TRAIN).predict(TEST.x, 3)
    for kind in (sp.csr_matrix, sp.coo_array):
        data = Dataset(kind(TRAIN.x.to_scipy().astype(float)), kind(TRAIN.y.to_scipy() > 0))
        same(Trainer(DIRECT, "numba").fit(data).predict(TEST.x, 3), expected)
        assert slide.recipe(data) == slide.recipe(TRAIN)


def odd(x):
    """The same features in arrays that no kernel was compiled for."""
    yield CSR(x.indptr, x.indices.astype(np.int64), x.values.astype(np.float64), np.int64(x.n_cols))
    yield CSR(x.indptr.astype(np.int32), x.indices.astype(">i4"), x.values.astype(">f4"), x.n_cols)
    yield CSR(*(np.repeat(each, 2)[::2] for each in (x.indptr, x.indices, x.values)), x.n_cols)
    yield x.to_scipy().astype(float)
    read_only = x.map(np.copy)
    for name in ("indptr", "indices", "values"):
        getattr(read_only, name).flags.writeable = False
    yield read_only


def compilations():
    """How often kernels were compiled, or loaded, for arguments of some types."""
    modules = [
        importlib.import_module(f"{threads.__name__}.{each.name}")
        for each in pkgutil.iter_modules(threads.__path__)
    ]
    kernels = {id(each): each for module in modules for each in vars(module).values()
               if isinstance(each, Dispatcher)}  # fmt: skip
    assert len(kernels) > 20
    return sum(len(kernel.signatures) for kernel in kernels.values())


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(DIRECT, id="direct"),
        pytest.param(QUICK, id="hidden", marks=pytest.mark.slow),
    ],
)
def test_no_kernel_is_compiled_for_other_types(config):
    model = Trainer(config, "numba").fit(TRAIN, TEST)
    expected = [model.predict(TEST.x, 3, sampled) for sampled in (False, True)]
    before = compilations()
    for x in odd(TEST.x):
        for sampled in (False, True):
            same(model.predict(x, 3, sampled), expected[sampled])
    for x, y in zip(odd(TRAIN.x), odd(TRAIN.y), strict=True):
        again = Trainer(config, "numba").fit(Dataset(x, y), TEST)
        same(again.predict(TEST.x, 3), expected[0])
    assert compilations() == before


def test_each_array_is_checked_once(model, monkeypatch):
    counted = []

    def counting(kind):
        of_kind = getattr(handed, kind)

        def count(matrix, what="it"):
            counted.append(what)
            return of_kind(matrix, what)

        return count

    for kind in ("features", "labels"):
        monkeypatch.setattr(handed, kind, counting(kind))
    open_config = slide.Config(epochs=3, lr=2.0)
    calls = [
        (lambda: model.predict(TEST.x, 3), 1),
        (lambda: model.predict(TEST.x, 3, sampled=True), 1),
        (lambda: model.evaluate(TEST), 2),
        (lambda: model.evaluate(TEST, sampled=True), 2),
        (lambda: slide.recipe(TRAIN), 2),
        (lambda: Trainer(QUICK, model.backend, watcher=Watcher()).fit(TRAIN, TEST), 4),
        (lambda: Trainer(open_config, model.backend, watcher=Watcher()).fit(TRAIN, TEST), 4),
    ]
    for call, n in calls:
        counted.clear()
        call()
        assert len(counted) == n, counted
