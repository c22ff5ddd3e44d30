"""Direct connections: which there are, what training makes of them, and how labels are found."""

import json
from dataclasses import replace

import numpy as np
import pytest
from kernel_arguments import csr, labels
from safetensors.numpy import load_file, save_file

import slide
from slide.core.contract.arrays import CSR, Block
from slide.core.direct.active import active_set, found_set
from slide.core.direct.connecting import SCALE, connect
from slide.core.direct.inputs import PAIR_WEIGHT, Inputs
from slide.core.direct.network import Direct, logits
from slide.core.direct.run import DirectRun
from slide.core.direct.searching import IndexSearcher, best_of
from slide.core.errors import ConfigError, ModelError
from slide.core.examples.dataset import Dataset
from slide.core.learners.config import Config
from slide.core.learners.recipe import Traits, recipe, settings_for
from slide.core.models.model import Model
from slide.core.runs.trainer import Trainer
from slide.core.sampled.retrieval import Plan
from slide.reference.kernels import ReferenceBackend

BACKEND = ReferenceBackend()
DIRECT = Config(
    hidden=(), sampler="index", scope="example", optimizer="adagrad", loss="bce", lr=2.0,
    active=10, epochs=3, batch_size=64, rebuild_every=8,
)  # fmt: skip


@pytest.fixture(scope="module")
def model(train_set):
    return Trainer(DIRECT, BACKEND).fit(train_set)


def fitted(x, **settings):
    return Inputs.fitted(replace(DIRECT, **settings).learner, x)


def test_rare_features_weigh_more():
    x = csr(3, {0: 1, 1: 1}, {0: 1}, {0: 1}, {0: 1, 2: 1})  # in 4, 1 and 1 of 4 examples
    inputs = fitted(x, idf_power=0.5)
    np.testing.assert_allclose(inputs.weights, np.sqrt([0.01, np.log(5 / 2), np.log(5 / 2)]))
    first = inputs.of(x).values[:2]
    assert first[0] < 0.2 * first[1]  # feature 0 is in every example and tells little
    assert (fitted(x).weights == 1).all()


def test_pairs_that_come_twice_are_inputs():
    x = csr(4, {0: 1, 1: 1, 3: 1}, {0: 1, 1: 1}, {1: 1, 3: 1}, {2: 1})
    inputs = fitted(x, pairs=True)
    assert inputs.pairs.tolist() == [0 * 4 + 1, 1 * 4 + 3]  # not 0 and 3, which came once
    made = inputs.of(x)
    made.check()
    assert made.shape == (4, 6)
    assert made.row(0)[0].tolist() == [0, 1, 3, 4, 5]
    assert made.row(3)[0].tolist() == [2]
    a = 3**-0.5
    expected = np.array([a, a, a, PAIR_WEIGHT * a * a, PAIR_WEIGHT * a * a])
    np.testing.assert_allclose(made.row(0)[1], expected / np.linalg.norm(expected), rtol=1e-6)
    unknown = inputs.of(csr(4, {2: 1, 3: 1}))
    assert unknown.indices.tolist() == [2, 3]


def test_long_examples_have_no_pairs():
    x = csr(40, dict.fromkeys(range(17), 1.0), dict.fromkeys(range(17), 1.0))
    assert not len(fitted(x, pairs=True).pairs)
    assert len(fitted(csr(40, *[dict.fromkeys(range(16), 1.0)] * 2), pairs=True).pairs) == 120


def connected(x, y, **settings):
    config = replace(DIRECT, **settings)
    inputs = Inputs.fitted(config.learner, x)
    return connect(config, inputs, BACKEND, Dataset(inputs.of(x), y))


def test_a_label_starts_from_the_inputs_its_examples_have_most_of():
    x = csr(4, {0: 3, 1: 4}, {0: 1}, {2: 1}, {2: 3, 3: 4})
    y = labels(2, [0], [0], [1], [1])
    network = connected(x, y, connections=1, connections_per_example=0, grown=0)
    weight = network.without_bias(BACKEND)
    # Label 0: 0.6 + 1 of input 0 against 0.8 of input 1; label 1 likewise of inputs 2 and 3.
    assert (weight.indices.tolist(), weight.values.tolist()) == ([0, 2], [SCALE, SCALE])
    assert network.bias.tolist() == [np.float32(np.log(0.5))] * 2
    more = connected(x, y, connections=1, connections_per_example=0.5, grown=0)
    assert more.without_bias(BACKEND).indices.tolist() == [0, 1, 2, 3]
    assert connected(x, y, bias_floor=-0.5).bias.tolist() == [-0.5, -0.5]


