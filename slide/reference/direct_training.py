"""A backend that trains direct connections, and what it decides, judged where it decides it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.sparse import InvertedIndex, SparseParam
from slide.core.examples.dataset import Dataset
from slide.core.learners.config import Config
from slide.reference import plain
from slide.reference.bounds.balls import Rounding, keep_radius
from slide.reference.bounds.deciding import MisstepError
from slide.reference.bounds.direct_start import Start, found_labels, start_difference
from slide.reference.bounds.direct_steps import (
    DirectState,
    DirectStep,
    cut_difference,
    gradient,
    param_of,
    state_of,
    stepped,
)
from slide.reference.bounds.sparse import search_difference
from slide.reference.bounds.steps import spread
from slide.reference.cases import Case
from slide.reference.direct_stepping import DirectStepper


class RecordingBackend:
    """A backend that notes what its kernels are asked and answer, where rounding may decide."""

    def __init__(self, backend: Any) -> None:
        self.backend = backend
        self.clear_notes()

    def clear_notes(self) -> None:
        """Note what comes from here on."""
        self.kept: list[CSR] = []
        self.found: list[tuple[Array, Array]] = []
        self.gradients: list[CSR] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.backend, name)

    def spgemm_t(self, *arguments: Any) -> Any:
        """The largest entries of each row, which are noted."""
        result = self.backend.spgemm_t(*arguments)
        self.kept.append(result.map(self.copy_to_host))
        return result

    def search(self, *arguments: Any) -> Any:
        """The best labels of each example, which are noted."""
        ids, scores = self.backend.search(*arguments)
        self.found.append((self.copy_to_host(ids), self.copy_to_host(scores)))
        return ids, scores

    def update_entries(self, param: Any, dz: Any, *others: Any) -> None:
        """A step, along a gradient that is noted."""
        self.gradients.append(dz.map(self.copy_to_host))
        self.backend.update_entries(param, dz, *others)

    def copy_to_host(self, array: Any) -> Array:
        """A copy on the host, that no later kernel writes to."""
        return np.array(self.backend.get(array))


class DirectTrainee:
    """A backend in training: its steps, and what was decided in each.

    What a step decides is judged by the weights that the backend has before it.

    Raises:
        MisstepError: it begins otherwise than the definition.
    """

    part_name = "network"

    def __init__(self, backend: Any, case: Case) -> None:
        self.config: Config = case.arguments[0]
        self.notes = RecordingBackend(backend)
        self.stepper = DirectStepper(self.notes, *case.arguments)
        self.first = self.stepper.first
        self.turns = rebuilds(self.config.rebuild_every, self.config.rebuild_growth)
        self.due = next(self.turns)
        self.index: InvertedIndex | None = None
        if sentence := start_difference(self.start, self.config, case.arguments[1]):
            raise MisstepError(f"before the first step, {sentence}")

    @property
    def start(self) -> Start:
        """Where the run begins."""
        run, kept, found = self.stepper.run, self.notes.kept, self.notes.found
        assert isinstance(run.data.x, CSR)
        inputs, none = run.network.inputs, (np.zeros((0, 1), np.int32), np.zeros((0, 1)))
        ids, scores = (np.concatenate(parts) for parts in zip(*found or [none], strict=True))
        return Start(
            inputs.weights, inputs.pairs, run.data.x, run.order, self.stepper.begun, kept,
            (ids, scores),
        )  # fmt: skip

    @property
    def params(self) -> SparseParam:
        """Weights and their state, on the host."""
        return self.stepper.params

    def set_params(self, params: SparseParam) -> None:
        """Go on from these."""
        self.stepper.set_params(params)

    def step(self) -> DirectStep:
        """One step, and what was decided in it.

        Raises:
            MisstepError: something that is not the definition's.
        """
        before, index = self.params, self.index_now()
        self.notes.clear_notes()
        batch = self.stepper.step()
        return self.judge_step(before, index, batch)

    def index_now(self) -> InvertedIndex:
        """What labels are found with: weights of the last rebuild, biases as they are."""
        weight = self.params.weight
        base = weight.values[weight.indptr[1:] - 1]
        if self.stepper.run.n_steps == self.due:
            self.due = next(self.turns)
            self.index = plain.invert(weight.without_constant(), base, self.config.list_limit)
        assert self.index is not None
        return replace(self.index, base=base)

    def judge_step(self, before: SparseParam, index: InvertedIndex, batch: Dataset) -> DirectStep:
        """What was decided in a step, if that is possible for these weights."""
        x, y = batch.x, batch.y
        assert isinstance(x, CSR)
        done = len(self.notes.found), len(self.notes.gradients)
        told = f"there are {done[0]} searches and {done[1]} updates, expected one of each"
        self.demand_none("" if done == (1, 1) else told)
        [found], [dz] = self.notes.found, self.notes.gradients
        k = min(self.config.active, y.n_cols)
        sentence = search_difference(found, index, x.without_constant(), y, k)
        self.demand_none(sentence and f"labels to tell apart, {sentence}")
        active = active_of(found[0], y)
        step = DirectStep(x, y, active, spread(np.ones(dz.nnz), dz, *dz.shape) > 0)
        want = gradient(state_of(before), self.config, step, keep_radius)
        self.demand_none(cut_difference(dz, want, active))
        return step

    def demand_none(self, sentence: str) -> None:
        """Raise MisstepError if there is something to say of the last step."""
        if sentence:
            raise MisstepError(f"in step {self.stepper.run.n_steps}, {sentence}")

    def conforming_state(
        self, params: DirectState, step: DirectStep, rounding: Rounding
    ) -> DirectState:
        """The definition's state after a step that decides as the backend did."""
        return stepped(params, self.config, step, rounding)

    state_of = staticmethod(state_of)
    params_of = staticmethod(param_of)


def active_of(ids: Array, y: CSR) -> CSR:
    """The labels of examples and what was found beside them: CSR (B, n) of zeros."""
    is_active = found_labels(ids, y.n_cols) | (spread(np.ones(y.nnz), y, *y.shape) > 0)
    indptr = np.append(0, np.cumsum(is_active.sum(axis=1)))
    indices = np.nonzero(is_active)[1].astype(np.int32)
    return CSR(indptr, indices, np.zeros(len(indices), np.float32), y.n_cols)


def rebuilds(first_gap: int, growth: float) -> Iterator[int]:
    """Before which steps the index is rebuilt: 0, and after gaps that grow by e**growth."""
    due = 0.0
    for turn in itertools.count():
        yield math.ceil(due)
        due += first_gap * math.exp(growth * turn)
