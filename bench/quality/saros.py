"""Is one pass over blocks as good as BPR? `python -m bench.quality.saros LOG --bpr PYTHON`.

LOG is a log of clicks (docs/saros.md). Each user's latest share is held out, once for everybody,
and what precedes it is trained on:

* popularity: clicks of an item; and clicks among those to whom it was shown;
* BPR of implicit: random items that a user did not click for negatives;
* BPR on what was shown: the same factors in NumPy, a skipped item of the user for each click;
* slide with solved labels, its default, and with the loss bce, on the same blocks;
* slide with the loss saros: one pass, several, without users of few or of many blocks, and without
  the users who are judged.

Held-out clicks are ranked twice: among all items but those that the user was shown before, and, as
the paper does, among the items that the user was shown in the held-out part. Means over seeds. One
thread; CPU seconds of training. Scores are one dense matrix: for logs of some thousand users.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import scipy.sparse
from threadpoolctl import threadpool_limits

import slide
from bench import ROOT
from bench.harness.tables import Table
from slide.core.contract.arrays import CSR, Array
from slide.core.examples.measures import map_at
from slide.core.examples.metrics import best_of_each, hits, ndcg_at
from slide.data.click_logs import ClickLog

DEPTHS = (5, 10)
FACTORS, RATE, SHRINKAGE = 32, 0.05, 0.01  # of BPR on what was shown
BATCH = 64
Scores = tuple[Array, float]
"""Of held-out users and all items, f32, and the CPU seconds of training."""


@dataclass(frozen=True, slots=True)
class Split:
    """A log, cut once.

    Args:
        log: events to train on, users and items by number.
        users, items: i64 (n,), of each of them.
        test: an example for each user with held-out clicks.
        who: i64, the users of these.
        n_users: in the whole log.
    """

    log: ClickLog
    users: Array
    items: Array
    test: slide.Dataset
    who: Array
    n_users: int

    @classmethod
    def of(cls, whole: ClickLog, share: float) -> Split:
        is_earlier = slide.data.earlier(whole.users, whole.times, share=share)
        log = whole.take(is_earlier)
        test = slide.data.held_out(*whole, share=share, like=slide.data.blocks(*log))
        names = {name: number for number, name in enumerate(test.label_names.values)}
        met, users = np.unique(whole.users.astype(str), return_inverse=True)
        items = np.array([names[item] for item in log.items], np.int64)
        later = whole.clicked & ~is_earlier
        clicks = np.bincount(users[later], minlength=len(met))
        _, first = np.unique(users, return_index=True)
        who = users[np.sort(first)]  # as examples are ordered: as the log meets them
        return cls(log, users[is_earlier], items, test, who[clicks[who] > 0], len(met))

    def counts(self, chosen: Array) -> Array:
        """How often each user met each item in the chosen events, f32 (n_users, n_items)."""
        pairs = self.users[chosen], self.items[chosen]
        ones = np.ones(len(pairs[0]), np.float32)
        shape = self.n_users, self.test.n_labels
        return scipy.sparse.coo_array((ones, pairs), shape).toarray()

    def measured(self, scores: Array) -> dict[str, float]:
        """Both rankings, in per cent."""
        y = self.test.y
        clicks = y.positive()
        seen = self.counts(np.ones(len(self.items), bool))[self.who] > 0
        shown = np.zeros(seen.shape, bool)
        shown[y.row_numbers(), y.indices] = True
        found = {}
        for name, allowed in (("all", ~seen), ("shown", shown)):
            ids = best_of_each(entries(scores, allowed), max(DEPTHS))
            hit, n = hits(ids, clicks), clicks.row_lengths()
            found |= {f"{name} MAP@{k}": 100 * map_at(hit, n, k) for k in DEPTHS}
            found |= {f"{name} nDCG@{k}": 100 * ndcg_at(ids, clicks, k) for k in DEPTHS}
        return found


def entries(scores: Array, allowed: Array) -> CSR:
    """The scores that may be ranked."""
    rows, columns = np.nonzero(allowed)
    indptr = np.searchsorted(rows, np.arange(len(scores) + 1))
    return CSR(indptr, columns.astype(np.int32), scores[rows, columns], scores.shape[1])


def popular(split: Split, seed: int) -> Scores:
    """How many clicked it."""
    clicks = split.counts(split.log.clicked).sum(axis=0)
    return np.tile(clicks, (len(split.who), 1)), 0.0


def liked(split: Split, seed: int) -> Scores:
    """How many of those to whom it was shown clicked it; one click of two more, for rare items."""
    clicks = split.counts(split.log.clicked).sum(axis=0)
    shown = split.counts(np.ones(len(split.items), bool)).sum(axis=0)
    return np.tile((clicks + 1) / (shown + 2), (len(split.who), 1)), 0.0


def implicit_bpr(python: str, passes: int) -> Callable[[Split, int], Scores]:
    """BPR of the package implicit, in an environment of its own."""

    def scores(split: Split, seed: int) -> Scores:
        with TemporaryDirectory() as name:
            folder = Path(name)
            clicks = scipy.sparse.csr_matrix(split.counts(split.log.clicked) > 0, dtype=np.float32)
            scipy.sparse.save_npz(folder / "clicks.npz", clicks)
            command = [python, "-m", "bench.rivals.bpr", name, str(passes), str(seed)]
            ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            if ran.returncode:
                reason = ran.stderr.strip().splitlines()[-1]
                raise SystemExit(
                    f"{python} fails ({reason}): pip install implicit==0.7.3 into an environment, "
                    "and say --bpr ENVIRONMENT/bin/python"
                )
            return np.load(folder / "scores.npy")[split.who], float(ran.stdout)

    return scores


def shown_bpr(passes: int) -> Callable[[Split, int], Scores]:
    """Factors of users and items, by pairs of what a user clicked and what they skipped."""

    def scores(split: Split, seed: int) -> Scores:
        began, rng = time.process_time(), np.random.default_rng(seed)
        n_items = split.test.n_labels
        of_users = rng.normal(0, 0.1, (split.n_users, FACTORS))
        of_items, bias = rng.normal(0, 0.1, (n_items, FACTORS)), np.zeros(n_items)
        clicked, is_skip = np.flatnonzero(split.log.clicked), ~split.log.clicked
        skips = np.flatnonzero(is_skip)[np.argsort(split.users[is_skip], kind="stable")]
        n_skips = np.bincount(split.users[is_skip], minlength=split.n_users)
        first = np.cumsum(n_skips) - n_skips
        clicked = clicked[n_skips[split.users[clicked]] > 0]
        for _ in range(passes):
            order = rng.permutation(clicked)
            for start in range(0, len(order), BATCH):
                event = order[start : start + BATCH]
                user, i = split.users[event], split.items[event]
                drawn = (rng.random(len(event)) * n_skips[user]).astype(np.int64)
                j = split.items[skips[first[user] + drawn]]
                apart, whose = of_items[i] - of_items[j], of_users[user]
                margin = (whose * apart).sum(axis=1) + bias[i] - bias[j]
                step = RATE / (1 + np.exp(margin))
                np.add.at(of_users, user, step[:, None] * apart - RATE * SHRINKAGE * whose)
                for item, sign in ((i, 1), (j, -1)):
                    pull = sign * step[:, None] * whose - RATE * SHRINKAGE * of_items[item]
                    np.add.at(of_items, item, pull)
                    np.add.at(bias, item, sign * step)
        logits = of_users[split.who] @ of_items.T + bias
        return logits.astype(np.float32), time.process_time() - began

    return scores


def by_slide(fewest: int = 1, most: int | None = None, **chosen: Any) -> Callable[..., Scores]:
    """A model of the blocks of users who have so many of them."""

    def scores(split: Split, seed: int) -> Scores:
        return trained(split, split.log, seed, chosen, fewest, most)

    return scores


def strangers(split: Split, seed: int) -> Scores:
    """Loss saros; half of the users are scored by a model of the other half's blocks, and back."""
    logits, seconds = np.zeros((len(split.who), split.test.n_labels), np.float32), 0.0
    for half in (0, 1):
        others = split.log.take(split.users % 2 != half)
        found, taken = trained(split, others, seed, {"loss": "saros"}, like=split.test)
        own = split.who % 2 == half
        logits[own] = found[own]
        seconds += taken
    return logits, seconds


