"""What stragglers and failures make of a predicted run: a simulation, and how often to save.

Slowness of a shard at a step is lognormal with median 1, drawn anew for each shard and step; the
step waits for the slowest. Failures of nodes come as a Poisson process; the run goes on from its
last checkpoint after a restart, during which nothing fails.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from slide.core.contract.arrays import Array
from slide.distributed.planning.timing import Step

DAY = 86_400.0
STEPS, FEWEST = 4000, 100  # that are drawn, of a step's slowness; of many shards fewer
DRAWN, DRAWN_AT_ONCE = 1 << 22, 1 << 20  # numbers
RUNS = 400  # that are drawn, of failures
MANY = 10_000  # failures of a run, whose sum is their number times their mean
MOST = 1000.0  # times the time without failures, after which a run is taken to never end


@dataclass(frozen=True, slots=True)
class Faults:
    """How often what goes wrong.

    Args:
        sigma: of the logarithm of a shard's slowness at a step; 0 for none.
        failures_per_node_day: mean.
        restart_seconds: from a failure until the run computes again.
        save_bytes_per_second: at which each node writes its part of a checkpoint, all at once.
        seed: of what is drawn.
    """

    sigma: float = 0.0
    failures_per_node_day: float = 0.0
    restart_seconds: float = 120.0
    save_bytes_per_second: float = 200e6
    seed: int = 0

    def mean_seconds_between(self, n_nodes: int) -> float:
        """Failures of any of the nodes; infinite if there are none."""
        rate = self.failures_per_node_day * n_nodes
        return DAY / rate if rate else math.inf


@dataclass(frozen=True, slots=True)
class Expected:
    """A run with stragglers and failures.

    Args:
        seconds: of an epoch, mean; infinite if failures come faster than it gets on.
        lost: share of them that is lost to either.
        slowest: mean slowness of the slowest shard.
        checkpoint_seconds: between checkpoints, as advised; infinite if there are no failures.
    """

    seconds: float
    lost: float
    slowest: float
    checkpoint_seconds: float


def expected(
    step: Step, n_steps: int, n_nodes: int, faults: Faults, checkpoint_bytes: float
) -> Expected:
    """An epoch of so many such steps, with what goes wrong.

    Args:
        step: without stragglers.
        n_steps: of the epoch.
        n_nodes: that compute it.
        faults: how often what goes wrong.
        checkpoint_bytes: that each node writes.
    """
    rng = np.random.default_rng(faults.seed)
    slowest = mean_slowest(n_nodes, faults.sigma, rng)
    work = n_steps * (step.seconds + (slowest - 1) * step.shards)
    between = faults.mean_seconds_between(n_nodes)
    save = checkpoint_bytes / faults.save_bytes_per_second
    every = best_interval(save, between)
    seconds = mean_with_failures(work, every, save, between, faults.restart_seconds, rng)
    lost = 1 - n_steps * step.seconds / seconds if seconds else 0.0
    return Expected(seconds, lost, slowest, every)


def mean_slowest(n_nodes: int, sigma: float, rng: np.random.Generator) -> float:
    """Mean over steps of the largest of n lognormal numbers with median 1."""
    if not sigma:
        return 1.0
    at_once = max(DRAWN_AT_ONCE // n_nodes, 1)
    n_steps = min(max(DRAWN // n_nodes, FEWEST), STEPS)
    found = [
        rng.lognormal(0.0, sigma, (min(at_once, n_steps - start), n_nodes)).max(axis=1)
        for start in range(0, n_steps, at_once)
    ]
    return float(np.concatenate(found).mean())


def best_interval(save_seconds: float, between_failures: float) -> float:
    """Seconds of computing between checkpoints that lose least; infinite without failures.

    Source: Daly, A higher order estimate of the optimum checkpoint interval for restart dumps
    (2006), equation 37, which begins with Young's sqrt(2 save between) (1974).
    """
    if math.isinf(between_failures):
        return math.inf
    ratio = save_seconds / (2 * between_failures)
    if ratio >= 1:
        return between_failures
    series = 1 + math.sqrt(ratio) / 3 + ratio / 9
    return math.sqrt(2 * save_seconds * between_failures) * series - save_seconds


def mean_with_failures(
    work: float, every: float, save: float, between: float, restart: float, rng: np.random.Generator
) -> float:
    """Mean seconds of runs that compute for `work`, saving, failing and going on.

    Args:
        work: seconds of computing, if nothing fails.
        every: seconds of computing between checkpoints.
        save: seconds of one; there is none at the end.
        between: seconds between failures, mean.
        restart: seconds of one.
        rng: draws RUNS runs.
    """
    if math.isinf(between) or not work:
        return work
    every = min(max(every, work / 1e6), work)
    n_whole = max(math.ceil(work / every) - 1, 0)
    last = work - n_whole * every
    seconds = np.zeros(RUNS)
    for length, count in ((every + save, n_whole), (last, 1)):
        seconds += tries(length, count, between, restart, rng)
    mean = float(seconds.mean())
    return mean if mean <= MOST * work else math.inf


def tries(
    length: float, count: int, between: float, restart: float, rng: np.random.Generator
) -> Array:
    """Seconds until `count` parts of this length have each been computed without a failure.

    Returns:
        f64 (RUNS,). Failures before a part succeeds are geometric, and each comes after an
        exponential time that is known to be below the length.
    """
    if not count:
        return np.zeros(RUNS)
    succeeds = math.exp(-length / between)
    if succeeds < 1 / MOST:
        return np.full(RUNS, math.inf)
    n_failures = rng.negative_binomial(count, succeeds, RUNS)
    in_vain = between - length * succeeds / -math.expm1(-length / between)  # mean of a failed try
    computed = [
        -between * np.log1p(-rng.random(n) * (1 - succeeds)).sum() if n <= MANY else n * in_vain
        for n in n_failures.tolist()
    ]
    seconds: Array = count * length + n_failures * restart + np.array(computed)
    return seconds
