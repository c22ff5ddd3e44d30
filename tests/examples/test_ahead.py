"""Batches on disk are read while the step before is computed, and come as they are."""

from dataclasses import dataclass, field
from threading import current_thread

import numpy as np
import pytest
from conftest import planted

from slide.core.examples.ahead import Ahead
from slide.core.examples.dataset import Dataset
from slide.core.examples.mapped import Mapped

NONE = np.zeros(0, np.int64)
PARTS = np.arange(10), np.arange(10, 20), np.arange(20, 25)


@dataclass(frozen=True, slots=True)
class Told(Mapped):
    """Examples on disk that note who takes which of them."""

    takers: list = field(default_factory=list)

    def take(self, rows):
        self.takers.append((current_thread().name[:5], rows.tolist()))
        if rows.max() >= self.n_samples:
            raise MemoryError
        return super(Told, self).take(rows)


@pytest.fixture
def on_disk():
    data = planted(30)
    return Told(data.x, data.y)


def test_what_follows_is_taken_by_a_thread_before_it_is_wanted(on_disk):
    wanted, got = planted(30), []
    with Ahead.of(on_disk) as data:
        for rows, following in zip(PARTS, (*PARTS[1:], NONE), strict=True):
            got.append(data.take(rows, following))
            if len(following):
                data.next.result()
                assert on_disk.takers[-1] == ("ahead", following.tolist())
        assert len(on_disk.takers) == len(PARTS)
        again = data.take(PARTS[0], NONE)
        np.testing.assert_array_equal(again.x.values, wanted.take(PARTS[0]).x.values)
    for rows, batch in zip(PARTS, got, strict=True):
        np.testing.assert_array_equal(batch.x.values, wanted.take(rows).x.values)
        np.testing.assert_array_equal(batch.y.indices, wanted.take(rows).y.indices)


def test_examples_in_memory_are_taken_when_they_are_wanted():
    with Ahead.of(planted(30)) as data:
        batch = data.take(*PARTS[:2])
        assert data.reader is data.next is None
    assert isinstance(batch, Dataset)
    assert batch.n_samples == 10


def test_what_fails_in_the_thread_is_raised_where_it_is_wanted(on_disk):
    with Ahead.of(on_disk) as data:
        data.take(PARTS[0], np.array([30]))
        with pytest.raises(MemoryError):
            data.take(np.array([30]), NONE)