def trained(
    split: Split,
    log: ClickLog,
    seed: int,
    chosen: dict[str, Any],
    fewest: int = 1,
    most: int | None = None,
    like: slide.Dataset | None = None,
) -> Scores:
    """A model of a log's blocks, whose items are the first of the split's, or those of `like`."""
    backend = slide.load_backend("numba")
    backend.set_threads(1)
    began = time.process_time()
    blocks = slide.data.blocks(*log, fewest=fewest, most=most, like=like)
    model = slide.Trainer(slide.recipe(blocks, seed=seed, **chosen), backend=backend).fit(blocks)
    seconds = time.process_time() - began
    ids, found = model.predict(split.test.x, blocks.n_labels)
    logits = np.full((len(ids), split.test.n_labels), -np.inf, np.float32)
    np.put_along_axis(logits, ids.astype(np.int64), found, axis=1)
    return logits, seconds


def quantiles(split: Split, *shares: float) -> list[int]:
    """So many blocks have these shares of the users at most, of those who have any."""
    logs = [split.log.take(split.users == user) for user in range(split.n_users)]
    numbers = np.array([slide.data.blocks(*log).n_samples for log in logs])
    return [int(np.quantile(numbers[numbers > 0], share)) for share in shares]


def contestants(split: Split, python: str) -> dict[str, Callable[[Split, int], Scores]]:
    """By the names in the table."""
    low, high = quantiles(split, 0.05, 0.95)
    saros = {"loss": "saros"}
    return {
        "popularity": popular,
        "clicks of those shown": liked,
        "BPR of implicit, 100 passes": implicit_bpr(python, 100),
        "BPR of implicit, 1 pass": implicit_bpr(python, 1),
        "BPR on what was shown, 20 passes": shown_bpr(20),
        "BPR on what was shown, 1 pass": shown_bpr(1),
        "slide, solved labels (default)": by_slide(),
        "slide, solved labels, cost 0.01": by_slide(cost=0.01),
        "slide, bce": by_slide(loss="bce"),
        "slide, bce, 1 pass at the rate of saros": by_slide(loss="bce", epochs=1, lr=0.5),
        "slide, bce, 64 hidden units": by_slide(loss="bce", hidden=64, epochs=3),
        "slide, saros, 1 pass (default)": by_slide(**saros),
        "slide, saros, 1 pass, of other users": strangers,
        "slide, saros, 1 pass, rate 2": by_slide(**saros, lr=2.0),
        "slide, saros, 1 pass, rate 0.1": by_slide(**saros, lr=0.1),
        "slide, saros, 2 passes": by_slide(**saros, epochs=2),
        "slide, saros, 5 passes": by_slide(**saros, epochs=5),
        f"slide, saros, {low} blocks or more": by_slide(low, **saros),
        f"slide, saros, {high} blocks or fewer": by_slide(most=high, **saros),
        f"slide, saros, {low} to {high} blocks": by_slide(low, high, **saros),
        "slide, saros, 1 pass, 64 hidden units": by_slide(**saros, hidden=64, epochs=1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("log", type=Path, metavar="LOG")
    parser.add_argument("--columns", type=lambda names: names.split(","))
    parser.add_argument("--clicked-from", type=float)
    parser.add_argument("--hold-out", type=float, default=0.2)
    parser.add_argument("--bpr", default=sys.executable, metavar="PYTHON", help="has implicit")
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    whole = slide.data.read_clicks(asked.log, asked.columns, asked.clicked_from)
    split, rows = Split.of(whole, asked.hold_out), []
    with threadpool_limits(1, "blas"):
        for name, scores in contestants(split, asked.bpr).items():
            figures: list[dict[str, float]] = []
            for seed in range(asked.seeds):
                found, seconds = scores(split, seed)
                figures.append(split.measured(found) | {"CPU s": seconds})
            means = {what: float(np.mean([each[what] for each in figures])) for what in figures[0]}
            rows.append({"": name} | {what: f"{value:.1f}" for what, value in means.items()})
            print(rows[-1], file=sys.stderr)
    n = f"{len(split.items):,} events of {split.n_users:,} users, {split.test.n_samples:,} judged"
    print(Table(asked.log.name, rows, n).markdown())


if __name__ == "__main__":
    main()