def test_a_label_is_connected_to_what_weighs_against_it():
    """Item 0 goes with item 1, but whoever has item 0 already does not get it again."""
    x = csr(4, {1: 1}, {1: 1}, {0: 1, 1: 1}, {0: 1, 1: 1})
    y = labels(4, [0], [0], [2], [3])
    grown = connected(x, y, grown=2, active=3).without_bias(BACKEND)
    of_0 = dict(zip(*(part.tolist() for part in grown.row(0)), strict=True))
    assert of_0 == {0: 0.0, 1: SCALE}
    assert connected(x, y, grown=0).without_bias(BACKEND).row(0)[0].tolist() == [1]


def test_labels_stay_labels_in_the_active_set():
    chosen = active_set(np.array([[3, 0, -1], [-1, -1, -1]]), labels(5, [1], [2, 4]))
    chosen.check()
    assert chosen.indices.tolist() == [0, 1, 3, 2, 4]
    assert chosen.values.tolist() == [1, 0, 1, 0, 0]


def test_what_was_found_is_a_set():
    found = found_set(np.array([[3, 0, 3, -1], [-1, -1, -1, -1]]), 5)
    found.check()
    assert found.shape == (2, 5)
    assert found.indices.tolist() == [0, 3]
    assert found.indptr.tolist() == [0, 2, 2]


def test_best_of_pads_and_breaks_ties_by_the_smaller_id():
    ids, values = best_of(csr(9, {2: 1, 4: 3, 7: 3}, {}), 4)
    assert ids.tolist() == [[4, 7, 2, -1], [-1] * 4]
    assert values[0].tolist() == [3, 3, 1, -np.inf]


def test_the_index_adds_a_bias_once(model, test_set):
    """Scores found by the index are the logits."""
    network = model.network
    x = network.of_features(test_set.x, BACKEND)
    every = logits(x, network.param.weight)
    nobody = CSR(np.zeros(x.n_rows + 1, int), np.zeros(0, np.int32), np.zeros(0, np.float32),
                 network.n_labels)  # fmt: skip
    ids, scores = BACKEND.search(network.index(BACKEND), x, nobody, 5)
    rows = np.arange(len(ids))[:, None]
    found = ids >= 0
    np.testing.assert_allclose(scores[found], every[rows, ids][found], rtol=1e-4, atol=1e-4)


def test_it_learns_more_than_its_start(train_set, model):
    run = DirectRun.begin(DIRECT, BACKEND, train_set)
    before = run.diagnostics()["full_loss"]
    run.network = model.network
    assert run.diagnostics()["full_loss"] < before / 4


def test_a_step_takes_biases_as_they_are_now(train_set):
    """Labels that have just been pushed down are not the hardest ones any more."""
    run = DirectRun.begin(DIRECT, BACKEND, train_set)
    batch = run.data.take(run.order[:64])
    run.step(batch, 0.0)
    weight = run.network.param.weight
    sunk = int(np.argmax(run.network.bias))
    weight.values[weight.indptr[sunk + 1] - 1] = -1000
    seen = []
    search = ReferenceBackend.search

    class Watching(ReferenceBackend):
        def search(self, index, x, excluded, k):
            seen.append(index.base[sunk])
            return search(self, index, x, excluded, k)

    run.backend = Watching()
    run.step(batch, 0.0)
    assert seen == [-1000]


