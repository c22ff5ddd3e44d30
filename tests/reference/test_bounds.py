"""What the judges allow and tell: every value that may be, answers of a wrong size, sizes drawn."""

import numpy as np
import pytest

from slide.core.contract.arrays import CSR
from slide.core.contract.optim import SGD, Adagrad, Adam
from slide.core.contract.sparse import InvertedIndex
from slide.reference.bounds.balls import Ball
from slide.reference.bounds.moves import MOVES
from slide.reference.bounds.sparse import search_difference
from slide.reference.checks import check
from slide.reference.kernels import ReferenceBackend

N_ROWS = 200
LR = 0.125


def around(rng, values):
    """Balls around values, of which some are as wide as twice the value."""
    return Ball(values, np.abs(values) * rng.choice([0, 0.01, 1, 2], size=values.shape))


def inside(rng, ball, low):
    """A point of each ball that is not below `low`, often at its edge."""
    share = rng.choice([-1, 0, 1, rng.uniform(-1, 1)], size=ball.value.shape)
    return Ball(np.maximum(ball.value + share * ball.radius, low), np.zeros_like(ball.radius))


@pytest.mark.parametrize("optimizer", [SGD(), Adagrad(epsilon=1e-10), Adam(epsilon=1e-10)])
@pytest.mark.parametrize("width", [1, 3])
@pytest.mark.parametrize("number", [1, 7])
def test_a_move_lies_within_its_ball(optimizer, width, number):
    rng = np.random.default_rng(0)
    n_squares = 1 if isinstance(optimizer, Adagrad) else width
    mean = around(rng, rng.choice([0, 1e-4, -1], size=(N_ROWS, width)))
    square = around(rng, rng.choice([0, 1e-6, 1.0], size=(N_ROWS, n_squares)))
    g = around(rng, rng.choice([0, 1e-3, -1, 1], size=(N_ROWS, width)))
    move = MOVES[type(optimizer)]
    want, _, _ = move(mean, square, g, optimizer, LR, number)
    reached = 0.0
    for _ in range(20):
        point = inside(rng, mean, -np.inf), inside(rng, square, 0), inside(rng, g, -np.inf)
        away = np.abs(move(*point, optimizer, LR, number)[0].value - want.value)
        assert (away <= want.radius * (1 + 1e-9) + 1e-15).all()
        reached = max(reached, away.max())
    assert reached > 0.1 * LR


RIGHT = (2, 2)


@pytest.mark.parametrize("shape", [(1, 2), (3, 2), (2, 1), (2, 3)])
@pytest.mark.parametrize("part", ["ids", "scores"])
def test_answers_of_another_size_are_told(shape, part):
    index = InvertedIndex(
        np.array([0, 1]), np.array([0]), np.ones(1, np.float32), np.zeros(3, np.float32)
    )
    x = CSR(np.array([0, 1, 1]), np.array([0]), np.ones(1, np.float32), 1)
    none = CSR(np.zeros(3, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32), 3)
    shapes = (shape, RIGHT) if part == "ids" else (RIGHT, shape)
    got = np.full(shapes[0], -1), np.full(shapes[1], -np.inf, np.float32)
    assert search_difference(got, index, x, none, 2).startswith("ids are ")


@pytest.mark.parametrize(
    ("kernel", "names"),
    [
        ("get", "entries"),
        ("hash", "examples inputs width digits tables buckets probes row"),
        ("reinsert", "neurons tables buckets moved coded codes"),
        ("sddmm", "examples neurons width ids row"),
        ("update_rows", "neurons width touched"),
        ("top_k", "examples neurons width k row"),
        ("spgemm_t", "examples neurons inputs limit excluded row"),
        ("search", "examples neurons inputs excluded k list row"),
        ("solve_rows", "examples neurons inputs wanted start limit passes row"),
    ],
)
def test_sizes_that_were_compared_are_told(kernel, names):
    found = check(ReferenceBackend(), kernel, "repeatable", 25)
    assert found.sizes.keys() == set(names.split())
    assert all(size > 0 for size in found.sizes.values())
