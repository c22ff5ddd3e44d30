"""What shards are answered, against what one process finds; and the talk in which they ask."""

import numpy as np
import pytest
from direct_settings import BACKEND
from hypothesis import given
from hypothesis import strategies as st

from slide.core.contract.arrays import CSR
from slide.distributed.group import n_bytes_of
from slide.distributed.kernels import Competing, as_sets
from slide.distributed.questions import Question, answers_to, beside
from slide.distributed.ranges import Range, bounds_of, ranges_of, split
from slide.distributed.talking import AbandonedError, Talk

SCORES = st.integers(-3, 3).map(np.float32) | st.just(np.float32(-np.inf))


@given(st.lists(st.lists(SCORES, min_size=4, max_size=4), min_size=1, max_size=4))
def test_the_best_of_all_shards_are_their_first_ones(rows):
    scores = [np.sort(np.array([row], np.float32))[:, ::-1].copy() for row in rows]
    counts = [
        parts[0][0] for parts in answers_to([Question("best", (s,)) for s in scores], BACKEND)
    ]
    every = [(-s, rank, place) for rank, own in enumerate(scores) for place, s in enumerate(own[0])]
    chosen = [each for each in sorted(every)[:4] if each[0] < np.inf]
    assert counts == [sum(each[1] == rank for each in chosen) for rank in range(len(scores))]


@given(st.data())
def test_lists_are_cut_as_one_process_cuts_them(data):
    n, d, limit = 12, 5, data.draw(st.integers(1, 4))
    dense = np.array(data.draw(st.lists(st.integers(-1, 2), min_size=n * d, max_size=n * d)))
    w = CSR.from_scipy(np_csr(dense.reshape(n, d)))
    base = np.array(data.draw(st.lists(st.integers(0, 1), min_size=n, max_size=n)), np.float32)
    bounds = sorted(data.draw(st.sets(st.integers(1, n - 1), min_size=1, max_size=3)))
    ranges = ranges_of([0, *bounds, n])
    talks = [Talk() for _ in ranges]

    def inverted(rank):
        own = ranges[rank]
        kernels = Competing(BACKEND, talks[rank].ask, rank, len(ranges))
        part = w.take(np.arange(own.begin, own.end))
        return kernels.invert(part, own.of(base), limit)

    replies = [talk.begin(lambda rank=rank: inverted(rank)) for rank, talk in enumerate(talks)]
    while replies[0].question:
        answers = answers_to([reply.question for reply in replies], BACKEND)
        replies = [talk.answer(answer) for talk, answer in zip(talks, answers, strict=True)]
    whole = BACKEND.invert(w, base, limit)
    for f in range(d):
        cut = [(reply.result, own.begin) for reply, own in zip(replies, ranges, strict=True)]
        span = [slice(*index.offsets[f : f + 2]) for index, _ in cut]
        ids = [i.ids[s] + begin for (i, begin), s in zip(cut, span, strict=True)]
        values = [i.values[s] for (i, _), s in zip(cut, span, strict=True)]
        expected = slice(*whole.offsets[f : f + 2])
        assert np.array_equal(np.concatenate(ids), whole.ids[expected])
        assert np.array_equal(np.concatenate(values), whole.values[expected])


def np_csr(dense):
    from scipy.sparse import csr_array

    return csr_array(dense.astype(np.float32))


def test_matrices_stand_beside_each_other():
    dense = np.arange(12, dtype=np.float32).reshape(3, 4)
    parts = [CSR.from_scipy(np_csr(dense[:, part])) for part in (slice(0, 1), slice(1, 4))]
    assert np.array_equal(beside(parts).dense(), dense)
    assert as_sets(parts[0]) is parts[0]


@given(st.lists(st.integers(1, 50), min_size=6, max_size=40), st.integers(1, 6))
def test_labels_are_cut_by_what_they_cost(work, n):
    least = len(work) // n
    ranges = split(np.array(work), n, max(least // 2, 1))
    assert bounds_of(ranges)[0] == 0
    assert bounds_of(ranges)[-1] == len(work)
    assert ranges_of(bounds_of(ranges)) == ranges
    assert all(each.n >= max(least // 2, 1) for each in ranges)


def test_shares_of_the_work_are_even_where_labels_are_many():
    work = np.random.default_rng(0).integers(1, 100, 1000)
    parts = [each.of(work).sum() for each in split(work, 4)]
    assert max(parts) - min(parts) <= 2 * 100


def test_a_range_has_its_columns():
    y = CSR.from_scipy(np_csr(np.array([[1, 0, 1, 0], [0, 1, 0, 1]])))
    own = Range(1, 3).columns_of(y)
    assert np.array_equal(own.dense(), [[0, 1], [1, 0]])
    own.check()


def test_a_talk_asks_and_goes_on():
    talk = Talk()
    reply = talk.begin(lambda: talk.ask(Question("one", ()))[0] + talk.ask(Question("two", ()))[0])
    assert reply.question == Question("one", ())
    assert talk.answer((1,)).question == Question("two", ())
    assert talk.answer((2,)).result == 3


def test_a_talk_that_is_abandoned_leaves_no_thread():
    ended = []

    def work():
        try:
            talk.ask(Question("one", ()))
        except AbandonedError:
            ended.append(True)
            raise

    talk = Talk()
    talk.begin(work)
    talk.abandon()
    assert ended == [True]
    assert talk.begin(lambda: 5).result == 5


def test_what_it_raises_is_raised():
    def work():
        raise KeyError("x")

    with pytest.raises(KeyError, match="x"):
        Talk().begin(work)


def test_bytes_are_those_of_arrays():
    x = CSR.from_scipy(np_csr(np.eye(3)))
    assert n_bytes_of([(x, 3), {"no": 1}]) == 4 * 8 + 3 * 4 + 3 * 4
