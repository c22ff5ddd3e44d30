"""Models, trainers and what they are made of travel: by pickle, by copy, into other processes."""

import copy
import multiprocessing
import pickle
from operator import methodcaller

import numpy as np
import pytest
from conftest import planted
from quick_runs import QUICK

import slide
from slide.backends.delegating import Delegating
from slide.core.contract.backend import KERNELS
from slide.core.errors import BackendError
from slide.core.models.model import Model
from slide.core.runs.trainer import Trainer
from slide.core.settings.plan import Plan
from slide.reference.kernels import ReferenceBackend
from slide.reference.spot_checks import SpotChecked

TRAIN, TEST = planted(400), planted(40, seed=5)  # whose labels have examples in TRAIN
MODELS = {
    "svm": slide.recipe(TRAIN, epochs=2, cost=0.3, idf_power=0.0),
    "direct": slide.recipe(TRAIN, epochs=1, lr=2.0),
    "hidden": QUICK,
}
WAYS = {
    "pickle": lambda thing: pickle.loads(pickle.dumps(thing)),
    "old pickle": lambda thing: pickle.loads(pickle.dumps(thing, 2)),
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
}


class Taken(Delegating):
    """All kernels are those of another backend."""

    name = "taken"
    taken = {"numba": KERNELS}  # noqa: RUF012


@pytest.fixture(scope="module", params=MODELS)
def trained(request):
    return Trainer(MODELS[request.param], slide.load_backend("numba")).fit(TRAIN)


def on(backend, model):
    """The same model on another backend."""
    tensors = model.__getstate__()
    other = Model.__new__(Model)
    other.__setstate__(tensors | {"backend": backend})
    return other


def predictions(model):
    return [array for sampled in (False, True) for array in model.predict(TEST.x, 3, sampled)]


def same(one, other):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["numba", "reference", Taken, SpotChecked])
def test_a_copy_predicts_the_same_before_and_after_use(trained, name, way):
    if name is SpotChecked:
        backend = SpotChecked(slide.load_backend("numba"))
    else:
        backend = slide.load_backend(name) if isinstance(name, str) else name()
    used = backend.set_threads(2)
    model = on(backend, trained)
    early = WAYS[way](model)
    expected = predictions(model)
    late = WAYS[way](model)
    for other in (early, late):
        same(predictions(other), expected)
        assert other.evaluate(TEST) == model.evaluate(TEST)
        assert type(other.backend) is type(backend)
    if name == "numba":
        assert late.backend.pool.n_threads == used
    same(predictions(model), expected)  # it goes on as it was


def test_weights_in_shared_memory_are_copied_too():
    model = on(slide.load_backend("processes"), Trainer(QUICK, ReferenceBackend()).fit(TRAIN))
    expected = predictions(model)
    late = pickle.loads(pickle.dumps(model))
    same(predictions(late), expected)
    assert late.backend.pool is not model.backend.pool


def test_nothing_travels_that_can_be_made_anew(trained):
    backend = slide.load_backend("numba")
    backend.set_threads(2)
    model = on(backend, trained)
    before = pickle.dumps(model)
    predictions(model)
    assert model.exact is not None
    assert len(pickle.dumps(model)) <= len(before) + 200  # a plan
    late = pickle.loads(pickle.dumps(model))
    assert late.exact is late.retrieving is late.backend.pool.executor is None
    assert late.backend.scratch.pool is late.backend.pool
    assert late.backend.scratch.free == []


def test_a_deep_copy_has_weights_of_its_own_and_shares_the_backend(trained):
    one = on(slide.load_backend("numba"), trained)
    other = copy.deepcopy(one)
    assert other.backend is one.backend
    arrays = [list(model.__getstate__()["network"].values()) for model in (one, other)]
    assert not any(np.shares_memory(a, b) for a, b in zip(*arrays, strict=True) if a.size)


