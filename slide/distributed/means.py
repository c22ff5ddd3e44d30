"""What of a training run is averaged: its weights, and what its optimizer remembers of gradients.

A run's state (`Learner.state`) falls into three: arrays that all workers have alike after each
mean (*shared*), arrays that never change, such as the pattern of connections (*fixed*), and what
is a worker's own: its generator, its clocks, its place in its part of the examples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from slide.core.contract.arrays import Array, Param
from slide.core.contract.backend import Backend
from slide.core.contract.state import State
from slide.core.direct.network import Direct
from slide.core.direct.run import DirectRun
from slide.core.errors import ConfigError
from slide.core.learner import TrainedNetwork
from slide.core.learners.kinds import kind_of
from slide.core.sampled.network import Network
from slide.core.sampled.run import SampledRun
from slide.core.settings.settings import Settings

Arrays = list[Array]
PARAM = "weight", "mean", "square"


@dataclass(frozen=True, slots=True)
class Averaged:
    """How runs of one kind of learner are taken apart, and put together.

    Args:
        shared: the arrays of a state that are averaged, f32, of the host.
        fixed: what of a state never changes.
        own: the rest of it.
        joined: the inverse of these, of fixed, shared and own.
        adopt: a learner goes on from other arrays.
        network: of fixed, shared, settings and a backend.
    """

    shared: Callable[[State], Arrays]
    fixed: Callable[[State], State]
    own: Callable[[State], State]
    joined: Callable[[State, Arrays, State], State]
    adopt: Callable[[Any, Arrays], None]
    network: Callable[[State, Arrays, Settings[Any], Backend], TrainedNetwork]


def averaged_of(config: Settings[Any]) -> Averaged:
    """How runs with these settings are averaged.

    Raises:
        ConfigError: their learner takes no steps, or nobody knows how.
    """
    kind = kind_of(config)
    if kind.name not in AVERAGED:
        raise ConfigError(
            f"{kind.title} are not averaged, for their learner takes no steps that workers could "
            f"take: expected a learner of {' or of '.join(AVERAGED)}, as a setting of steps such "
            "as lr or batch_size asks for, or let models vote"
        )
    return AVERAGED[kind.name]


def mean(before: Arrays, after: Sequence[Arrays], shares: Array) -> Arrays:
    """What all workers go on from; of one worker what it has.

    Args:
        before: what all of them started from.
        after: of each worker, in their order.
        shares: f64, of the examples those that each one has; their sum is 1.
    """
    if len(after) == 1:
        return list(after[0])
    return [moved(old, each, shares) for old, *each in zip(before, *after, strict=True)]


def moved(before: Array, after: Sequence[Array], shares: Array) -> Array:
    """Numbers, each moved by the mean move of those workers that have moved it.

    A label that few workers have examples of is as far as these have brought it, and not held back
    by all others.
    """
    total, weight = np.zeros(before.shape), np.zeros(before.shape)
    start = before.astype(np.float64)
    for share, each in zip(shares.tolist(), after, strict=True):
        total += share * (each - start)
        weight += share * (each != before)
    total = np.divide(total, weight, out=total, where=weight > 0)
    return (start + total).astype(np.float32)


def direct_shared(state: State) -> Arrays:
    """Weights, biases among them, and their accumulators."""
    network = state["network"]
    return [network["weight"]["values"], network["square"]]


def direct_fixed(state: State) -> State:
    """The pattern of the connections, and how features become inputs."""
    network: State = state["network"]
    return network | {"weight": network["weight"] | {"values": None}, "square": None}


def direct_joined(fixed: State, shared: Arrays, own: State) -> State:
    """See `Averaged`."""
    values, square = (each.copy() for each in shared)
    network = fixed | {"weight": fixed["weight"] | {"values": values}, "square": square}
    return own | {"network": network}


def adopt_direct(run: DirectRun, shared: Arrays) -> None:
    """The index, of the weights before, is built anew at the next step."""
    param = run.connections.param
    for into, each in zip((param.weight.values, param.square), shared, strict=True):
        into[:] = run.backend.put(each)
    run.index = None


def direct_network(
    fixed: State, shared: Arrays, settings: Settings[Any], backend: Backend
) -> Direct:
    """See `Averaged`."""
    return Direct.restored(direct_joined(fixed, shared, {})["network"], backend)


def sampled_shared(state: State) -> Arrays:
    """Weights and moments of each layer."""
    return [param[name] for param in state["params"] for name in PARAM]


def params_of(shared: Arrays) -> list[dict[str, Array]]:
    """The inverse."""
    n = len(PARAM)
    groups = (shared[start : start + n] for start in range(0, len(shared), n))
    return [dict(zip(PARAM, (each.copy() for each in group), strict=True)) for group in groups]


def sampled_joined(fixed: State, shared: Arrays, own: State) -> State:
    """See `Averaged`."""
    return own | {"params": params_of(shared)}


def adopt_sampled(run: SampledRun, shared: Arrays) -> None:
    """Hash tables, of the weights before, are filled anew."""
    params = [layer.param for layer in run.network.layers]
    into = [getattr(param, name) for param in params for name in PARAM]
    for old, each in zip(into, shared, strict=True):
        old[:] = run.backend.put(each)
    for param, sampler in zip(params, run.samplers, strict=True):
        tables = None if sampler is None else sampler.tables
        if tables is not None and tables.functions is not None:
            tables.rebuild(run.backend, param.weight, run.n_steps)


def sampled_network(
    fixed: State, shared: Arrays, settings: Settings[Any], backend: Backend
) -> Network:
    """See `Averaged`."""
    params = [Param(**each).map(backend.put) for each in params_of(shared)]
    return Network.of_params(params, settings.learner.layers)


AVERAGED = {
    "direct": Averaged(
        shared=direct_shared,
        fixed=direct_fixed,
        own=lambda state: state | {"network": None},
        joined=direct_joined,
        adopt=adopt_direct,
        network=direct_network,
    ),
    "sampled": Averaged(
        shared=sampled_shared,
        fixed=lambda state: {},
        own=lambda state: state | {"params": None},
        joined=sampled_joined,
        adopt=adopt_sampled,
        network=sampled_network,
    ),
}