@pytest.mark.parametrize("loss", ["bce", "softmax"])
def test_a_step_is_the_one_of_dense_matrices(train_set, loss):
    """The whole of it in float64 and without sparse arrays, from the formulas."""
    config = replace(DIRECT, loss=loss, active=6)
    run = DirectRun.begin(config, BACKEND, train_set)
    run.step(run.data.take(run.order[:32]), 0.5)  # so that squares differ
    batch, weight = run.data.take(run.order[32:64]), run.network.param.weight
    stored = weight.with_values(np.ones_like(weight.values)).to_scipy().toarray() > 0
    w = weight.to_scipy().toarray().astype(np.float64)
    square = weight.with_values(run.network.param.square).to_scipy().toarray().astype(np.float64)
    x, y = (part.to_scipy().toarray().astype(np.float64) for part in (batch.x, batch.y))
    run.index = None  # rebuilt, so that the hardest are those of these weights

    z = x @ w.T
    meets = (x[:, :-1] != 0) @ stored[:, :-1].T  # who shares more than the bias
    rivals = np.where(meets & (y == 0), z, -np.inf)
    active = (y > 0) | (rivals >= np.sort(rivals, axis=1)[:, -6:-5]) & np.isfinite(rivals)
    if loss == "bce":
        dz = 1 / (1 + np.exp(-z)) - y
    else:
        e = np.exp(z) * active
        dz = e / e.sum(axis=1, keepdims=True) - y / y.sum(axis=1, keepdims=True)
    dz = np.where(active & (abs(dz) >= 1e-3), dz, 0)
    g = np.where(stored, dz.T @ x, 0)
    square += g**2
    w -= 0.5 * g / np.sqrt(np.where(stored, square, 1))

    run.step(batch, 0.5)
    moved = run.network.param.weight.to_scipy().toarray()
    assert abs(g).max() > 0.1
    np.testing.assert_allclose(moved, w, atol=1e-4)


def test_the_same_bits_for_any_number_of_threads_and_order_of_the_file(train_set):
    def values(data, n_threads):
        backend = slide.load_backend("numba")
        backend.set_threads(n_threads)
        network = Trainer(replace(DIRECT, epochs=1, idf_power=0.5, pairs=True), backend).fit(data)
        return network.network.param.weight.values

    first = values(train_set, 1)
    shuffled = train_set.take(np.random.default_rng(0).permutation(train_set.n_samples))
    for data, n_threads in ((train_set, 2), (train_set, 3), (shuffled, 2)):
        assert values(data, n_threads).tobytes() == first.tobytes()


def test_numba_learns_what_the_reference_learns(train_set, test_set, model):
    fast = Trainer(DIRECT, slide.load_backend("numba")).fit(train_set)
    np.testing.assert_array_equal(fast.predict(test_set.x, 1)[0], model.predict(test_set.x, 1)[0])


def test_a_loaded_model_is_the_saved_one(train_set, test_set, tmp_path):
    saved = Trainer(replace(DIRECT, epochs=1, pairs=True, idf_power=0.5), BACKEND).fit(train_set)
    saved.save(tmp_path / "m")
    loaded = Model.load(tmp_path / "m", BACKEND)
    assert loaded.config == saved.config
    for sampled in (False, True):
        for one, other in zip(saved.predict(test_set.x, 3, sampled),
                              loaded.predict(test_set.x, 3, sampled), strict=True):  # fmt: skip
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("indices", lambda a: a + 1_000_000, "is damaged"),
        ("indptr", lambda a: a[:-1], "does not fit|is damaged"),
        ("values", lambda a: a * np.float32(np.nan), "not finite"),
        ("bias", lambda a: a[:-1], "does not fit"),
        ("pairs", lambda a: np.array([1 << 60]), "does not fit"),
        ("input_weights", lambda a: a.astype(np.float64), "does not fit"),
        ("label_counts", lambda a: a - 1000, "negative counts"),
        ("values", None, "is damaged"),
        ("bias", lambda a: a[:, None], "does not fit"),
        ("input_weights", lambda a: a[:, None], "does not fit"),
        ("label_counts", lambda a: a[:, None], "does not fit"),
        ("stranger", lambda a: np.zeros(1), "does not fit"),
        ("pairs", lambda a: np.array([1]), "does not fit"),
    ],
)
def test_damage_is_a_sentence(model, tmp_path, name, value, words):
    model.save(tmp_path / "m")
    path = tmp_path / "m" / "weights.safetensors"
    tensors = load_file(path)
    if value is None:
        del tensors[name]
    else:
        tensors[name] = value(tensors.get(name))
    save_file(tensors, path)
    with pytest.raises(ModelError, match=words):
        Model.load(tmp_path / "m", BACKEND)


