"""What the two kernels that write make of their parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Array, Param, RowGrad
from slide.core.contract.optim import SGD, Adagrad, Adam, Optimizer
from slide.core.contract.sparse import SparseParam
from slide.core.extending import entry
from slide.reference.bounds.comparing import EPS, TINY
from slide.reference.bounds.optimizers import update_rows_bound
from slide.reference.vectorised.segments import (
    cells,
    places_in,
    slices,
    some_rows,
    transposed,
)
from slide.reference.vectorised.terms import sparse_products
from slide.reference.vectorised.verdicts import (
    Verdict,
    Verdicts,
    is_array,
    is_constant,
    is_equal_array,
    is_near,
    is_of_type,
)

PARTS = "weight", "mean", "square"


def update_rows(
    got: Any,
    exact: bool,
    param: Param,
    grad: RowGrad,
    optimizer: Optimizer,
    lr: float,
    step: int,
) -> Verdicts:
    """Touched rows as the optimizer moves them, all others as they were."""
    yield is_of_type(got, Param)
    for name in PARTS:
        yield is_array(getattr(got, name), np.float32, getattr(param, name).shape, f"result.{name}")
    touched = np.zeros(len(param.weight), bool)
    touched[grad.rows] = True
    for name in PARTS:
        yield from others_kept(getattr(got, name), getattr(param, name), touched, name)
    for part in slices(len(grad.rows), grad.values.shape[1]):
        rows = grad.rows[part]
        before = Param(*(getattr(param, name)[rows].astype(np.float64) for name in PARTS))
        some = RowGrad(np.arange(len(rows)), grad.values[part].astype(np.float64))
        bound = update_rows_bound(before, some, optimizer, lr, step)
        want = moved(before, some.values, optimizer, lr, step)
        for name in PARTS:
            found, allowed = getattr(got, name)[rows], getattr(bound, name)
            told_name = f"result.{name} of touched rows"
            yield is_near(found, getattr(want, name), allowed, told_name, (part.start,))


def others_kept(got: Array, before: Array, touched: Array, name: str) -> Verdicts:
    """Whether all rows but those touched are as they were."""
    for part in slices(len(got), got.shape[1]):
        kept = np.where(touched[part, None], got[part], before[part])
        yield is_near(got[part], kept, 0.0, f"result.{name}", (part.start,))


def moved(before: Param, g: Array, optimizer: Optimizer, lr: float, step: int) -> Param:
    """Rows after their step, f64."""
    move_of = entry(MOVES, type(optimizer), "optimizer", __name__)
    move, mean, square = move_of(before, g, optimizer, lr, step)
    return Param(before.weight * (1 - lr * optimizer.weight_decay) - move, mean, square)


Moved = tuple[Array, Array, Array]
"""By how much the weight falls, and the state after it, mean and square."""


def adam(before: Param, g: Array, optimizer: Adam, lr: float, step: int) -> Moved:
    """The one moment over the root of the other."""
    mean = optimizer.beta1 * before.mean + (1 - optimizer.beta1) * g
    square = optimizer.beta2 * before.square + (1 - optimizer.beta2) * g * g
    size = lr * (1 - optimizer.beta2**step) ** 0.5 / (1 - optimizer.beta1**step)
    return size * mean / (np.sqrt(square) + optimizer.epsilon), mean, square


def adagrad(before: Param, g: Array, optimizer: Adagrad, lr: float, step: int) -> Moved:
    """lr g over the root of the sum of squares."""
    square = before.square + np.einsum("rc,rc->r", g, g)[:, None] / max(g.shape[1], 1)
    return lr * g / (np.sqrt(square) + optimizer.epsilon), before.mean, square


def sgd(before: Param, g: Array, optimizer: SGD, lr: float, step: int) -> Moved:
    """lr g."""
    return lr * g, before.mean, before.square


MOVES: dict[type[Optimizer], Callable[[Param, Array, Any, float, int], Moved]] = {
    Adam: adam,
    Adagrad: adagrad,
    SGD: sgd,
}


def update_entries(
    got: Any, exact: bool, param: SparseParam, dz: CSR, x: CSR, lr: float
) -> Verdicts:
    """Entries that examples meet as Adagrad moves them, all others as they were."""
    yield is_of_type(got, SparseParam)
    yield is_of_type(got.weight, CSR, "result.weight")
    w = param.weight
    yield is_equal_array(got.weight.indptr, w.indptr, "result.weight.indptr")
    yield is_equal_array(got.weight.indices, w.indices, "result.weight.indices")
    yield is_constant(got.weight.n_cols, w.n_cols, "result.weight.n_cols")
    yield is_array(got.weight.values, np.float32, w.values.shape, "result.weight.values")
    yield is_array(got.square, np.float32, param.square.shape, "result.square")
    reached = np.zeros(w.nnz, bool)
    for met in sparse_products(transposed(dz), x):
        begin, rows = int(w.indptr[met.rows.start]), some_rows(w, met.rows)
        places, stored = places_in(cells(rows), met.cells)
        entries = places[stored] + begin
        reached[entries] = True
        yield from entries_moved(got, param, entries, met.sums[stored], met.slack[stored], lr)
    for part in slices(w.nnz, 1):
        for name, found, before in (
            ("weight.values", got.weight.values, w.values),
            ("square", got.square, param.square),
        ):
            kept = np.where(reached[part], found[part], before[part])
            yield is_near(found[part], kept, 0.0, f"result.{name}", (part.start,))


def entries_moved(
    got: SparseParam, param: SparseParam, entries: Array, g: Array, slack: Array, lr: float
) -> Verdicts:
    """Whether some entries with these gradients are where Adagrad moves them."""
    weight, before = (
        part[entries].astype(np.float64) for part in (param.weight.values, param.square)
    )
    after = before + g * g
    of_square = 2 * abs(g) * slack + slack**2 + 8 * EPS * after + TINY
    largest = np.maximum(abs(weight), lr * (abs(g) + slack) / np.sqrt(before))
    of_weight = lr * slack / np.sqrt(before) + 8 * EPS * largest + TINY
    moved_to = weight - lr * g / np.sqrt(after)
    yield at_entries(got.square[entries], after, of_square, "result.square", entries)
    yield at_entries(
        got.weight.values[entries], moved_to, of_weight, "result.weight.values", entries
    )


def at_entries(got: Array, want: Array, allowed: Array, name: str, entries: Array) -> Verdict:
    """Whether numbers from some entries are near."""
    start = int(entries[0]) if len(entries) else 0
    return is_near(got, want, allowed, f"{name} of entries that are met from", (start,))
