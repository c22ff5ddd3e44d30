"""What is counted in a set of examples, against sets counted by hand and by NumPy."""

import json

import numpy as np
import pytest
from conftest import csr_of, planted

import slide
from slide.core.contract.arrays import Block
from slide.core.examples.dataset import Dataset
from slide.core.examples.names import Names
from slide.core.examples.statistics import Statistics

ROWS = [{0: 1.0, 3: 1.0}, {}, {3: 1.0}, {0: 1.0, 3: 1.0}, {0: 1.0, 3: 1.0}]
LABELS = [{1: 1.0}, {1: 1.0, 2: -1.0}, {}, {1: 1.0}, {2: 1.0, 4: 1.0}]


def test_counts_by_hand():
    names = Names(f"word {i}" for i in range(5))
    told = Statistics.of(Dataset(csr_of(ROWS, 5), csr_of(LABELS, 6), feature_names=names))
    assert (told.n_samples, told.n_features, told.n_labels) == (5, 5, 6)
    assert (told.features_in_use, told.labels_in_use, told.labels_without_examples) == (2, 3, 3)
    assert (told.n_values, told.n_pairs, told.negatives, told.left_out) == (7, 5, 1, 0)
    assert (told.without_features, told.without_labels, told.duplicates) == (1, 1, 1)
    assert told.density == 7 / 10
    assert told.features_per_example == (1.4, 0, 1, 2, 2, 2)
    assert told.examples_per_label == (5 / 3, 1, 1, 1, 2, 3)
    assert (told.values, told.smallest, told.largest) == ("binary", 1, 1)
    assert (told.feature_names, told.label_names) == (5, None)
    assert [(part.name, part.n_labels, part.most) for part in told.parts] == [
        ("head", 1, 3),
        ("torso", 2, 1),
    ]
    assert sum(part.share for part in told.parts) == pytest.approx(1)
    assert json.loads(json.dumps(told.to_dict()))["features_per_example"]["half"] == 2


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (csr_of([{0: 2.0, 1: 2.0}, {1: 3.0}], 2), "even"),
        (csr_of([{0: 2.0, 1: 1.0}, {1: 3.0}], 2), "weighted"),
        (csr_of([{}, {}], 2), "none"),
        (Block.of(np.array([[0.0, 1.0], [2.0, 3.0]], np.float32)), "dense"),
    ],
)
def test_values_have_a_kind(x, expected):
    told = Statistics.of(Dataset(x, csr_of([{0: 1.0}, {}], 1)))
    assert told.values == expected
    assert told.without_features == (2 if expected == "none" else 0)


def test_ids_that_are_few_of_many_take_no_memory():
    x = csr_of([{7: 1.0}, {2**31 - 3: 1.0}], 2**31 - 2)
    told = Statistics.of(Dataset(x, csr_of([{2**31 - 3: 1.0}, {5: 1.0}], 2**31 - 2)))
    assert (told.features_in_use, told.labels_in_use, told.density) == (2, 2, 0.5)
    assert told.labels_without_examples == 2**31 - 4


def test_a_mapped_folder_says_the_same(tmp_path):
    train = planted(300)
    slide.write(train, tmp_path / "train.txt")
    from slide.data import convert_to_folder

    convert_to_folder([tmp_path / "train.txt"], tmp_path / "folder")
    read, mapped = (Statistics.of(slide.read(tmp_path / name)) for name in ("train.txt", "folder"))
    assert read == mapped


def test_no_example_at_all_is_no_trouble():
    told = Statistics.of(Dataset(csr_of([], 3), csr_of([], 2)))
    assert (told.n_samples, told.parts, told.examples_per_label) == (0, (), None)
