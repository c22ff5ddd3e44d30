"""Arrays in shared memory: where they lie, what messages carry, when they are given back."""

import numpy as np
import pytest
from conftest import csr_of

from slide.backends.shared import memory
from slide.backends.shared.memory import Owner, Store, place_of
from slide.backends.shared.messages import packed, unpacked


@pytest.fixture
def store():
    owner = Owner()
    found = Store(owner.name)
    yield found
    found.close()
    owner.close()


@pytest.mark.parametrize("shape", [(), (0,), (3,), (5, 7), (2, 0, 4), (300, 5000)])
def test_an_array_lies_where_its_place_says(store, shape):
    array = store.put(np.random.default_rng(0).normal(size=shape).astype(np.float32))
    place = place_of(array)
    np.testing.assert_array_equal(store.array_at(place), array)
    assert store.put(array) is array
    assert place_of(array.copy()) is None


def test_views_have_places_too(store):
    array = store.put(np.arange(24, dtype=np.int32).reshape(4, 6))
    for view in (array[1:3, ::2], array.T, array[:, -1], array[::-1]):
        np.testing.assert_array_equal(store.array_at(place_of(view)), view)


def test_a_message_carries_places_and_small_arrays(store):
    x = csr_of([{0: 1.0, 2: 2.0}, {1: 3.0}], 3)
    large = store.put(np.arange(5000))
    message, copies = packed((x, large, np.arange(1000)), store)
    assert len(message) < 2000
    assert len(copies) == 1  # the array that was not there
    again, same, copied = unpacked(message, store)
    same[0] = 7
    assert large[0] == 7
    np.testing.assert_array_equal(copied, np.arange(1000))
    np.testing.assert_array_equal(again.to_scipy().toarray(), x.to_scipy().toarray())


def test_a_segment_is_used_again_when_nobody_looks_at_it(store):
    first = store.put(np.zeros(1000))
    name = place_of(first).segment
    view = first[10:]
    del first
    assert place_of(store.put(np.zeros(1000))).segment != name
    del view
    assert place_of(store.put(np.ones(1000))).segment == name


def test_large_segments_are_given_back(store, monkeypatch):
    monkeypatch.setattr(memory, "LARGE", 1 << 16)
    array = store.put(np.zeros(1 << 17, np.int8))
    name = place_of(array).segment
    del array
    assert store.dropped == [name]
    assert name not in store.owned


def test_sizes_waste_little():
    for n_bytes in (0, 1, 4096, 4097, 1 << 20, (1 << 22) + 1, 50_000_000, 100_000_001):
        size = memory.size_for(n_bytes)
        assert size >= max(n_bytes, 1)
        assert size % 4096 == 0
        assert n_bytes <= memory.MEDIUM or size < 1.13 * n_bytes


def test_names_are_never_shared_and_orphans_are_swept(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "FOLDER", tmp_path)
    monkeypatch.setattr(memory, "remove", lambda prefix: removed.append(prefix))
    removed = []
    alive, dead = Owner(), Owner()
    assert alive.name != dead.name
    dead.file.close()  # as the system does when a process dies
    orphan = "slide-0123456789abcdef-3"
    for name in (orphan, f"{alive.name}-1"):
        (tmp_path / name).write_text("")
    monkeypatch.setattr(memory, "unlink", lambda name: (tmp_path / name).unlink())
    (tmp_path / "slide-of-somebody-else.owner").write_text("")
    memory.sweep()
    assert removed == [dead.name]
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{alive.name}.owner", f"{alive.name}-1", "slide-of-somebody-else.owner",
    }  # fmt: skip
    alive.close()
