"""Which batch and how many shards are advised, and why."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from slide.distributed.planning.counts import Work
from slide.distributed.planning.rates import Rates
from slide.distributed.planning.stored import coordinator_bytes, labels_bytes, shard_bytes
from slide.distributed.planning.timing import Line, Node, line_of

LARGEST_BATCH = 1024  # of which no loss of accuracy is known (docs/decisions/0022)
WORTH = 0.9  # of its time is what a larger batch must leave
HALF = 0.5  # of a node is what each must bring


@dataclass(frozen=True, slots=True)
class Plan:
    """Lines, and which of them is advised.

    Args:
        work, rates, node: what they are predicted from.
        lines: one for each number of nodes, ascending.
        advised: the number of it in `lines`; None if nothing fits.
        reason: a sentence.
    """

    work: Work
    rates: Rates
    node: Node
    lines: tuple[Line, ...]
    advised: int | None
    reason: str


def plan(
    work: Work, rates: Rates, node: Node, nodes: Sequence[int], batch_is_fixed: bool = False
) -> Plan:
    """A line for each number of nodes, and which is advised."""
    lines = tuple(
        line_of(work, rates, node, n, work) if batch_is_fixed else best_batch(work, rates, node, n)
        for n in sorted(set(nodes))
    )
    advised, reason = choose(lines, work, node)
    return Plan(work, rates, node, lines, advised, reason)


def best_batch(work: Work, rates: Rates, node: Node, n_nodes: int) -> Line:
    """The line of the smallest batch, of those doubled, that no larger one saves a tenth of."""
    best = line_of(work, rates, node, n_nodes, work)
    size = 2 * work.batch_size
    while size <= LARGEST_BATCH:
        other = line_of(replace(work, batch_size=size), rates, node, n_nodes, work)
        if other.epoch_seconds < WORTH * best.epoch_seconds:
            best = other
        size *= 2
    return best


def choose(lines: Sequence[Line], work: Work, node: Node) -> tuple[int | None, str]:
    """The advised line's number, and why."""
    fitting = [number for number, line in enumerate(lines) if line.fits]
    if not fitting:
        return None, none_fits(work, node)
    paying = [number for number in fitting if lines[number].efficiency >= HALF]
    fastest = min(fitting, key=lambda number: lines[number].epoch_seconds)
    if not paying:
        line = lines[fitting[0]]
        return fitting[0], (
            f"{nodes_of(line)}: the fewest that hold the labels, and more bring less than half of "
            f"what a node can, limited by {lines[fastest].limit}."
        )
    best = min(paying, key=lambda number: lines[number].epoch_seconds)
    line = lines[best]
    if best == fastest:
        return best, f"{nodes_of(line)}: the fastest line, limited by {line.limit}."
    return best, (
        f"{nodes_of(line)}: the fastest line on which each node brings half of what it can; "
        f"{nodes_of(lines[fastest])} would be "
        f"{line.epoch_seconds / lines[fastest].epoch_seconds:.1f} times as fast, limited by "
        f"{lines[fastest].limit}."
    )


def nodes_of(line: Line) -> str:
    """How many there are, in words."""
    return "1 node" if line.n_nodes == 1 else f"{line.n_nodes:,} nodes"


def none_fits(work: Work, node: Node) -> str:
    """The sentence if nothing does."""
    needed = nodes_needed(work, node)
    if needed is None:
        return (
            f"none fits: {fixed_bytes(work, node) / 1e9:,.1f} GB are on the first node however "
            "many there are, so it needs more memory, fewer features, or a data folder."
        )
    return f"none fits: the labels take {needed:,} nodes of {node.memory_bytes / 1e9:,.0f} GB."


def nodes_needed(work: Work, node: Node) -> int | None:
    """The fewest nodes whose memory is enough; None if no number is."""
    room = node.memory_bytes - fixed_bytes(work, node)
    return None if room <= 0 else max(math.ceil(labels_bytes(work, 1, node.cores) / room), 1)


def fixed_bytes(work: Work, node: Node) -> float:
    """Of the first node, whatever its share of the labels."""
    whole = shard_bytes(work, 1, node.cores) - labels_bytes(work, 1, node.cores)
    return coordinator_bytes(work) + whole