def test_examples_that_meet_nobody_get_the_usual_labels(model):
    usual = np.argsort(-model.network.bias, kind="stable")[:3]
    ids, logits = model.predict(csr(model.network.n_features, {}), 3)
    assert ids[0].tolist() == usual.tolist()
    assert logits[0].tolist() == model.network.bias[usual].tolist()


def test_a_cut_index_finds_part_of_the_best(model, test_set):
    assert model.evaluate(test_set, sampled=True)["recall_at_5"] > 0.9
    model.prepare_sampled(Plan(bucket_limit=1, candidates=1e-9))
    lookup = model.retrieving
    assert len(lookup.index.ids) <= model.network.inputs.n_inputs
    model.retrieving = replace(lookup, n_candidates=0)
    assert 0 < model.evaluate(test_set, sampled=True)["recall_at_5"] < 0.9
    model.exact = model.retrieving = None
    with pytest.raises(ConfigError, match="no hash tables"):
        model.prepare_sampled(examples=test_set)


def test_exact_inference_ranks_everybody_whom_an_example_meets(model, test_set):
    network = model.network
    every = logits(network.of_features(test_set.x, BACKEND), network.param.weight)
    _, found = IndexSearcher.exact(network, BACKEND).top_k(BACKEND, test_set.x, 1)
    np.testing.assert_allclose(found[:, 0], every.max(axis=1), rtol=1e-4, atol=1e-4)


def test_exact_inference_looks_at_labels_that_are_not_met():
    """Label 0 is met and sinks below labels that are not, of which the best has bias -2."""
    weight = csr(1, {0: -9.0}, {0: -9.0}, {0: -9.0}, {}, {})
    bias = np.array([-1.0, -1.1, -1.2, -2.0, -3.0], np.float32)
    network = Direct.of(weight, bias, Inputs(np.ones(1, np.float32), np.zeros(0, int)), BACKEND)
    lookup = IndexSearcher.exact(network, BACKEND)
    for k in (1, 2, 3, 5):
        ids, found = lookup.top_k(BACKEND, csr(1, {0: 1.0}, {}), k)
        assert ids.tolist() == [[3, 4, 0, 1, 2][:k], [0, 1, 2, 3, 4][:k]]
        every = logits(csr(2, {0: 1.0, 1: 1.0}), network.param.weight)
        assert found[0].tolist() == every[0][ids[0]].tolist()


def test_more_hardest_labels_than_labels_are_all_of_them(train_set, test_set):
    few = train_set.take(np.arange(300))
    every = Trainer(replace(DIRECT, epochs=1, active=1 << 31), BACKEND).fit(few)
    as_many = Trainer(replace(DIRECT, epochs=1, active=150), BACKEND).fit(few)
    assert every.evaluate(test_set) == as_many.evaluate(test_set)


def test_a_feature_of_every_example_still_tells_its_values_apart():
    x = csr(1, *({0: 1.0 if i % 2 else -1.0} for i in range(100)))
    data = Dataset(x, labels(2, *([i % 2] for i in range(100))))
    assert not Traits.of(data).is_binary
    for idf_power in (0.0, 0.5):
        model = Trainer(recipe(data, idf_power=idf_power, epochs=9), BACKEND).fit(data)
        assert model.evaluate(data)["precision_at_1"] == 1


def test_very_large_values_are_directions(train_set, test_set, model):
    loud = Dataset(train_set.x.with_values(train_set.x.values * np.float32(1e38)), train_set.y)
    settings = replace(DIRECT, epochs=1, pairs=True, idf_power=0.5)
    with np.errstate(all="raise", under="ignore"):
        trained = Trainer(settings, BACKEND).fit(loud)
    assert trained.evaluate(test_set)["precision_at_1"] > 0.9
    for bad in (np.nan, np.inf):
        values = train_set.x.values.copy()
        values[3] = bad
        with pytest.raises(ConfigError, match="features are not finite"):
            Trainer(DIRECT, BACKEND).fit(Dataset(train_set.x.with_values(values), train_set.y))


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        (
            {"hidden": (), "K": 9, "lr": 0.3},
            r"^hidden=\(\) is a setting of direct connections, but K=9 is a setting of networks "
            "with hidden layers: leave one of them out$",
        ),
        ({"hidden": (256,), "grown": 3}, "hidden=.256,. is a setting of networks with hidden "),
        ({"K": 3, "grown": 3}, "K=3 is a setting of networks .*, but grown=3 is a setting of dir"),
    ],
)
def test_settings_that_nobody_would_read_are_refused(chosen, words):
    with pytest.raises(ConfigError, match=words):
        settings_for(traits(), **chosen)


