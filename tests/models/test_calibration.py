"""Probabilities of logits, on answers whose probabilities are known."""

import numpy as np
import pytest
from conftest import csr_of

from slide.core.examples.dataset import Dataset
from slide.core.examples.scored import DEEPEST, Scored
from slide.core.models.calibration import FEWEST_HITS, Calibration, label_parts
from slide.core.models.curves import Curve, calibration_error
from slide.core.models.probabilities import sigmoid

N_LABELS = 34
COUNTS = np.array(
    [100] * 6 + [60] * 10 + [35] * 17 + [0]
)  # a head, a torso, a tail, and one unseen
SHARES = {0: 0.9, 1: 0.5, 2: 0.2}  # of right answers at the highest logits, by part


def drawn(n, seed=0, k=6):
    """Answers whose probability rises with the logit, to another height in each part."""
    rng = np.random.default_rng(seed)
    labels = np.array([rng.permutation(N_LABELS - 1)[:k] for _ in range(n)], np.int32)
    scores = rng.normal(-1, 1.5, (n, k)).astype(np.float32)
    rows = [
        {int(label): 1.0 for label in these[hit]}
        for these, hit in zip(labels, rng.random((n, k)) < truth(scores, labels), strict=True)
    ]
    return Scored(labels, scores, csr_of(rows, N_LABELS))


def truth(scores, labels):
    heights = np.array([SHARES.get(part, 0) for part in label_parts(COUNTS)])
    return heights[labels] / (1 + np.exp(-2 * (scores.astype(float) + 1)))


def test_known_probabilities_are_found_and_the_sigmoid_does_not():
    calibration, fresh = Calibration.fitted(drawn(3000), COUNTS), drawn(3000, seed=1)
    found = calibration.probabilities(fresh.scores, fresh.labels)
    known = truth(fresh.scores, fresh.labels)
    assert found.dtype == np.float32
    parts = calibration.parts[fresh.labels]
    for part in SHARES:  # each by itself: one curve for all would be far from all of them
        assert abs(found - known)[parts == part].mean() < 0.03
        assert abs(sigmoid(fresh.scores) - known)[parts == part].mean() > 0.05
        of_part = found[parts == part], fresh.hits[parts == part]
        assert calibration_error(*of_part) < 0.03
    before = calibration_error(sigmoid(fresh.scores).ravel(), fresh.hits.ravel())
    after = calibration_error(found.ravel(), fresh.hits.ravel())
    assert after < before / 5
    assert calibration.error == pytest.approx(after, abs=0.02)


def test_labels_of_a_part_keep_their_order():
    calibration = Calibration.fitted(drawn(500), COUNTS)
    scores = np.linspace(-9, 9, 2000, dtype=np.float32)
    for label in range(N_LABELS):
        found = calibration.probabilities(scores[None], np.full((1, 2000), label, np.int32))
        assert np.isfinite(found).all()
        assert (np.diff(found) >= 0).all()
        assert 0 <= found.min() <= found.max() <= 1
        assert len(np.unique(found)) > 500 or label == N_LABELS - 1  # a line, and not some steps


def test_nothing_is_certain_of_what_few_examples_show():
    everything, nothing = np.ones(20, bool), np.zeros(20, bool)
    scores = np.arange(20.0)
    for right in (everything, nothing):
        curve = Curve.fitted(scores, right, 0, 0)
        assert 0 < curve.at(np.array([-9.0]))[0] <= curve.at(np.array([99.0]))[0] < 1
    assert Curve.fitted(scores, everything, 0, 0).at(19.0) > 0.9
    assert Curve.fitted(scores, nothing, 0, 0).at(0.0) < 0.1
    assert Curve.fitted(scores[:0], everything[:0], 99, 9).at(0.0) == pytest.approx(10 / 101)


def test_the_lowest_logit_has_the_share_of_pairs_that_were_no_answer():
    """All labels asked for are not each as likely as the worst of the answers."""
    right = np.arange(40) % 2 == 0
    curve = Curve.fitted(np.ones(40) + np.arange(40) / 40, right, 100_000, 100)
    assert curve.at(-1.0) == pytest.approx(0.001, rel=0.1)
    assert curve.at(1.5) == pytest.approx(0.5, abs=0.1)


def test_answers_of_one_logit_have_one_probability():
    curve = Curve.fitted(np.zeros(10), np.arange(10) < 3, 0, 0)
    assert curve.scores.tolist() == [0]
    assert curve.at(0.0) == pytest.approx(4 / 12)


