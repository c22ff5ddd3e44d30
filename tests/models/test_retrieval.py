"""What sampled inference looks into: hash functions, tables and candidates of each layer."""

import numpy as np
import pytest
from conftest import csr_of

from slide.core.contract.arrays import Block
from slide.core.learners.config import Config
from slide.core.sampled.network import Network
from slide.core.sampled.retrieval import Retrieval, hashing_of, label_tables
from slide.core.sampled.settings import Hashing
from slide.core.sampled.step import activations, infer_sampled
from slide.core.settings.plan import Plan
from slide.reference.kernels import ReferenceBackend

BACKEND = ReferenceBackend()


@pytest.mark.parametrize(
    ("family", "trained_with", "chosen", "used"),
    [
        ("simhash", 15, None, 9),
        ("sparse-simhash", 6, None, 6),
        ("dwta", 12, None, 12),
        ("simhash", 15, 11, 11),
    ],
)
def test_sampled_inference_takes_nine_bits_at_most_unless_told(family, trained_with, chosen, used):
    n_digits = hashing_of(Plan(K=chosen), Hashing(family, trained_with)).K
    assert n_digits == used


def test_a_plan_says_how_many_tables_probes_entries_and_candidates():
    hashing = hashing_of(Plan(L=7, probes=3), Hashing(L=16))
    assert (hashing.L, hashing.probes) == (7, 3)
    assert (hashing_of(Plan(), Hashing(L=16)).L, hashing_of(Plan(), Hashing()).probes) == (100, 8)
    assert [Plan(candidates=0.1).budget(n) for n in (50, 10_000, 10_100, 200_000)] == [
        1000, 1000, 1010, 20_000,
    ]  # fmt: skip


def retrieval_of(seed=0):
    """Tables of two hidden layers and the output, over 9 features and 150 labels."""
    config = Config(
        hidden=(40, 40), hidden_active=(30, 20), K=5, bucket_limit=3, hash_norm=False, seed=seed
    )
    network = Network.draw(config.learner.layers, 9, 150, BACKEND, None, np.random.default_rng(0))
    return network, Retrieval.build(BACKEND, network, config, Plan(L=2, probes=2))


def test_retrieval_hashes_the_centred_rows_of_each_sampled_layer():
    network, retrieval = retrieval_of()
    queries = [layer.query for layer in retrieval.layers]
    assert [(query.budget, query.bucket_limit) for query in queries] == [
        (30, 50), (20, 50), (1000, 50),
    ]  # fmt: skip
    for layer, found in zip(network.layers, retrieval.layers, strict=True):
        weight = layer.param.weight
        codes = BACKEND.hash(weight, weight.mean(axis=0), found.functions.family)
        expected = BACKEND.build(codes, found.functions.family.n_buckets, 0, "reservoir")
        np.testing.assert_array_equal(found.tables.ids, expected.ids)
        np.testing.assert_array_equal(found.tables.offsets, expected.offsets)


def test_each_layer_and_each_seed_has_hash_functions_of_its_own():
    _, middle, output = retrieval_of()[1].layers
    other = retrieval_of(seed=1)[1].layers[-1]
    assert middle.functions.family.d == output.functions.family.d == other.functions.family.d
    assert (middle.functions.family.projection != output.functions.family.projection).any()
    assert (other.functions.family.projection != output.functions.family.projection).any()


def test_candidates_are_all_neurons_of_the_nearest_buckets():
    _, retrieval = retrieval_of()
    h = np.random.default_rng(1).standard_normal((20, 41), np.float32)
    found = retrieval.find(BACKEND, -1, Block.of(h))
    family, tables = retrieval.output.functions.family, retrieval.output.tables
    for i, codes in enumerate(BACKEND.hash(h, None, family, 2).reshape(20, 2, 2)):
        starts = [table * tables.n_buckets + codes[table].astype(int) for table in range(2)]
        buckets = [
            tables.ids[tables.offsets[start] : tables.offsets[start + 1]]
            for start in np.concatenate(starts)
        ]
        assert found.row(i)[0].tolist() == np.unique(np.concatenate(buckets)).tolist()


def test_sampled_inference_computes_no_other_hidden_units():
    network, retrieval = retrieval_of()
    x = Block.of(np.random.default_rng(1).standard_normal((20, 9), np.float32))
    a = activations(BACKEND, network, x, retrieval)
    assert 1 < a.row_lengths().max() < 41
    found = retrieval.find(BACKEND, -1, a)
    expected = BACKEND.top_k(a.dense(), network.output.param.weight, found, 3)
    for one, other in zip(infer_sampled(BACKEND, network, x, 3, retrieval), expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_examples_lay_their_labels_into_their_buckets_once():
    codes = np.array([[0, 2], [0, 1], [3, 2]], np.uint32)
    tables = label_tables(codes, csr_of([{1: 1, 4: 1}, {1: 1}, {0: 1}], 5), 4, salt=0)
    spans = zip(tables.offsets[:-1], tables.offsets[1:], strict=True)
    buckets = [sorted(tables.ids[start:end].tolist()) for start, end in spans]
    assert buckets == [[1, 4], [], [], [0], [], [1], [0, 1, 4], []]


def test_examples_with_a_label_each_fill_the_tables_as_neurons_do():
    codes = np.random.default_rng(0).integers(4, size=(50, 3)).astype(np.uint32)
    tables = label_tables(codes, csr_of([{i: 1} for i in range(50)], 50), 4, salt=5)
    expected = BACKEND.build(codes, 4, 5, "reservoir")
    np.testing.assert_array_equal(tables.ids, expected.ids)
    np.testing.assert_array_equal(tables.offsets, expected.offsets)
