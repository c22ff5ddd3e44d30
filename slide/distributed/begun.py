"""Among whom a run was begun, by its checkpoint: it goes on among the same."""

from __future__ import annotations

from typing import Any

from slide.core.contract.state import State
from slide.core.errors import MismatchError, said


def begun_by(learner: State) -> dict[str, Any]:
    """What was asked for when a run was begun, by the names of the options.

    Args:
        learner: state of its learner, without arrays.
    """
    if "bounds" in learner:  # of the labels of shards
        return {"distributed": True, "shards": len(learner["bounds"]) - 1} | {
            name: learner[name] for name in ("loose",) if name in learner
        }
    if "own" in learner:  # what each worker has
        n, every = len(learner["own"]), learner["every"]
        return {"distributed": True, "combine": "averaged", "shards": n, "average_every": every}
    return {}


def refuse_other(before: dict[str, Any], now: dict[str, Any]) -> None:
    """Raise MismatchError if a run is to go on among others than it was begun among.

    Args:
        before: see `begun_by`; what it does not tell of is no matter where it tells of any.
        now: the same of what is asked for.
    """
    for name in ("distributed", "combine", "shards", "average_every", "loose"):
        was, wanted = before.get(name), now.get(name)
        if was == wanted or (name == "loose" and name not in before):
            continue
        if not was:
            raise MismatchError(f"the run that goes on has no {said(name)}: leave it out")
        got = f", got {wanted}" if wanted else ""
        raise MismatchError(f"the run that goes on has {said(name, was)}{got}: give it as it was")