def test_tables_that_were_prepared_are_prepared_again():
    model = Trainer(QUICK, ReferenceBackend()).fit(TRAIN)
    usual = model.predict(TEST.x, 3, sampled=True)[1]
    model.prepare_sampled(Plan(L=1, probes=1, candidates=1e-9), TRAIN)
    expected = model.predict(TEST.x, 3, sampled=True)
    assert (expected[1] != usual).any()
    for way in WAYS.values():
        same(way(model).predict(TEST.x, 3, sampled=True), expected)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("start", ["spawn", "fork"])
def test_other_processes_predict_the_same(start):
    if start not in multiprocessing.get_all_start_methods():
        pytest.skip("this system has no fork")
    backend = slide.load_backend("numba")
    backend.set_threads(2)
    model = Trainer(slide.recipe(TRAIN, epochs=1), backend).fit(TRAIN)
    expected = model.predict(TEST.x, 3)
    call = methodcaller("predict", TEST.x, 3)
    with multiprocessing.get_context(start).Pool(2) as pool:
        for found in pool.map(call, [model, model]):
            same(found, expected)


def test_a_trainer_trains_the_same_elsewhere():
    backend = slide.load_backend("numba")
    backend.set_threads(2)
    trainer = Trainer(QUICK, backend)
    early = pickle.loads(pickle.dumps(trainer))
    expected = trainer.fit(TRAIN).predict(TEST.x, 3)
    for other in (early, pickle.loads(pickle.dumps(trainer)), copy.deepcopy(trainer)):
        assert other.backend is not backend
        same(other.fit(TRAIN).predict(TEST.x, 3), expected)


@pytest.mark.parametrize(
    "thing",
    [TRAIN.x, TRAIN, QUICK, Plan(L=3), slide.CSR.empty(2, 3)],
    ids=lambda t: type(t).__name__,
)
def test_what_is_data_is_copied_as_it_is(thing):
    for way in WAYS.values():
        other = way(thing)
        assert type(other) is type(thing)
        assert repr(other) == repr(thing)


def test_options_and_numbers_of_workers_travel():
    backend = slide.load_backend("processes-numba", mode="hogwild", on_worker_loss="respawn")
    backend.set_threads(3)
    other = pickle.loads(pickle.dumps(backend))
    assert type(other) is type(backend)
    assert (other.mode, other.pool.on_loss, other.pool.n_workers) == ("hogwild", "respawn", 3)


def test_a_backend_is_opened_by_name_or_by_default(tmp_path, monkeypatch):
    monkeypatch.delenv("SLIDE_BACKEND", raising=False)
    monkeypatch.setattr("slide.default.cores", lambda: 3)
    model = Trainer(QUICK).fit(TRAIN)
    assert (model.backend.name, model.backend.pool.n_threads) == ("numba", 3)
    model.save(tmp_path / "m")
    assert Model.load(tmp_path / "m").backend.pool.n_threads == 3
    assert Model.load(tmp_path / "m", "reference").backend.name == "reference"
    assert Trainer(QUICK, "reference").backend.name == "reference"
    monkeypatch.setenv("SLIDE_BACKEND", "reference")
    assert (
        Trainer(QUICK, None).backend.name == Model.load(tmp_path / "m").backend.name == "reference"
    )
    for wrong in (5, object, tmp_path):
        with pytest.raises(BackendError, match=r"^backend is .*: expected the name of one"):
            Model.load(tmp_path / "m", wrong)
        with pytest.raises(BackendError, match=r"^backend is .*: expected the name of one"):
            Trainer(QUICK, wrong)
    with pytest.raises(BackendError, match="unknown backend 'wings'"):
        Trainer(QUICK, "wings")


@pytest.mark.parametrize("name", ["numba", "reference", "processes"])
@pytest.mark.parametrize("n", [0, -1, 2.0, True, "2", None, 4097])
def test_no_other_number_of_threads_is_taken(name, n):
    with pytest.raises(slide.ConfigError, match=r"^threads is .*: expected a whole number from 1"):
        slide.load_backend(name).set_threads(n)
    assert type(slide.load_backend(name).set_threads(np.int64(1))) is int
