"""What training never met is left out, or stands apart as a miss, and is counted."""

import warnings

import numpy as np
import pytest
from conftest import csr_of, planted

from slide.core.contract.arrays import Block
from slide.core.examples.dataset import Dataset
from slide.core.examples.numbering import Numbering
from slide.core.learners.config import Config
from slide.core.models.unseen import Unseen, UnseenWarning, known, known_features, labels_apart
from slide.core.runs.trainer import Trainer
from slide.reference.kernels import ReferenceBackend

BACKEND = ReferenceBackend()
HUGE = 2**31 - 1
SOME = Numbering(2, np.array([4, 1000], np.int32))


def test_features_beyond_the_model_are_left_out():
    x = csr_of([{0: 1.0, 5: 2.0}, {9: 3.0, 5: 4.0}, {2: 5.0}], HUGE)
    known, unseen = known_features(x, Numbering(3))
    known.check()
    assert (known.shape, known.indices.tolist()) == ((3, 3), [0, 2])
    assert known.row_lengths().tolist() == [1, 0, 1]
    assert unseen == Unseen(2, 2)


def test_features_between_the_ids_of_a_model_are_left_out():
    x = csr_of([{4: 1.0, 5: 2.0}, {999: 1.0, 1000: 3.0}], 1001)
    known, unseen = known_features(x, SOME)
    known.check()
    assert (known.n_cols, known.indices.tolist(), known.values.tolist()) == (2, [0, 1], [1, 3])
    assert unseen == Unseen(2, 2)


@pytest.mark.parametrize("n_cols", [2, 3, 900])
def test_a_number_of_columns_is_nothing_to_tell_of(n_cols):
    known, unseen = known_features(csr_of([{0: 1.0, 1: 1.0}], n_cols), Numbering(3))
    assert (known.shape, known.indices.tolist()) == ((1, 3), [0, 1])
    assert unseen == Unseen()


def test_dense_features_are_left_out_where_they_are_not_zero():
    x = Block.of(np.array([[1, 0, 0], [1, 2, 0]], np.float32))
    known, unseen = known_features(x, Numbering(1))
    assert (known.shape, known.values.tolist(), unseen) == ((2, 1), [[1], [1]], Unseen(1, 1))
    known, unseen = known_features(x, Numbering(1, np.array([1], np.int32)))
    assert (known.shape, known.values.tolist(), unseen) == ((2, 1), [2], Unseen(1, 2))


def test_labels_that_are_unknown_stand_apart():
    y = csr_of([{0: 1.0, 77: 1.0}, {77: 1.0, HUGE - 1: 1.0}, {2: 1.0}], HUGE)
    apart, unseen = labels_apart(y, Numbering(3), np.array([1, 1, 0]))
    apart.check()
    assert (apart.shape, apart.indices.tolist()) == ((3, 5), [0, 3, 3, 4, 2])
    assert unseen == Unseen(0, 0, 3, 3)


def test_labels_between_ids_come_after_those_that_are_known():
    apart, unseen = labels_apart(csr_of([{3: 1.0, 1000: 2.0}], 1001), SOME, np.array([1, 1]))
    apart.check()
    assert (apart.indices.tolist(), apart.values.tolist()) == ([1, 2], [2.0, 1.0])
    assert unseen == Unseen(0, 0, 1, 1)


def test_pairs_to_leave_out_are_those_that_a_model_could_name():
    """An unknown label is never ranked, and is no miss where its pair is left out."""
    y, pairs = csr_of([{4: 1.0}, {77: 1.0}], 1001), csr_of([{1000: 1.0, 77: 1.0}, {}], 1001)
    data = Dataset(csr_of([{}, {}], 3), y, pairs)
    found, unseen = known(data, Numbering(3), SOME, np.array([1, 1]))
    found.check()
    assert (found.left_out.cells().tolist(), found.left_out.shape) == ([1], (2, 3))
    assert unseen == Unseen(0, 0, 1, 1)


def test_a_sentence_counts_one_and_many():
    assert Unseen().sentence == ""
    assert Unseen(1, 1).sentence == "1 feature in 1 example was never seen in training: left out"
    assert (Unseen(3, 2) | Unseen(0, 0, 2, 1)).sentence == (
        "3 features in 2 examples were never seen in training: left out; "
        "2 labels in 1 example were never seen in training: counted as missed"
    )


def test_labels_inserted_into_tables_are_those_that_are_known():
    """An unknown one would be a neuron that is not there."""
    model = Trainer(Config(hidden=(8,), epochs=1, K=2, L=4), BACKEND).fit(planted(200, 20))
    some = planted(30, 20)
    y = csr_of([dict.fromkeys([*some.y.row(i)[0].tolist(), 77], 1.0) for i in range(30)], 78)
    with pytest.warns(UnseenWarning, match="1 label in 30 examples"):
        model.prepare_sampled(examples=Dataset(some.x, y))
    ids, _ = model.predict(some.x, 5, sampled=True)
    assert (ids.max(), model.retrieving.retrieval.output.tables.n_neurons) == (19, 20)


def test_only_what_there_is_warns():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Unseen().warn()
    with pytest.warns(UnseenWarning, match="1 label in 7 examples was"):
        Unseen(0, 0, 1, 7).warn()
