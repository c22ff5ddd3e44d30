"""Every assumption behind a plan, in words, by the letter that its lines are marked with."""

from __future__ import annotations

import math

from slide.distributed.planning.advice import Plan
from slide.distributed.planning.counts import ALL_FULL, DIRECT
from slide.distributed.planning.faults import Faults
from slide.distributed.planning.timing import Line

GENERAL = "abcd"  # hold for every line


def assumptions(plan: Plan, faults: Faults) -> dict[str, str]:
    """The sentence of each letter."""
    work, node, rates = plan.work, plan.node, plan.rates
    on_each = f"{node.cores:g} cores" if node.cores != 1 else "one core"
    lists = (
        "every list of the index is as long as it may be, if connections could fill so many"
        if work.lists == ALL_FULL
        else "lists are those measured"
    )
    lists += (
        ", of a shard's labels, with a limit and negatives of its own"
        if work.loose
        else ", cut over all shards, of which each reads its share"
    )
    return {
        "a": f"core-seconds of a step are {rates.source}; {on_each} a node, of which each after "
        f"the first brings {node.thread_efficiency:g} of a core",
        "b": "steps are synchronous; the next batch is taken, and sent, while shards compute, and "
        "nothing else overlaps",
        "c": f"a star: all bytes cross the coordinator's link ("
        f"{node.bandwidth_bytes_per_second * 8 / 1e9:g} Gbit/s, {node.latency_seconds * 1e6:g} us "
        f"one way), and a message to a shard and its answer take it "
        f"{node.call_core_seconds * 1e6:g} us",
        "d": (
            lists if work.learner == DIRECT else "the coordinator has hidden layers and hash tables"
        )
        + "; work on active labels and rebuilding divide by the shards",
        "e": "one node trains without Ray, and sends nothing",
        "f": f"batches up to 1,024 cost no accuracy (docs/decisions/0022), so {work.batch_size:,} "
        "is doubled where that saves a tenth",
        "g": "the labels do not fit: time is that of a node with more memory",
        "h": f"slowness of a shard at a step is lognormal, sigma {faults.sigma:g}; "
        f"{faults.failures_per_node_day:g} failures a node and day, {faults.restart_seconds:g} s "
        f"to restart, checkpoints at {faults.save_bytes_per_second / 1e6:g} MB/s a node",
    }


def letters(plan: Plan, line: Line, faults: Faults) -> str:
    """Those of the assumptions that hold for a line."""
    found = GENERAL if line.n_nodes > 1 else "abd"
    found += "e" if line.n_nodes == 1 else ""
    found += "f" if line.batch_size != plan.work.batch_size else ""
    found += "" if line.fits else "g"
    has_faults = faults.sigma or faults.failures_per_node_day
    return found + ("h" if has_faults else "")


def duration(seconds: float) -> str:
    """Seconds as a person says them."""
    if math.isinf(seconds):
        return "never"
    for unit, size in (("d", 86_400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:.3g} s"
