"""What a checkpoint must say of its run: whoever made it, it is looked at before it is used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from slide.core.checkpoints.every import Every
from slide.core.checkpoints.shelf import BEST
from slide.core.contract.forms import (
    demand_array,
    demand_counts,
    demand_fields,
    demand_finite,
    demand_flags,
    demand_numbers,
    demand_rng,
)
from slide.core.contract.invariants import demand
from slide.core.contract.state import State
from slide.core.errors import FAULTS, MismatchError, ModelError, reason_of, said_anew
from slide.core.learner import StepReport
from slide.core.learners.config import Config
from slide.core.runs.digests import NAMED
from slide.core.runs.keeping import Keeping
from slide.core.runs.refusals import demand_time_budget

DIGEST = "a digest is no text"
PARTS = (
    "run", "clock", "place", "kept", "records", "seconds_by_kernel", "calls_by_kernel", "learner",
)  # fmt: skip
OF_CLOCK = "seconds", "examples", "step", "seconds_evaluate"
LATER: State = {"calls_by_kernel": {}}  # what checkpoints of before do not have
LATER_OF_CLOCK: State = {"seconds_evaluate": 0.0}


@contextmanager
def understood() -> Iterator[None]:
    """Where something in a checkpoint is not what a run has left there.

    Raises:
        ModelError: it says so.
        MismatchError: it is as it should be, and the run is asked for otherwise.
    """
    try:
        yield
    except MismatchError:
        raise
    except FAULTS as error:
        raise ModelError(
            f"the checkpoint is damaged ({reason_of(error)}): begin anew by {said_anew()}"
        ) from None


def demand_heading(found: State) -> None:
    """Raise unless a state without its arrays is that of a run.

    Raises:
        ModelError: it is something else.
    """
    with understood():
        demand_fields("it", LATER | found, PARTS)
        demand_run(found["run"])
        demand_counts(found["clock"], "examples", "step")
        clock = LATER_OF_CLOCK | found["clock"]
        demand_fields("the clock", clock, OF_CLOCK)
        demand_finite(clock, "seconds", "seconds_evaluate")
        demand_counts(found["place"], "epoch", least=1)
        demand_counts(found["place"], "n_finished")
        demand_flags(found["place"], "has_enough", "is_done")
        epochs = found["run"]["config"]["epochs"]
        demand(found["place"]["epoch"] <= epochs, "it is beyond the last epoch")
        demand_kept(found["kept"])
        seconds = found["seconds_by_kernel"]
        demand_finite(seconds, *seconds)
        calls = (LATER | found)["calls_by_kernel"]
        demand_counts(calls, *calls)
        demand(all(isinstance(record, dict) for record in found["records"]), "records of no epoch")


def demand_run(run: State) -> None:
    """Raise unless it says how the run was begun."""
    Config.from_dict(run["config"], str(run["learner"]))
    Keeping(**run["keeping"])
    Every(run["every"])
    digests = [run[name] for name in ("train", "valid", "begun_with")]
    demand_fields("names", run["names"], NAMED)
    demand(all(isinstance(one, str | None) for one in (*digests, *run["names"].values())), DIGEST)
    demand_flags(run, "calibrate")
    if run["time_budget"] is not None:
        demand_time_budget(run["time_budget"])


def demand_start(start: Any) -> None:
    """Raise unless it tells of the model that a run began with, or that there is none."""
    if start is None:
        return
    demand_fields("the start", start, ("features", "labels", "label_counts", "n_samples"))
    demand_counts(start, "n_samples")
    for name in ("features", "labels"):
        part = start[name]
        demand_fields(name, part, ("n", "ids"))
        demand_counts(part, "n")
        demand(part["n"] < 1 << 31, f"there are {part['n']} {name}")
        if part["ids"] is not None:
            demand_array(name, part["ids"], np.int32, part["n"])
            demand(bool((np.diff(part["ids"], prepend=-1) > 0).all()), f"{name} do not ascend")
    demand_array("label_counts", start["label_counts"], np.int64, start["labels"]["n"])
    demand(bool((start["label_counts"] >= 0).all()), "a label has less than no examples")


def demand_kept(kept: State) -> None:
    """Raise unless it tells of the best epoch, whose folder lies beside the checkpoints."""
    demand_counts(kept, "n_worse")
    demand_numbers(kept, "best")
    demand(isinstance(kept["record"], dict), "a record of no epoch")
    name = kept["folder"]
    demand(name is None or BEST.fullmatch(name) is not None, "the best model is elsewhere")


def demand_place(place: Any) -> None:
    """Raise unless it tells of steps, with its arrays."""
    reports = place["reports"]
    demand_fields("a report", reports, StepReport.__dataclass_fields__)
    n = len(reports["loss"])
    for name, column in reports.items():
        is_number = isinstance(column, np.ndarray) and column.dtype.kind in "fi"
        demand(is_number and column.shape == (n,), f"{name} is not of {n} steps")
    if place["drawn_from"] is not None:
        demand_rng(place["drawn_from"])
