"""Training from a data folder: the bits of training in memory, from a few examples at a time."""

import tracemalloc
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

import numpy as np
import pytest
from conftest import planted

from slide.core.contract import arrays, lists
from slide.core.contract.arrays import CSR
from slide.core.contract.opening import opened
from slide.core.direct import connecting, inputs, mapped
from slide.core.errors import DataError
from slide.core.examples import scratch
from slide.core.examples.dataset import Dataset
from slide.core.examples.scratch import Scratch
from slide.core.learners.kinds import kind_of
from slide.core.learners.recipe import recipe
from slide.core.runs.trainer import Trainer
from slide.core.svm import cells, near, on_disk, parts, shortlists, solving, splitting
from slide.core.svm.on_disk import InOrder
from slide.core.svm.run import SvmRun
from slide.data import convert_to_folder, read, write
from slide.data.folders.writing import FolderWriter

KINDS = {
    "direct": {"lr": 1.0},
    "direct of pairs": {"lr": 1.0, "pairs": True},
    "direct in windows": {"lr": 1.0, "shuffle_window": 200},
    "hidden": {"hidden": 16, "active": 40, "batch_size": 64},
    "svm": {},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A data folder."""
    path = tmp_path_factory.mktemp("planted")
    write(planted(600), path / "a.npz")
    convert_to_folder([path / "a.npz"], path / "a")
    return path / "a"


@contextmanager
def few_at_a_time(entries=700, pairs=900):
    """All that is computed by parts is computed by many."""
    sizes = {
        (mapped, "ENTRIES_AT_A_TIME"): entries,
        (connecting, "LABELS_AT_A_TIME"): pairs,
        (scratch, "ENTRIES_AT_A_TIME"): entries,
        (near, "ENTRIES_AT_A_TIME"): entries,
        (near, "LISTED_AT_A_TIME"): entries,
        (solving, "ENTRIES_AT_A_TIME"): entries,
        (on_disk, "ENTRIES_AT_A_TIME"): entries,
        (on_disk, "NEARBY"): 10 * entries,
        (arrays, "AT_A_TIME"): entries,
        (lists, "AT_A_TIME"): entries,
        (inputs, "ROWS_AT_A_TIME"): 100,
        (solving, "MINED_AT_A_TIME"): 90,
        (parts, "PAIRS_AT_A_TIME"): pairs // 4,
        (parts, "PARTS_AT_ONCE"): 3,
        (parts, "ENTRIES_AT_A_TIME"): entries,
        (shortlists, "SOLVED_AT_A_TIME"): 20 * pairs,
        (cells, "DRAWN_AT_A_TIME"): pairs // 3,
    }
    with ExitStack() as stack:
        for (module, name), size in sizes.items():
            stack.enter_context(patch.object(module, name, size))
        yield


@pytest.fixture(autouse=True)
def short_lists():
    """Of the examples of a feature, so that those which are near are cut, too."""
    with patch.object(splitting, "COMMON", 20):
        yield


def trained(data, backend, **chosen):
    """The tensors of a model."""
    model = Trainer(recipe(data, epochs=1, **chosen), backend).fit(data)
    return kind_of(model.config).tensors(model.network, model.backend)


@pytest.mark.parametrize("kind", KINDS)
def test_the_bits_are_those_of_training_in_memory(kind, folder):
    in_memory = trained(read(folder.with_name("a.npz")), "numba", **KINDS[kind])
    with few_at_a_time():
        from_disk = trained(read(folder), "numba", **KINDS[kind])
    assert in_memory.keys() == from_disk.keys()
    for name, array in in_memory.items():
        np.testing.assert_array_equal(array, from_disk[name], name)


def test_the_same_examples_are_found_near_to_some(folder):
    mapped_data, rows = read(folder), np.arange(0, 600, 7)
    in_memory = mapped_data.take(np.arange(600))
    with patch.object(splitting, "NEAR", 0.2):
        wanted = splitting.other_parts(in_memory, rows, opened("numba"))
        with few_at_a_time():
            found = splitting.other_parts(mapped_data, rows, opened("numba"))
    assert (wanted >= 0).mean() > 0.5
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("kind", KINDS)
def test_examples_on_disk_are_taken_few_at_a_time(kind, folder):
    """Nobody makes inputs, or copies, of all examples."""
    data, taken, take, all_inputs = read(folder), [], CSR.take, inputs.Inputs.of

    def taking(self, rows):
        if self.n_cols >= data.n_features:
            taken.append(len(rows))
        return take(self, rows)

    def of(self, x):
        taken.append(x.n_rows)
        return all_inputs(self, x)

    config = recipe(data, epochs=1, **{"batch_size": 32} | KINDS[kind]) if kind != "svm" else None
    with (
        few_at_a_time(),
        patch.object(splitting, "OF_FEW", 0.1),  # as of many, which is asked about
        patch.object(CSR, "take", taking),
        patch.object(inputs.Inputs, "of", of),
        patch("slide.core.direct.connecting.EXAMPLES_FOR_GROWTH", 64),
    ):
        Trainer(config or recipe(data, epochs=1), "numba").fit(data)
    assert taken
    assert max(taken) <= 100


def test_rounds_go_on_from_files_that_are_made_again(folder):
    data, backend = read(folder), opened("numba")
    config = recipe(data, epochs=2)
    with few_at_a_time():
        run = SvmRun.begin(config, backend, data)
        run.step(run.data, 0.0)
        resumed = SvmRun.resume(config, backend, data, run.state())
        for each in (run, resumed):
            each.step(each.data, 0.0)
            each.finish()
    assert isinstance(resumed.data, InOrder)
    np.testing.assert_array_equal(resumed.layer.lists.cells, run.layer.lists.cells)
    np.testing.assert_array_equal(resumed.output_weight, run.output_weight)


def test_nothing_is_left_of_what_was_made_for_training(folder):
    before = sorted(folder.iterdir())
    (numbers,) = Scratch(folder).columns((np.arange(n),) for n in (2, 0, 3))
    assert numbers.tolist() == [0, 1, 0, 1, 2]
    assert not numbers.flags.writeable
    assert sorted(folder.iterdir()) == before


def test_a_full_disk_is_told_in_a_sentence(folder):
    file = patch("tempfile.TemporaryFile", side_effect=OSError(28, "No space left on device"))
    with file, pytest.raises(DataError, match=r"temporary files.*\(No space left.*make room"):
        trained(read(folder), "numba")


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """A folder of examples with many features, and its bytes: 10 MB. Half have the first label."""
    n, n_features, rng = 12_000, 100, np.random.default_rng(0)
    columns = 5 * np.arange(n_features) + rng.integers(5, size=(n, n_features))
    values = rng.random(n * n_features, np.float32)
    x = CSR(n_features * np.arange(n + 1), columns.astype(np.int32).ravel(), values, 500)
    ones = np.ones(n, np.float32)
    labels = rng.integers(20, size=n).astype(np.int32) * (np.arange(n) % 2)
    y = CSR(np.arange(n + 1), labels.astype(np.int32), ones, 20)
    folder = tmp_path_factory.mktemp("wide") / "made"
    folder.mkdir()
    writer = FolderWriter(folder)
    writer.append(Dataset(x, y))
    writer.finish()
    writer.close()
    return folder, writer.n_bytes


LITTLE = {  # a hidden layer of examples is a part of the model, which is in memory
    "direct": {"lr": 1.0, "active": 5, "layers": 1},
    "direct in windows": {"lr": 1.0, "active": 5, "shuffle_window": 2000, "layers": 1},
    "hidden": {"hidden": 4, "active": 5, "K": 2, "L": 2},
    "svm": {"negatives": 20, "negatives_per_example": 1.0, "active": 1},
}


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[pytest.mark.slow] * (kind == "svm")) for kind in LITTLE]
)
def test_training_holds_less_than_the_data(kind, wide):
    """What is larger than a few examples at a time, or a few numbers each, stays on disk."""
    folder, n_bytes = wide
    some = read(folder).take(np.arange(200))
    Trainer(recipe(some, epochs=1, **LITTLE[kind]), "numba").fit(some)  # kernels that stay
    few = few_at_a_time(entries=20_000, pairs=10_000)
    tracemalloc.start()
    try:
        with few, patch.object(splitting, "OF_FEW", 0.1):  # as of many, which is asked about
            data = read(folder)
            Trainer(recipe(data, epochs=1, **LITTLE[kind]), "numba").fit(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    print(peak / n_bytes)
    assert peak < 0.7 * n_bytes