def traits(**given):
    usual = Traits(50_000, 10_000, 50.0, 5.0, is_dense=False, is_binary=False)
    return replace(usual, **given)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, {"hidden": (), "idf_power": 0.0, "pairs": False, "active": 40, "epochs": 3,
              "batch_size": 256, "bias_floor": -4.0}),
        ({"is_dense": True}, {"hidden": (256,), "sampler": "lsh"}),
        ({"is_binary": True}, {"idf_power": 0.5}),
        ({"features_per_example": 3.0}, {"pairs": True}),
        ({"labels_per_example": 1.0}, {"active": 30, "bias_floor": -100.0}),
        ({"labels_per_example": 50.0}, {"active": 100}),
        ({"n_samples": 5000}, {"batch_size": 64}),
        ({"n_samples": 1_000_000}, {"epochs": 2, "batch_size": 1024, "active": 60}),
    ],
)  # fmt: skip
def test_the_recipe_follows_what_can_be_counted(given, wanted):
    config = settings_for(traits(**given))
    assert {name: getattr(config, name) for name in wanted} == wanted


@pytest.mark.parametrize(
    "chosen",
    [{"hidden": (64,)}, {"K": 5}, {"dropout": 0.1}, {"sampler": "uniform"},
     {"optimizer": "adagrad"}, {"scope": "example"}],
)  # fmt: skip
def test_settings_of_hidden_layers_ask_for_one(chosen):
    assert settings_for(traits(), **chosen).hidden
    assert not settings_for(traits(), epochs=9, lr=0.5, seed=3).hidden


def test_traits_are_counted(train_set):
    x = csr(4, {0: 2, 1: 2, 2: 2, 3: 2}, {}, {1: 5, 3: 5})
    counted = Traits.of(Dataset(x, labels(3, [0, 1], [], [2])))
    assert counted == Traits(3, 3, 2.0, 1.0, is_dense=False, is_binary=True)
    weighted = x.with_values(np.array([2, 3, 2, 2, 5, 5], np.float32))
    assert not Traits.of(Dataset(weighted, labels(3, [], [], []))).is_binary
    dense = Block.of(np.ones((2, 3), np.float32))
    assert recipe(Dataset(dense, labels(3, [0], [1]))).hidden == (256,)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"hidden": (), "sampler": "lsh"}, r"hidden=\(\) is a .*, but sampler='lsh' is a setting"),
        ({"hidden": (), "scope": "batch"}, r"hidden=\(\) is a .*, but scope='batch' is a setting"),
        ({"hidden": (9,), "sampler": "index"}, r"hidden=\(9,\) is .* sampler='index' is a setting"),
        (
            {"sampler": "in-batch", "scope": "example"},
            "sampler is 'in-batch', which proposes nobody",
        ),
        ({"sampler": "in-batch", "hidden_active": (9,)}, "sampler is 'in-batch', which proposes"),
    ],
)
def test_settings_that_do_not_go_together(settings, words):
    with pytest.raises(ConfigError, match=words):
        Config(**settings)


def test_more_connections_than_memory_are_refused(train_set):
    with pytest.raises(ConfigError, match="choose a smaller --set connections"):
        Trainer(replace(DIRECT, grown=1 << 20), BACKEND).fit(
            replace(train_set, y=replace(train_set.y, n_cols=1 << 22))
        )


def test_metrics_tell_of_the_run(train_set, test_set):
    lines = []

    class Watcher:
        def on_step(self, step, n_steps):
            pass

        def on_evaluation(self, record):
            lines.append(json.loads(json.dumps(record)))

    Trainer(DIRECT, BACKEND, watcher=Watcher()).fit(train_set, test_set)
    assert len(lines) == 3
    last = lines[-1]
    assert last["from_labels"] + last["from_tables"] == pytest.approx(1)
    assert last["full_loss"] < lines[0]["full_loss"]
    assert 0 <= last["dead_neurons"] < 1
    assert last["seconds_by_kernel"]["search"] > 0
