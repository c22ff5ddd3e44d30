"""Seconds of a step and of an epoch on so many nodes, and what limits them.

A step is synchronous. While shards compute, the coordinator takes the next batch and sends it: of
these two the longer one counts. What the coordinator does while shards wait, what crosses its link
meanwhile, and latency come on top, and more nodes do not lower any of these (Amdahl).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from slide.distributed.planning.counts import Work
from slide.distributed.planning.rates import Rates
from slide.distributed.planning.stored import coordinator_bytes, shard_bytes
from slide.distributed.planning.traffic import NONE, Traffic, traffic

Limit = Literal["compute", "coordinator", "bandwidth", "latency", "memory"]


@dataclass(frozen=True, slots=True)
class Node:
    """What each node has, and what is between two.

    Args:
        cores: of a node; less than 1 where nodes share the cores of one machine.
        memory_bytes: of a node.
        latency_seconds: of a message, one way.
        bandwidth_bytes_per_second: of the link of a node, each way.
        call_core_seconds: that the coordinator is busy with a message to a shard and its answer.
        thread_efficiency: what each core after the first brings, as a share of a core.
    """

    cores: float
    memory_bytes: float
    latency_seconds: float = 100e-6
    bandwidth_bytes_per_second: float = 10e9 / 8
    call_core_seconds: float = 300e-6
    thread_efficiency: float = 0.8

    def seconds(self, core_seconds: float) -> float:
        """Of what all cores of the node compute together."""
        cores = self.cores
        return core_seconds / (cores if cores < 1 else 1 + (cores - 1) * self.thread_efficiency)

    def seconds_on_one(self, core_seconds: float) -> float:
        """Of what is done by one core."""
        return core_seconds / min(self.cores, 1)


@dataclass(frozen=True, slots=True)
class Step:
    """Seconds of the parts of a step.

    Args:
        shards: one shard computes; all do at once.
        take: the coordinator takes the next batch meanwhile.
        ahead: it crosses the coordinator's link meanwhile, to all shards.
        coordinator: merges, and is busy with messages, while shards wait.
        transfer: of all other bytes over that link.
        latency: of the rounds.
    """

    shards: float
    take: float
    ahead: float
    coordinator: float
    transfer: float
    latency: float

    @property
    def seconds(self) -> float:
        """Of the step."""
        at_once = max(self.shards, self.take + self.ahead)
        return at_once + self.coordinator + self.transfer + self.latency

    @property
    def limit(self) -> Limit:
        """What takes longest of that which the step waits for."""
        is_ahead = self.take + self.ahead > self.shards
        parts: dict[Limit, float] = {
            "compute": 0.0 if is_ahead else self.shards,
            "coordinator": self.coordinator + (self.take if is_ahead else 0.0),
            "bandwidth": self.transfer + (self.ahead if is_ahead else 0.0),
            "latency": self.latency,
        }
        return max(parts, key=parts.__getitem__)


def step_of(work: Work, rates: Rates, node: Node, n_shards: int, sent: Traffic) -> Step:
    """A step of so many shards, on a node each, with which so much is exchanged."""
    calls = n_shards * sent.rounds * node.call_core_seconds
    merging = rates.merging_core_seconds(work, n_shards, sent.n_merged)
    return Step(
        node.seconds(rates.shard_core_seconds(work, n_shards)),
        node.seconds_on_one(rates.take.seconds(work.batch_size)),
        n_shards * sent.bytes_ahead / node.bandwidth_bytes_per_second,
        node.seconds_on_one(merging + calls),
        n_shards * (sent.bytes_out + sent.bytes_back) / node.bandwidth_bytes_per_second,
        2 * sent.rounds * node.latency_seconds,
    )


def alone(work: Work, rates: Rates, node: Node) -> Step:
    """A step on one node without Ray, as `slide train` takes it: examples are taken first."""
    step = step_of(work, rates, node, 1, NONE)
    return Step(step.shards + step.take, 0.0, 0.0, step.coordinator, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the plan.

    Args:
        n_nodes: one shard of the labels on each, and the coordinator beside the first.
        batch_size: examples of a step.
        step: its parts.
        epoch_seconds: predicted.
        speed_up: over one such node without network, if need be with memory that it has not.
        memory_bytes: of the node that holds most, the first.
        fits: whether a node has that.
        bytes_per_step: that cross the coordinator's link, both ways together.
    """

    n_nodes: int
    batch_size: int
    step: Step
    epoch_seconds: float
    speed_up: float
    memory_bytes: float
    fits: bool
    bytes_per_step: float

    @property
    def efficiency(self) -> float:
        """Speed-up for each node."""
        return self.speed_up / self.n_nodes

    @property
    def limit(self) -> Limit:
        """What must be more for it to work at all, or to be faster."""
        return self.step.limit if self.fits else "memory"


def line_of(work: Work, rates: Rates, node: Node, n_nodes: int, base: Work | None = None) -> Line:
    """What so many nodes would take.

    Args:
        work: what is trained, with the batch of this line.
        rates: measured.
        node: what each node is.
        n_nodes: of the line; 1 is training without Ray.
        base: what one node would train, if with another batch.
    """
    one = base or work
    step, sent = alone(work, rates, node), NONE
    if n_nodes > 1:
        sent = traffic(work, n_nodes)
        step = step_of(work, rates, node, n_nodes, sent)
    seconds = work.steps_per_epoch * step.seconds
    of_one = one.steps_per_epoch * alone(one, rates, node).seconds
    memory = shard_bytes(work, n_nodes, node.cores) + coordinator_bytes(work)
    return Line(
        n_nodes, work.batch_size, step, seconds, of_one / seconds, memory,
        memory <= node.memory_bytes, n_nodes * sent.n_bytes,
    )  # fmt: skip
