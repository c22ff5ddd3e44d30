"""A layer of labels on its way: its problem, the shortlists, and the solution so far."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.contract.backend import Backend
from slide.core.contract.sparse import InvertedIndex
from slide.core.contract.state import State, csr_from, state_of_csr
from slide.core.direct.hidden import Hidden
from slide.core.direct.network import Direct
from slide.core.examples.dataset import Dataset
from slide.core.examples.scratch import Scratch
from slide.core.svm.cells import Cells
from slide.core.svm.choosing import Solution, drawn_for, next_lists, solution
from slide.core.svm.settings import SvmSettings
from slide.core.svm.shortlists import DRAWN, OWN, Shortlists
from slide.core.svm.solving import NOTHING_FOUND, Balance, Problem
from slide.core.svm.splitting import Split


@dataclass(frozen=True, slots=True)
class Layer:
    """All labels, solved from the same inputs.

    Args:
        problem: the training set as it is solved.
        lists: the examples that each label is solved on.
        solved: the labels as they are; in the beginning centroids.
    """

    problem: Problem
    lists: Shortlists
    solved: Solution

    @classmethod
    def begin(cls, problem: Problem, lists: Shortlists, balance: Balance) -> Layer:
        """Nothing is solved yet; pairs have the duals that they have."""
        centroids = problem.unsolved(balance.centroid)
        return cls(problem, lists, Solution(balance, centroids, lists, NOTHING_FOUND))

    @classmethod
    def restored(
        cls, settings: SvmSettings, backend: Backend, data: Dataset, state: State
    ) -> Layer:
        """The layer of such a state.

        Args:
            settings: of the learner.
            backend: computes.
            data: inputs of the layer, and labels.
        """
        network = Direct.restored(state["network"], backend)
        assert isinstance(network.hidden, Hidden | None)
        x, centroids = data.features.map(backend.put), csr_from(state["centroids"])
        problem = Problem(
            settings, backend, network.inputs, x, data.y.positive(), state["counts"], centroids,
            data.weights, network.hidden, Scratch.of(data),
        )  # fmt: skip
        shape = data.n_labels, data.n_samples
        lists = Shortlists(**state["lists"], shape=shape, scratch=problem.scratch)
        solved = Solution(Balance(**state["balance"]), network, lists, state["hits"])
        return cls(problem, lists, solved)

    def mined(self, rows: Array, active: int, rng: np.random.Generator) -> Layer:
        """With other negatives of these examples on the shortlists, so many of each."""
        lists = next_lists(self.problem, self.lists, self.solved.network, rows, rows, active, rng)
        return replace(self, lists=lists)

    def again(self, split: Split, number: int) -> Layer:
        """All labels solved on their shortlists as they are, from the duals as they are.

        Args:
            split: the examples solved on, and those scored.
            number: of the solutions before this one.
        """
        solved = solution(self.problem, self.lists, self.solved.balance, split, number)
        return replace(self, solved=solved, lists=solved.lists)

    def with_all(self, rng: np.random.Generator) -> Layer:
        """With all examples on the shortlists, and negatives drawn for labels that are new."""
        problem = self.problem
        y, rows = problem.y, np.arange(problem.y.n_rows)
        new = np.where(problem.counts == 0, y.column_counts(), 0)
        problem = replace(problem, counts=y.column_counts())
        drawn = drawn_for(problem, new, rows, rng, 0)
        own = Cells.of([Shortlists.of(y, rows).cells])
        lists = self.lists.joined((drawn, DRAWN), (own, OWN), backend=problem.backend)
        return replace(self, problem=problem, lists=lists)

    def upon(self, index: InvertedIndex) -> Layer:
        """The same layer over another first pass, whose index this is."""
        assert self.problem.hidden is not None
        hidden = self.problem.hidden.scoring(index)
        network = replace(self.solved.network, hidden=hidden)
        return replace(
            self,
            problem=replace(self.problem, hidden=hidden),
            solved=replace(self.solved, network=network),
        )

    def attached(self, backend: Backend) -> Layer:
        """Computed by the kernels of another backend, on the same arrays."""
        return replace(self, problem=replace(self.problem, backend=backend))

    def state(self) -> State:
        """Weights, shortlists with their duals, and what was chosen; nothing is copied."""
        lists, balance, problem = self.lists, self.solved.balance, self.problem
        return {
            "network": self.solved.network.state(problem.backend),
            "centroids": state_of_csr(problem.centroids),
            "counts": problem.counts,
            "lists": {"cells": lists.cells, "reasons": lists.reasons, "duals": lists.duals},
            "balance": {"cost": balance.cost, "centroid": balance.centroid},
            "hits": self.solved.hits,
        }
