"""Embeddings of items: what pools them, its gradient, and what they are stored as."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import csr_of
from near_examples import BACKEND

from slide.core.contract.arrays import CSR
from slide.core.direct.embedding_batches import grouped
from slide.core.direct.embedding_rows import summed, through_lengths, unit_rows
from slide.core.direct.embedding_softmax import Negatives
from slide.core.direct.embeddings import PLACES, SCALE, Attention, Embeddings, Pooled, Trails

DIM = 3
ROWS = [{0: 0.64, 2: 1.0, 5: 0.8}, {}, {4: 1.0}, {1: 1.0, 3: 1.0, 9: 0.5}]
X = csr_of(ROWS, 12)


def drawn(dtype=np.float64, seed=0, n=12):
    """Vectors of items, and an attention, of any numbers."""
    rng = np.random.default_rng(seed)
    begun = Attention.begin(DIM, rng).named()
    parts = {name: rng.normal(size=array.shape).astype(dtype) for name, array in begun.items()}
    return rng.normal(size=(n, DIM)).astype(dtype), Attention(**parts)


def test_items_have_places_by_their_values():
    trails = Trails.of(X, 9)  # 9 is no label
    assert trails.indptr.tolist() == [0, 3, 3, 4, 6]
    assert trails.items.tolist() == [2, 5, 0, 4, 1, 3]
    assert trails.places.tolist() == [0, 1, 2, 0, 0, 0]
    some = trails.take(np.array([3, 0]))
    assert some.items.tolist() == [1, 3, 2, 5, 0]
    assert some.places.tolist() == [0, 0, 0, 1, 2]
    part = trails.part(1, 4)
    assert part.indptr.tolist() == [0, 0, 1, 3]
    assert part.items.tolist() == [4, 1, 3]
    assert part.places.tolist() == [0, 0, 0]


def test_items_of_long_ago_are_left_out():
    x = csr_of([{i: 0.8**i for i in range(PLACES + 5)}, {3: 1.0}], PLACES + 5)
    trails = Trails.of(x, PLACES + 5)
    assert trails.items.tolist() == [*range(PLACES), 3]


def pooled_by_hand(row, n_labels, items, attention):
    """The same of one example, item by item."""
    own = {item: value for item, value in row.items() if item < n_labels}
    places = {i: sum(other > value for other in own.values()) for i, value in own.items()}
    latest = np.mean([items[i] for i, place in places.items() if place == 0], axis=0)
    energies = {}
    for i, place in places.items():
        inner = (items[i] + attention.places[place]) @ attention.key
        inner = inner + latest @ attention.query + attention.offset
        energies[i] = np.exp((1 / (1 + np.exp(-inner))) @ attention.energy)
    pooled = sum(energies[i] * items[i] for i in own) / sum(energies.values())
    made = np.concatenate([pooled, latest]) @ attention.output
    return made / np.linalg.norm(made)


def test_examples_are_pooled_as_the_formula_says():
    items, attention = drawn()
    trails = Trails.of(X, 9)
    pooled = Pooled.of(trails, items[trails.items], attention)
    assert pooled.rows.tolist() == [0, 2, 3]
    for row, direction in zip(pooled.rows, pooled.directions, strict=True):
        np.testing.assert_allclose(direction, pooled_by_hand(ROWS[row], 9, items, attention))


def test_the_gradient_is_that_of_differences():
    items, attention = drawn()
    trails = Trails.of(X, 9)
    weights = np.random.default_rng(1).normal(size=(3, DIM))

    def loss(vectors, attention):
        return float((Pooled.of(trails, vectors, attention).directions * weights).sum())

    vectors = items[trails.items]
    of_items, of_attention = Pooled.of(trails, vectors, attention).gradient(
        trails, weights, attention
    )
    step = 1e-6
    for place in np.ndindex(vectors.shape):
        up, down = vectors.copy(), vectors.copy()
        up[place], down[place] = up[place] + step, down[place] - step
        slope = (loss(up, attention) - loss(down, attention)) / (2 * step)
        assert of_items[place] == pytest.approx(slope, abs=1e-6)
    for name, array in attention.named().items():
        for place in np.ndindex(array.shape):
            up, down = array.copy(), array.copy()
            up[place], down[place] = up[place] + step, down[place] - step
            ups, downs = replace(attention, **{name: up}), replace(attention, **{name: down})
            slope = (loss(vectors, ups) - loss(vectors, downs)) / (2 * step)
            assert getattr(of_attention, name)[place] == pytest.approx(slope, abs=1e-6), name


def test_the_loss_is_a_softmax_whose_negatives_stand_for_others():
    rng = np.random.default_rng(2)
    directions, wanted, others = (rng.normal(size=(n, DIM)) / 2 for n in (2, 2, 4))
    labels, drawn = np.array([5, 3], np.int32), np.array([7, 5, 9, 7], np.int32)
    stands, factors = rng.uniform(0.5, 9, 4), np.array([0.3, 1.2])

    def loss(directions, wanted, others):
        own = np.exp(SCALE * (directions * wanted).sum(axis=1))
        stand = stands * np.exp(SCALE * directions @ others.T)
        return (
            factors * np.log(1 + np.where(drawn == labels[:, None], 0, stand).sum(1) / own)
        ).sum()

    got = Negatives(drawn, others, stands).slopes(directions, labels, wanted, factors)
    given, step = [directions, wanted, others], 1e-6
    for array, slopes in zip(given, got, strict=True):
        assert slopes.shape == array.shape
        for place in np.ndindex(array.shape):
            before = array[place]
            array[place] = before + step
            up = loss(*given)
            array[place] = before - step
            slope = (up - loss(*given)) / (2 * step)
            array[place] = before
            assert slopes[place] == pytest.approx(slope, abs=1e-5)


def test_the_gradient_by_vectors_is_that_of_differences():
    vectors, weights = np.random.default_rng(3).normal(size=(2, 2, DIM))
    got, step = through_lengths(weights.copy(), vectors), 1e-6
    for place in np.ndindex(vectors.shape):
        up, down = vectors.copy(), vectors.copy()
        up[place] += step
        down[place] -= step
        slope = ((unit_rows(up)[0] - unit_rows(down)[0]) * weights).sum() / (2 * step)
        assert got[place] == pytest.approx(slope, abs=1e-6)
    nothing = through_lengths(np.ones((1, DIM), np.float32), np.zeros((1, DIM), np.float32))
    assert np.isfinite(nothing).all()


def test_entries_are_grouped_by_their_numbers():
    numbers = np.array([4, 0, 4, 2, 0, 4], np.int32)
    distinct, places, bounds = grouped(numbers)
    assert distinct.tolist() == [0, 2, 4]
    assert places.tolist() == [1, 4, 3, 0, 2, 5]
    assert bounds.tolist() == [0, 2, 3, 6]
    rows = np.arange(12.0).reshape(6, 2)
    sums = summed(rows, bounds, np.ones(6, np.float32), places)
    assert sums.tolist() == [rows[numbers == number].sum(axis=0).tolist() for number in distinct]


@pytest.fixture
def embeddings():
    items, attention = drawn(np.float32, n=9)
    return Embeddings(items / np.linalg.norm(items, axis=1, keepdims=True), attention)


def test_logits_are_cosines_times_the_scale(embeddings):
    wanted = CSR.of_cells(np.array([0, 4, 13, 18, 35]), np.zeros(5, np.float32), (4, 9))
    got = embeddings.logits(X, wanted, BACKEND)
    vectors = embeddings.pooled(X)
    expected = vectors[wanted.row_numbers()] * embeddings.items[wanted.indices]
    np.testing.assert_allclose(got, expected.sum(axis=1), atol=1e-5)
    assert vectors[1].tolist() == [0, 0, 0]
    np.testing.assert_allclose(np.linalg.norm(vectors[[0, 2, 3]], axis=1), SCALE, rtol=1e-6)


def test_they_come_back_from_their_tensors(embeddings):
    stored = embeddings.tensors("near_") | {"near_weights": np.zeros(7, np.float32)}
    assert Embeddings.read(dict(stored), "other_") is None
    read = Embeddings.read(stored, "near_")
    assert list(stored) == ["near_weights"]
    read.check(9)
    np.testing.assert_array_equal(read.pooled(X), embeddings.pooled(X))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"items": np.zeros((8, DIM), np.float32)}, "items of embeddings"),
        ({"items": np.zeros(9, np.float32)}, "no matrix"),
        ({"items": np.full((9, DIM), np.nan, np.float32)}, "items of embeddings"),
        ({"key": np.zeros((DIM, 2), np.float32)}, "key of embeddings"),
        ({"places": np.zeros((PLACES, DIM))}, "places of embeddings"),
    ],
)
def test_what_does_not_fit_is_refused(embeddings, change, says):
    attention = replace(embeddings.attention, **{k: v for k, v in change.items() if k != "items"})
    items = change.get("items", embeddings.items)
    with pytest.raises(ValueError, match=says):
        Embeddings(items, attention).check(9)
