"""The judges of training: one step, twenty that start from the right state each, twenty alone.

What the tables decide is judged where it is decided, on the very activations that the backend has
computed: a code may be another one where rounding reaches, an active set may not. The numbers
that follow are then compared with those of `bounds.steps` for the same decisions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block, Param
from slide.core.learners.config import Config
from slide.reference.bounds import difference
from slide.reference.bounds.balls import Rounding, draw_within_radius, drop_radius, keep_radius
from slide.reference.bounds.comparing import TINY
from slide.reference.bounds.deciding import MisstepError
from slide.reference.bounds.moves import State
from slide.reference.bounds.steps import Decisions, states_of, stepped
from slide.reference.cases import Case
from slide.reference.cases.drawing import Draw
from slide.reference.direct_training import DirectTrainee
from slide.reference.judging import deviation
from slide.reference.running import map_arrays
from slide.reference.stepping import Stepper

N_STEPS = 20
N_SHAKEN = 4
MOST_DEVIATIONS = 13


class JudgedBackend:
    """A backend whose decisions are judged as they are made; the active sets are kept."""

    DECISIONS = ("hash", "build", "reinsert", "query")

    def __init__(self, backend: Any) -> None:
        self.backend = backend
        self.active: list[CSR | Block] = []

    def __getattr__(self, name: str) -> Any:
        kernel = getattr(self.backend, name)
        return partial(self.judge_call, name, kernel) if name in self.DECISIONS else kernel

    def judge_call(self, name: str, kernel: Callable[..., Any], *arguments: Any) -> Any:
        """The result of a kernel.

        Raises:
            MisstepError: it is not that of `plain` for these arguments.
        """
        if name == "hash":
            arguments = (*arguments, 1)[:4]  # one probe unless it says more
        case = Case(name, map_arrays(arguments, self.copy_to_host))
        result = kernel(*arguments)
        got = map_arrays(result, self.copy_to_host)
        if sentence := deviation(case, got):
            raise MisstepError(f"{case}: {sentence}")
        if name == "query":
            self.active.append(got)
        return result

    def copy_to_host(self, array: Any) -> Array:
        """A copy on the host, that no later kernel writes to."""
        return np.array(self.backend.get(array))


def params_of(states: list[State], part: str) -> tuple[Param, ...]:
    """The values of all states, or their radii."""
    return tuple(Param(*(getattr(ball, part) for ball in state)) for state in states)


class Trainee:
    """A backend in training: its steps, and what was decided in each."""

    part_name = "layer"

    def __init__(self, backend: Any, case: Case) -> None:
        self.config: Config = case.arguments[0]
        self.first: tuple[Param, ...] = case.arguments[1]
        self.witness = JudgedBackend(backend)
        self.stepper = Stepper(self.witness, *case.arguments)

    @property
    def params(self) -> tuple[Param, ...]:
        """Those of all layers, on the host."""
        return self.stepper.params

    def set_params(self, params: tuple[Param, ...]) -> None:
        """Go on from these."""
        self.stepper.set_params(params)

    def step(self) -> Decisions:
        """One step, and what was decided in it."""
        self.witness.active = []
        batch = self.stepper.step()
        found, hidden = iter(self.witness.active), range(len(self.config.hidden))
        active = [
            next(found) if self.config.learner.layers.n_active_of(layer) else None
            for layer in hidden
        ]
        dropout = self.config.dropout
        scale = np.float32(1 / (1 - dropout))
        kept = [(drawn >= dropout) * scale for drawn in self.stepper.rng.masks]
        return Decisions(batch, self.stepper.run.updates.step, [*active, next(found)], kept)

    def conforming_state(
        self, states: list[State], step: Decisions, rounding: Rounding
    ) -> list[State]:
        """The definition's state after a step that decides as the backend did."""
        return stepped(states, self.config, step, rounding)

    state_of = staticmethod(states_of)
    params_of = staticmethod(params_of)


TRAINEES: dict[str, Callable[[Any, Case], Any]] = {
    "train_step": Trainee,
    "train 20 steps": Trainee,
    "train_step direct": DirectTrainee,
    "train 20 steps direct": DirectTrainee,
}


def follows_for_a_step(backend: Any, case: Case, draw: Draw) -> str:
    """A step ends within what the contracts of its kernels add up to."""
    return follows_definition(backend, case, draw, n_steps=1)


def follows_definition(backend: Any, case: Case, draw: Draw, n_steps: int = N_STEPS) -> str:
    """Each of many steps does, starting from where the definition's last one ended."""
    try:
        trainee = TRAINEES[case.kernel](backend, case)
        params = trainee.first
        for number in range(n_steps):
            trainee.set_params(params)
            state = trainee.conforming_state(trainee.state_of(params), trainee.step(), keep_radius)
            want, allowed = (trainee.params_of(state, part) for part in ("value", "radius"))
            if sentence := difference(trainee.params, want, allowed, trainee.part_name):
                return f"after step {number + 1}, {sentence}"
            params = map_arrays(want, as_float32)
    except MisstepError as misstep:
        return str(misstep)
    return ""


def as_float32(array: Array) -> Array:
    """Floats as backends have them."""
    return array.astype(np.float32) if array.dtype.kind == "f" else array


def ends_near_definition(backend: Any, case: Case, draw: Draw) -> str:
    """Twenty steps end as near to the definition's as rounding takes other runs that conform.

    The runs to compare with have the same decisions, and each number that a kernel computes is off
    by a share of its bound drawn evenly from -1 to 1, so their spread has grown as errors do grow
    in these twenty steps, whatever the reason. To first order the end of a run is a sum of all its
    errors, each times a factor. Where errors are independent and within their bounds, such a sum
    exceeds s standard deviations of the shaken runs, whose errors have a third of the largest
    variance, with a probability of at most 2 exp(-s**2 / 6) (Hoeffding): for s = 13 less than one
    in 10**11. A kernel that always errs to one side, by all that it may, can be further off.
    """
    try:
        trainee = TRAINEES[case.kernel](backend, case)
        steps = [trainee.step() for _ in range(N_STEPS)]
    except MisstepError as misstep:
        return str(misstep)
    want = end_of(trainee, steps, drop_radius)
    rng = np.random.default_rng(case.arguments[-1])
    others = [end_of(trainee, steps, draw_within_radius(rng)) for _ in range(N_SHAKEN)]
    allowed = allowance_at_end(want, others)
    return difference(trainee.params, want, allowed, f"after 20 steps, {trainee.part_name}")


def end_of(trainee: Any, steps: Sequence[Any], rounding: Rounding) -> Any:
    """Where the definition ends that decides as the backend did."""
    state = trainee.state_of(trainee.first)
    for step in steps:
        state = trainee.conforming_state(state, step, rounding)
    return trainee.params_of(state, "value")


def allowance_at_end(want: Any, others: Sequence[Any]) -> Any:
    """How far each array may be off: so many of the largest standard deviation."""
    shaken = zip(*map(arrays_in, others), strict=True)

    def of_array(array: Array) -> Array:
        variance = np.mean([(other - array) ** 2 for other in next(shaken)], axis=0)
        return np.full(array.shape, MOST_DEVIATIONS * np.sqrt(variance.max(initial=0)) + TINY)

    return map_arrays(want, of_array)


def arrays_in(thing: Any) -> list[Array]:
    """All arrays of a structure, one after the other."""
    arrays: list[Array] = []
    map_arrays(thing, arrays.append)
    return arrays