def test_the_error_of_a_hand_worked_example():
    """Bins of 0.1 and of 0.9: |0.5 - 0.1| and |1 - 0.9|, two of four answers each."""
    probabilities, right = np.array([0.1, 0.1, 0.9, 0.9]), np.array([True, False, True, True])
    assert calibration_error(probabilities, right) == pytest.approx(0.25)
    assert calibration_error(np.array([0.0, 1.0]), np.array([False, True])) == 0
    assert calibration_error(np.array([1.0]), np.array([False])) == 1
    assert calibration_error(probabilities[:0], right[:0]) == 0


def test_the_error_is_of_answers_that_a_curve_has_not_seen():
    """Every other example is right, whose halves say the contrary of each other."""
    labels = np.tile(np.arange(6, dtype=np.int32), (400, 1))
    y = csr_of([dict.fromkeys(range(6), 1.0) if row % 2 else {} for row in range(400)], N_LABELS)
    scores = np.random.default_rng(0).random((400, 6)).astype(np.float32)
    scored = Scored(labels, scores, y)
    calibration = Calibration.fitted(scored, COUNTS)
    assert calibration.n_examples == 400
    assert calibration_error(*calibration.judged(scored)) < 0.1
    assert calibration.error > 0.95


def test_a_part_with_few_right_answers_has_the_curve_of_all():
    scored = drawn(1000)
    few = Scored(scored.labels, scored.scores, scored.y.where(scored.y.indices < 16))  # no tail
    head, torso, tail = Calibration.fitted(few, COUNTS).curves
    assert not np.array_equal(head.scores, torso.scores)
    labels = np.full((1, 1), 20, np.int32)
    own = Calibration.fitted(scored, COUNTS).probabilities(np.ones((1, 1), np.float32), labels)
    assert tail.at(1.0) != own[0, 0]
    assert tail.at(1.0) > torso.at(1.0) / 4  # though no label of the tail was right
    assert few.hits.sum() > FEWEST_HITS


def test_what_is_no_answer_and_what_nobody_has_is_never_right():
    calibration = Calibration.fitted(drawn(100), np.roll(COUNTS, 1))  # the first has no example
    labels, scores = np.array([[3, -1, 0]], np.int32), np.full((1, 3), 5, np.float32)
    assert (calibration.probabilities(scores, labels) > 0).tolist() == [[True, False, False]]
    scores[0, 1] = -np.inf
    assert calibration.probabilities(scores, labels)[0, 1] == 0


def test_one_example_is_enough_for_something():
    one = Calibration.fitted(drawn(1), COUNTS)
    assert 0 < one.probabilities(np.zeros((1, 1), np.float32), np.zeros((1, 1), np.int32))[0, 0] < 1
    assert one.error >= 0


def test_pairs_that_are_neither_right_nor_wrong_are_no_answers():
    y, left_out = csr_of([{0: 1.0}, {2: 1.0}], 4), csr_of([{1: 1.0}, {}], 4)
    labels, scores = np.array([[1, 0], [1, 2]], np.int32), np.zeros((2, 2), np.float32)
    scored = Scored.of(labels, scores, Dataset(y, y, left_out))
    assert scored.labels.tolist() == [[-1, 0], [1, 2]]
    assert scored.hits.tolist() == [[False, True], [False, True]]


def test_labels_that_nobody_knows_are_no_misses():
    """An evaluation has columns beyond those of the model for them."""
    scored = drawn(200)
    beyond = csr_of([{N_LABELS + 3: 1.0}] * 200, N_LABELS + 4)
    y = scored.y.to_scipy()
    y.resize(beyond.shape)
    wide = Scored(scored.labels, scored.scores, type(beyond).from_scipy(y + beyond.to_scipy()))
    for one, other in zip(
        Calibration.fitted(wide, COUNTS).curves, Calibration.fitted(scored, COUNTS).curves,
        strict=True,
    ):  # fmt: skip
        np.testing.assert_array_equal(one.probabilities, other.probabilities)


@pytest.mark.parametrize(
    ("scores", "probabilities"),
    [
        ([], []), ([0.0, 1.0], [0.5]), ([1.0, 0.0], [0.1, 0.2]), ([0.0, 0.0], [0.1, 0.2]),
        ([0.0, 1.0], [0.2, 0.1]), ([0.0], [1.5]), ([0.0], [-0.1]), ([np.nan], [0.1]),
        ([0.0], [np.nan]), ([0.0, np.inf], [0.1, 0.2]), ([[0.0]], [[0.1]]),
    ],
)  # fmt: skip
def test_what_is_no_curve_is_refused(scores, probabilities):
    with pytest.raises(ValueError, match="curve"):
        Curve(np.array(scores, float), np.array(probabilities, float))


def test_twenty_labels_of_an_example_are_asked_for():
    assert DEEPEST == 20
