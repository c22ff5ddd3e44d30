"""What inputs add to a score: they add up to it, and a second formula gives the same of each."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import csr_of
from direct_settings import BACKEND
from small_models import (
    CONFIGS,
    HIDDEN,
    N_FEATURES,
    N_LABELS,
    N_SEEN,
    examples,
    model,
    named_model,
    others,
    raw,
    raw_model,
    with_raw_ids,
)
from toy_learner import POPULARITY, Popularity

import slide
from slide.core.errors import ConfigError, InputError, ModelError
from slide.core.learner import LAST
from slide.core.learners import kinds
from slide.core.learners.config import Config
from slide.core.models.model import Model

ALL = 10**6
EPS = np.finfo(np.float32).eps


def row(i, x=None):
    """One example."""
    return (others() if x is None else x).take(np.array([i]))


def added(explanation):
    """What each input adds, by its features, or by the unit that it is."""
    return {piece.features or piece.unit: piece.contribution for piece in explanation.evidence}


def bound(explanation):
    """What rounding may make of a score in float32: its terms, and as many again behind layers."""
    terms = [abs(explanation.bias), *map(abs, added(explanation).values())]
    return 32 * EPS * (sum(terms) + 1)


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("raw_ids", [False, True])
def test_contributions_add_up_to_what_predict_says(name, raw_ids):
    one = raw_model(name) if raw_ids else model(name)
    x = with_raw_ids(others()) if raw_ids else others()
    labels, scores = one.predict(x, 3)
    for i in (0, 7, 39):
        for label, score in zip(labels[i], scores[i], strict=True):
            told = one.explain(row(i, x), label, ALL)
            total = told.bias + sum(added(told).values())
            assert abs(total - score) <= bound(told)
            assert abs(told.score - score) <= bound(told)
            assert (told.n_others, told.other_contribution, told.unknown) == (0, 0, ())
            assert told.label == label
            assert len(told.evidence) + told.n_silent >= (i < 39) * x.row_lengths()[i]
            for piece in told.evidence:
                assert piece.contribution == piece.input * piece.weight


@pytest.mark.parametrize("name", ["solved", "steps"])
def test_of_direct_connections_weights_are_those_in_the_folder(name, tmp_path):
    """By dictionaries: rarity times value, scaled twice, times the stored weight."""
    one = model(name)
    stored = slide_tensors(one, tmp_path)
    columns, values = others().row(5)
    scaled = dict(zip(columns.tolist(), (values * stored["input_weights"][columns]).tolist(),
                      strict=True))  # fmt: skip
    length = sum(value**2 for value in scaled.values()) ** 0.5
    for label in (0, 21):
        span = slice(*stored["indptr"][label : label + 2])
        weights = dict(zip(stored["indices"][span].tolist(), stored["values"][span].tolist(),
                           strict=True))  # fmt: skip
        expected = {
            (f,): value / length * weights[f] for f, value in scaled.items() if f in weights
        }
        told = one.explain(row(5), label, ALL)
        assert added(told) == pytest.approx({f: v for f, v in expected.items() if v}, rel=1e-5)
        assert told.bias == stored["bias"][label]
        assert not told.by_gradient
        for piece in told.evidence:
            assert piece.values == (dict(zip(columns.tolist(), values.tolist(), strict=True))[
                piece.features[0]],)  # fmt: skip


def slide_tensors(one, folder):
    """All that is in its weights.safetensors."""
    from safetensors.numpy import load_file

    one.save(folder / "m")
    return load_file(folder / "m" / "weights.safetensors")


def test_pairs_are_told_as_two_features():
    one = model("pairs")
    labels, _ = one.predict(others(), 1)
    told = one.explain(row(2), labels[2, 0], ALL)
    pairs = [piece for piece in told.evidence if len(piece.features) == 2]
    assert pairs
    columns, values = others().row(2)
    given = dict(zip(columns.tolist(), values.tolist(), strict=True))
    singles = {
        piece.features[0]: piece.input for piece in told.evidence if len(piece.features) == 1
    }
    for piece in pairs:
        f, g = piece.features
        assert f < g
        assert piece.values == (given[f], given[g])
        if f in singles and g in singles:  # a pair weighs twice the product before it is scaled
            ratio = piece.input / (singles[f] * singles[g])
            assert ratio == pytest.approx(2 * np.linalg.norm(scaled_inputs(one, 2)), rel=1e-4)


def scaled_inputs(one, i):
    """Features of unit length and their pairs, before both are scaled together."""
    x = row(i).with_unit_rows().values.astype(np.float64)
    known = one.network.inputs.of(row(i)).indices
    n = one.network.n_features
    columns = row(i).indices.tolist()
    pairs = [divmod(int(one.network.inputs.pairs[c - n]), n) for c in known[known >= n]]
    at = dict(zip(columns, x, strict=True))
    return np.array([*x, *(2 * at[f] * at[g] for f, g in pairs)])


@pytest.mark.parametrize("name", HIDDEN)
def test_behind_hidden_layers_weights_are_slopes_of_the_logit(name):
    """By differences in float64, of a forward pass written out here."""
    one = model(name)
    layers = [
        (np.asarray(layer.param.weight, np.float64), layer.n_units) for layer in one.network.layers
    ]

    def logit(u, label):
        for weight, n_units in layers:
            matrix = (
                weight if weight.shape[1] == n_units and layers[-1][0] is not weight else weight.T
            )
            z = np.append(u, 1) @ matrix
            u = np.maximum(z, 0)
        return z[label]

    u = row(3).with_unit_rows().dense()[0].astype(np.float64)
    label = int(one.predict(row(3), 1)[0][0, 0])
    told = one.explain(row(3), label, ALL)
    assert told.by_gradient
    assert told.evidence
    for piece in told.evidence:
        step = np.zeros(len(u))
        step[piece.features[0]] = 1e-6
        slope = (logit(u + step, label) - logit(u - step, label)) / 2e-6
        assert piece.weight == pytest.approx(slope, rel=1e-4, abs=1e-5)
        assert piece.input == pytest.approx(u[piece.features[0]], rel=1e-6)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_label_without_example_has_the_score_that_names_it_last(name):
    one = model(name)
    labels, scores = one.predict(row(0), N_LABELS)
    assert labels[0, -1] >= N_SEEN
    told = one.explain(row(0), labels[0, -1])
    assert told.score == told.bias == scores[0, -1] == LAST
    assert (told.evidence, told.n_examples, told.n_silent) == ((), 0, 0)


def test_unknown_features_are_listed_and_left_out():
    plain, wide = row(4), with_strangers(row(4))
    one = model("solved")
    expected = one.explain(plain, 7, ALL)
    assert one.explain(wide, 7, ALL) == replace(expected, unknown=(900, 5000))


def with_strangers(x):
    """The same row with two features that nobody knows."""
    columns, values = x.row(0)
    return csr_of([{**dict(zip(columns.tolist(), values.tolist(), strict=True)), 900: 2.0,
                    5000: 1.0}], 6000)  # fmt: skip


def test_the_strongest_are_told_and_the_rest_is_summed():
    one = model("solved")
    label = one.predict(row(1), 1)[0][0, 0]
    whole, some = one.explain(row(1), label, ALL), one.explain(row(1), label, 3)
    by_size = sorted(added(whole).values(), key=abs, reverse=True)
    assert sorted(added(some).values(), reverse=True) == sorted(by_size[:3], reverse=True)
    assert [*added(whole).values()] == sorted(added(whole).values(), reverse=True)
    assert some.n_others == len(by_size) - 3
    assert some.other_contribution == pytest.approx(sum(by_size[3:]))
    assert some.score == whole.score
    shares = [whole.bias_share, *(piece.share for piece in whole.evidence)]
    assert sum(map(abs, shares)) == pytest.approx(1)
    assert whole.bias_share / whole.bias == pytest.approx(
        whole.evidence[0].share / whole.evidence[0].contribution
    )
    assert one.explain(row(1), label, 0).evidence == ()


def test_names_are_told_and_taken():
    one = named_model("pairs")
    label = int(one.predict(row(2), 1)[0][0, 0])
    told = one.explain(row(2), f"tag {label}", ALL, examples())
    assert told == one.explain(row(2), label, ALL, examples())
    assert told.name == f"tag {label}"
    assert {len(piece.names) for piece in told.evidence} == {1, 2}
    for piece in told.evidence:
        assert piece.names == tuple(f"word {f}" for f in piece.features)
    for near in told.neighbours:
        assert near.names == tuple(f"tag {i}" for i in near.labels)
    with pytest.raises(InputError, match="did you mean 'tag "):
        one.explain(row(2), f"tog {label}")


@pytest.mark.parametrize("name", ["pairs", "hidden"])
def test_neighbours_are_those_of_largest_cosine(name):
    one, data = model(name), examples()
    told = one.explain(row(17, data.x), 3, examples=data)
    seen = one.representation(data.x).dense().astype(np.float64)
    lengths = np.linalg.norm(seen, axis=1)
    cosines = seen @ seen[17] / np.where(lengths, lengths, 1) / lengths[17]
    assert [near.similarity for near in told.neighbours] == pytest.approx(
        sorted(cosines, reverse=True)[:5], abs=1e-6
    )
    assert told.neighbours[0].similarity == pytest.approx(1, abs=1e-6)
    for near in told.neighbours:
        assert near.similarity == pytest.approx(cosines[near.example], abs=1e-6)
        assert near.labels == tuple(data.y.row(near.example)[0].tolist())


def test_neighbours_are_looked_for_in_slices(monkeypatch):
    one = model("solved")
    whole = one.explain(row(6), 3, examples=examples())
    monkeypatch.setattr("slide.core.models.nearest.EXAMPLES_AT_A_TIME", 7)
    assert one.explain(row(6), 3, examples=examples()) == whole


def test_an_empty_row_is_the_constant_alone_and_has_no_neighbours():
    told = model("solved").explain(row(39), 3, examples=examples())
    assert (told.evidence, told.neighbours, told.bias_share) == ((), (), -1.0)
    assert told.score == told.bias < 0


def test_dense_rows_and_matrices_of_scipy_are_rows():
    one = model("hidden")
    expected = one.explain(row(3), 3)
    for x in (row(3).dense(), row(3).to_scipy()):
        assert one.explain(x, 3) == expected


def test_raw_ids_are_told():
    told = raw_model("solved").explain(with_raw_ids(row(0)), raw(N_SEEN)[5], ALL)
    assert told.label == raw(N_SEEN)[5]
    assert {f for piece in told.evidence for f in piece.features} <= {*raw(N_FEATURES).tolist()}


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        ({"row": others()}, InputError, "row has 40 rows: expected one"),
        ({"row": np.zeros(N_FEATURES)}, InputError, "one example is x"),
        ({"row": np.zeros((1, 64))}, ModelError, "64 features"),
        ({"label": N_LABELS}, InputError, "label is 33: expected one of the 33 labels"),
        ({"label": -1}, InputError, "label is -1"),
        ({"label": 2**40}, InputError, "label is 1099511627776"),
        ({"label": "tag 1"}, InputError, "label is 'tag 1'"),
        ({"n": -1}, ConfigError, "n, of inputs to tell of, is -1"),
        ({"examples": others()}, InputError, "expected a slide.Dataset"),
    ],
)  # fmt: skip
def test_what_cannot_be_explained_is_a_sentence(change, error, sentence):
    with pytest.raises(error, match=sentence):
        model("solved").explain(**({"row": row(0), "label": 3} | change))


def test_a_learner_that_does_not_tell_says_so(monkeypatch):
    monkeypatch.setattr(kinds, "KINDS", (*kinds.KINDS, POPULARITY))
    popular = Model(Config(head_start=0.5), Popularity(N_FEATURES, np.ones(3, np.float32)), BACKEND,
                    np.ones(3, np.int64), 3)  # fmt: skip
    with pytest.raises(ConfigError, match="does not tell"):
        popular.explain(row(0), 1)
    with pytest.raises(ConfigError, match="no hidden layers"):
        popular.to_onnx("popular.onnx")


@pytest.mark.parametrize("name", ["solved", "deep"])
def test_backends_tell_alike(name):
    one = replace(model(name), backend=slide.load_backend("numba"), exact=None)
    told, expected = one.explain(row(3), 3, ALL), model(name).explain(row(3), 3, ALL)
    assert added(told) == pytest.approx(added(expected), rel=1e-4, abs=1e-6)
    assert told.bias == pytest.approx(expected.bias, rel=1e-4)


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_a_frozen_model_explains_its_own_scores(name, dtype):
    frozen = model(name).freeze(dtype=dtype)
    columns, values = row(3).row(0)
    labels, scores = frozen.predict((columns, values), 3)
    for label, score in zip(labels, scores, strict=True):
        told = frozen.explain((columns, values), label, ALL)
        assert told == frozen.explain(row(3), label, ALL)
        assert abs(told.bias + sum(added(told).values()) - score) <= bound(told)
        assert told.evidence
    last, scores = frozen.predict(row(3), N_LABELS)
    assert frozen.explain(row(3), last[0, -1]).score == scores[0, -1] == LAST
