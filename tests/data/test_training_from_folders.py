"""Training from a data folder: the bits of training in memory, from a few examples at a time."""

from contextlib import ExitStack, contextmanager
from unittest.mock import patch

import numpy as np
import pytest
from conftest import planted

from slide.core.contract import arrays, lists
from slide.core.direct import inputs, mapped
from slide.core.examples.mapped import Mapped
from slide.core.learners.kinds import kind_of
from slide.core.learners.recipe import recipe
from slide.core.runs.trainer import Trainer
from slide.data import convert_to_folder, read, write

KINDS = {
    "direct": {"lr": 1.0},
    "direct of pairs": {"lr": 1.0, "pairs": True},
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
def few_at_a_time():
    """All that is computed by parts is computed by many."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(mapped, "ENTRIES_AT_A_TIME", 700))
        stack.enter_context(patch.object(inputs, "ROWS_AT_A_TIME", 100))
        for module in (arrays, lists):
            stack.enter_context(patch.object(module, "AT_A_TIME", 1000))
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


def test_examples_on_disk_are_taken_by_batches(folder):
    """Nobody makes inputs, or copies, of all examples."""
    taken = []
    original = Mapped.take

    def take(self, rows):
        taken.append(len(rows))
        return original(self, rows)

    data = read(folder)
    config = recipe(data, lr=1.0, epochs=1, batch_size=32)
    all_inputs = inputs.Inputs.of

    def of(self, x):
        taken.append(x.n_rows)
        return all_inputs(self, x)

    with (
        patch.object(Mapped, "take", take),
        patch.object(inputs.Inputs, "of", of),
        patch.object(mapped, "ENTRIES_AT_A_TIME", 700),
        patch("slide.core.direct.connecting.EXAMPLES_FOR_GROWTH", 64),
    ):
        Trainer(config, "numba").fit(data)
    assert taken
    assert max(taken) <= 100
