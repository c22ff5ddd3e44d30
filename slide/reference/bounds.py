"""How far from the definition a result may be, and where it is further.

Integers must be equal. Floating results may differ by what the contract in `slide.core.backend`
allows, computed here in float64 from the arguments themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from slide.core.arrays import CSR, Array, Block, Param, RowGrad
from slide.core.hashing import SimHash
from slide.core.optim import Adam
from slide.reference import plain

EPS = float(np.finfo(np.float32).eps)
EXACT = np.zeros(())
TINY = float(np.finfo(np.float32).tiny)  # below it, results may be flushed to zero


def parts(thing: Any, name: str) -> dict[str, Array]:
    """The arrays and numbers that a result consists of, by a name for messages."""
    if thing is None or isinstance(thing, str):
        return {}
    if is_dataclass(thing):
        inner = [(f"{name}.{field.name}", getattr(thing, field.name)) for field in fields(thing)]
    elif isinstance(thing, tuple):
        inner = [(f"{name}[{i}]", part) for i, part in enumerate(thing)]
    else:
        return {name: np.asarray(thing)}
    return {key: array for path, part in inner for key, array in parts(part, path).items()}


def difference(got: Any, want: Any, allowed: Any = None, name: str = "result") -> str:
    """The first place where `got` is not `want`, in one sentence; empty if there is none.

    Args:
        got: a result.
        want: what it should be.
        allowed: of the structure of `want`, by how much its floats may differ; None for not at all.
        name: what to call it in the sentence.
    """
    found, wanted, margins = parts(got, name), parts(want, name), parts(allowed, name)
    if found.keys() != wanted.keys():
        return f"{name} is a {type(got).__name__}, expected a {type(want).__name__}"
    for part, array in wanted.items():
        margin = margins.get(part, EXACT) if array.dtype.kind == "f" else EXACT
        if sentence := array_difference(part, found[part], array, margin):
            return sentence
    return ""


def array_difference(name: str, got: Array, want: Array, margin: Array) -> str:
    """The first position where two arrays differ by more than `margin`."""
    if got.shape != want.shape:
        return f"{name} has shape {got.shape}, expected {want.shape}"
    with np.errstate(invalid="ignore"):  # inf - inf, where both are the same infinity
        error = np.abs(got.astype(np.float64) - want)
    wrong = np.argwhere((got != want) & ~(error <= margin))
    if not len(wrong):
        return ""
    place = tuple(wrong[0].tolist())
    off = float(np.broadcast_to(margin, want.shape)[place])
    within = f" within {off:.3g}" if off else ""
    where = f"{name}{list(place)}" if place else name
    return f"{where} is {got[place]}, expected {want[place]}{within}"


def bound_of(kernel: str, arguments: tuple[Any, ...]) -> Any:
    """By how much a result may differ, in the structure of the result; None for not at all."""
    return BOUNDS[kernel](*arguments) if kernel in BOUNDS else None


def sddmm_bound(h: Array, w: Array, active: CSR | Block) -> CSR | Block:
    """d terms."""
    z = plain.sddmm(abs(h), abs(w), active)
    return z.with_values(h.shape[1] * EPS * z.values + TINY)


def spmm_bound(z: CSR | Block, w: Array) -> Array:
    """As many terms as the row has entries."""
    terms = np.array([len(row) for row in plain.rows_of(z)])[:, None]
    return terms * EPS * plain.spmm(z.with_values(abs(z.values)), abs(w)) + TINY


def spmm_t_bound(z: CSR | Block, h: Array) -> RowGrad:
    """As many terms as the column has entries."""
    grad = plain.spmm_t(z.with_values(abs(z.values)), abs(h))
    ids = z.ids if isinstance(z, Block) else z.indices
    terms = z.n_rows if isinstance(z, Block) else np.unique(ids, return_counts=True)[1][:, None]
    return RowGrad(grad.rows, terms * EPS * grad.values + TINY)


def loss_bound(z: CSR | Block, log_weights: CSR | Block, y: CSR) -> tuple[Array, CSR | Block]:
    """16 ulp of the largest term; those of an exponent scale the terms of its exponential."""
    B = z.n_rows
    losses, gradient = np.zeros(B), []
    for i, scores in enumerate(plain.weighted(z, log_weights)):
        labels = [j for j in y.row(i)[0].tolist() if j in scores]
        if not labels:
            gradient.append([0.0] * len(scores))
            continue
        largest = max(1.0, np.log(len(scores)), *map(abs, scores.values()))
        losses[i] = 16 * EPS * largest
        shares = {j: np.exp(v) for j, v in plain.log_softmax(scores).items()}
        terms = [max(p * largest, (j in labels) / len(labels)) for j, p in shares.items()]
        gradient.append([16 * EPS * term / B + TINY for term in terms])
    flat = np.array([v for row in gradient for v in row], np.float64)
    return losses, z.with_values(flat.reshape(z.values.shape))


def update_rows_bound(param: Param, grad: RowGrad, optimizer: Adam, lr: float, step: int) -> Param:
    """8 ulp of the largest term, on touched rows; terms of the moments are terms of the weight."""
    rows, g = grad.rows, grad.values.astype(np.float64)
    mean = np.maximum(abs(param.mean[rows]), (1 - optimizer.beta1) * abs(g))
    old, new = param.square[rows], (1 - optimizer.beta2) * g * g
    scale = np.sqrt(optimizer.beta2 * old + new) + optimizer.epsilon
    move = optimizer.step_size(lr, step) * mean / scale
    terms = (np.maximum(abs(param.weight[rows]), move), mean, np.maximum(old, new))
    bound = Param(*(np.zeros(param.shape) for _ in terms))
    for array, term in zip((bound.weight, bound.mean, bound.square), terms, strict=True):
        array[rows] = 8 * EPS * term + TINY
    return bound


BOUNDS: dict[str, Callable[..., Any]] = {
    "sddmm": sddmm_bound,
    "spmm": spmm_bound,
    "spmm_t": spmm_t_bound,
    "loss": loss_bound,
    "update_rows": update_rows_bound,
}


def hash_difference(got: Array, x: Array, center: Array, family: SimHash) -> str:
    """The first code with a wrong bit whose projection is further from 0 than rounding reaches."""
    want = plain.hash(x, center, family)
    if got.shape != want.shape:
        return difference(got, want)
    x, center, r = (a.astype(np.float64) for a in (x, center, family.projection))
    reach = (x.shape[1] + 1) * EPS * ((abs(x) + abs(center)) @ abs(r))
    doubtful = (abs((x - center) @ r) <= reach).reshape(-1, family.L, family.K)
    excused = (doubtful @ (1 << np.arange(family.K))).astype(np.uint32)
    return difference(got & ~excused, want & ~excused)


def top_k_difference(
    got: tuple[Array, Array], h: Array, w: Array, candidates: CSR | None, k: int
) -> str:
    """The first example whose k places do not go to its best neurons, as far as rounding tells."""
    ids, scores = got
    if ids.shape != (len(h), k) or scores.shape != (len(h), k):
        return f"ids are {ids.shape} and scores {scores.shape}, expected {(len(h), k)} of each"
    for i in range(len(h)):
        pool = range(len(w)) if candidates is None else candidates.row(i)[0].tolist()
        z = {j: plain.dot(h[i], w[j]) for j in pool}
        slack = {j: h.shape[1] * EPS * plain.dot(abs(h[i]), abs(w[j])) + TINY for j in pool}
        if sentence := ranking_difference(ids[i].tolist(), scores[i].tolist(), z, slack):
            return f"example {i}: {sentence}"
    return ""


def ranking_difference(ids: list[int], scores: list[float], z: plain.Row, slack: plain.Row) -> str:
    """The first place of one example that is not well given, where z has all true scores."""
    left = set(z)
    for place, (j, score) in enumerate(zip(ids, scores, strict=True)):
        if not left:
            if (j, score) != (-1, -np.inf):
                return f"place {place} has id {j} and score {score}, expected -1 and -inf"
            continue
        if j not in left:
            return f"id {j} at place {place} is no candidate, or there for the second time"
        left.remove(j)
        if not abs(score - z[j]) <= slack[j]:
            return f"id {j} has score {score}, expected {z[j]} within {slack[j]:.3g}"
        for other in left:
            if z[other] - z[j] > slack[other] + slack[j]:
                return f"id {j} ({z[j]}) is at place {place} before id {other} ({z[other]})"
    return ""
