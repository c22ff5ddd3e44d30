"""What a run that goes on takes over, what may be changed about it, and what is refused."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from slide.core.contract.state import State
from slide.core.errors import ConfigError, said_anew, worded
from slide.core.errors import said as said_of
from slide.core.learners.config import Config
from slide.core.runs.keeping import LAST, Keeping

MAY_CHANGE = "epochs", "lr"


def refuse_other_data(run: State, found: State) -> None:
    """Raise ConfigError unless data sets and start are those that the run was begun with.

    Args:
        run: what its checkpoint says of it.
        found: see `digests_of`; that of the start is None, too, where nobody says it again.
    """
    if run["train"] != found["train"]:
        raise ConfigError(
            "the training set is another one than the checkpoint's run has: give the same, or "
            f"begin anew by {said_anew()}"
        )
    for what, digest in found["names"].items():
        if run["names"][what] != digest:
            raise ConfigError(
                f"{what} not as in the training set of the checkpoint's run: give the same, or "
                f"begin anew by {said_anew()}"
            )
    refuse_other_start(run["begun_with"], found["begun_with"])
    refuse_other_valid(run["valid"], found["valid"])


def refuse_other_start(run: str | None, found: str | None) -> None:
    """Raise ConfigError if a model is given that the run was not begun with."""
    if found not in (None, run):
        what = "with none" if run is None else "with another one"
        raise ConfigError(
            f"begin_with is a model, but the checkpoint's run was begun {what}: leave it out, or "
            f"begin anew by {said_anew()}"
        )


def refuse_other_valid(run: str | None, found: str | None) -> None:
    """Raise ConfigError unless the validation set is that of the run."""
    if run == found:
        return
    what = "there is none" if found is None else "it is another one"
    if run is None:
        what = "it has none"
    raise ConfigError(
        f"the checkpoint's run is not measured on this validation set, {what}: give the same "
        f"{worded('one', '--valid')}, or none if it had none, or begin anew by {said_anew()}"
    )


def config_of(run: State, said: Config, place: State) -> Config:
    """Settings of the run with those changes that are said and may be made.

    Args:
        run: what its checkpoint says of it.
        said: what is asked for now; what it leaves open stays.
        place: how far it is (`slide.core.runs.clock.Place`).

    Raises:
        ConfigError: another setting is asked for than the run has, or one that comes too late.
    """
    stored = Config.from_dict(run["config"], run["learner"])
    has = stored.flat()
    asked = said.flat() if said.chosen is None else said.chosen
    changed = {name: value for name, value in asked.items() if has.get(name, none) != value}
    for name in sorted(set(changed) - set(MAY_CHANGE)):
        found = f"has {has[name]!r}" if name in has else "has no such setting"
        raise ConfigError(
            f"{said_of(name)} is {changed[name]!r}, but the checkpoint's run {found}: only "
            f"{' and '.join(map(said_of, MAY_CHANGE))} may change on the way; leave it out, or "
            f"begin anew by {said_anew()}"
        )
    if "epochs" in changed:
        refuse_epochs(changed["epochs"], place)
    return replace(stored, **changed)


none = object()


def refuse_epochs(epochs: int, place: State) -> None:
    """Raise ConfigError if a run cannot have so many, where it is."""
    if epochs < place["epoch"]:
        raise ConfigError(
            f"{said_of('epochs')} is {epochs}, but the checkpoint's run is in epoch "
            f"{place['epoch']}: expected so many at least"
        )
    if place["n_finished"] or place["has_enough"] or place["is_done"]:
        raise ConfigError(
            f"{said_of('epochs')} is {epochs}, but the checkpoint's run has had its last epoch, "
            f"{place['epoch']}: leave it out, or begin anew by {said_anew()}"
        )


def keeping_of(run: State, said: Keeping) -> Keeping:
    """Which model the run is to leave.

    Raises:
        ConfigError: another one is asked for than was at the beginning.
    """
    stored = Keeping(**run["keeping"])
    if said not in (LAST, stored):
        raise ConfigError(
            f"{said_of('keep')}, {said_of('metric')} or {said_of('patience')} is not as in the "
            f"checkpoint's run, which has {stored}: leave them out, or begin anew by {said_anew()}"
        )
    return stored


def description_of(config: Config, learner: str, keeping: Keeping, data: State) -> State:
    """What a checkpoint says of its run, for the functions above.

    Args:
        config: all settings.
        learner: its name.
        keeping: which model is left.
        data: see `digests_of`.
    """
    own = {"config": config.flat(), "learner": learner, "keeping": asdict(keeping)}
    return own | data


def changes(run: State, config: Config) -> dict[str, tuple[Any, Any]]:
    """Settings that are others from now on: before, and after."""
    before, after = Config.from_dict(run["config"], run["learner"]).flat(), config.flat()
    return {name: (before[name], after[name]) for name in after if before[name] != after[name]}
