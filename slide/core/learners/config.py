"""Settings as people say them: by their names alone, whatever part and learner they are of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import FrozenInstanceError
from typing import Any

from slide.core.errors import ConfigError, by_names
from slide.core.errors import said as spelled
from slide.core.learner import Kind
from slide.core.learners import kinds
from slide.core.learners.kinds import kind_of
from slide.core.settings.demands import close_to, nearest
from slide.core.settings.setting import Part, Setting, flat, made, plain, settings_of
from slide.core.settings.settings import Refresh, Settings, Steps, Training

PARTS = ("training", "steps", "refresh", "learner")
FIELDS = (*PARTS, "chosen")
LISTING = "python -m slide.report.settings"


class Config(Settings[Any]):
    """Settings of one run; each is checked when the object is made.

    Of `Config(K=9, epochs=2)` the settings that nobody said are chosen when there is a training
    set: `Trainer.fit` asks `slide.recipe`, as the command line does. Until then they stand at the
    defaults of the kind of learner that has all settings which are said, of the first such kind if
    there are several. A Config that `recipe` made, or that is made of parts, is whole: nothing of
    it is chosen any more. Settings are read by name, `config.K`, or in parts,
    `config.learner.hashing.K`; docs/settings.md lists them.

    Args:
        training, steps, refresh, learner: parts that settings are taken from which are not said: so
            `dataclasses.replace(config, K=9)` is another Config of the same kind.
        chosen: what was said of the Config that such a replacement is made of.
        said: settings by name; NumPy's numbers are taken for Python's, and one width or a list of
            them for a tuple.

    Raises:
        ConfigError: a setting is unknown or out of its range, or no learner has all of them.
    """

    __slots__ = ()

    def __init__(
        self,
        training: Training | None = None,
        learner: Part | None = None,
        steps: Steps | None = None,
        refresh: Refresh | None = None,
        chosen: Mapping[str, Any] | None = None,
        **said: Any,
    ) -> None:
        said, parts = plainly(said), (training, steps, refresh, learner)
        if chosen is not None and parts == Config(**chosen)._parts:
            self.__init__(**{**chosen, **said})  # type: ignore[misc]
            return
        self._demand_parts(training, steps, refresh)
        kind = kinds_asked_for(said)[0] if learner is None else kind_with(learner, said)
        given = [flat(part) for part in parts if part is not None]
        values = {name: value for part in given for name, value in part.items()} | said
        own = {name: made(part, values) for name, part in kind.parts.items()}
        Settings.__init__(self, **own, chosen=None if given else said)

    @staticmethod
    def _demand_parts(training: Any, steps: Any, refresh: Any) -> None:
        """Raise ConfigError unless each is the part of its name."""
        general = {"training": (training, Training), "steps": (steps, Steps),
                   "refresh": (refresh, Refresh)}  # fmt: skip
        for name, (part, wanted) in general.items():
            if part is not None and not isinstance(part, wanted):
                raise ConfigError(f"{name} is {part!r}: expected a part {wanted.__name__}")

    @property
    def _parts(self) -> tuple[Part, ...]:
        """In the order of PARTS."""
        return self.training, self.steps, self.refresh, self.learner

    def __getattr__(self, name: str) -> Any:
        if name in FIELDS:  # not there yet
            raise AttributeError(name)
        try:
            return self.flat()[name]
        except KeyError:
            title = kind_of(self).title
            raise AttributeError(
                f"{name!r} is no setting of {title}: see docs/settings.md"
            ) from None

    def __setattr__(self, name: str, value: Any) -> None:
        raise FrozenInstanceError(
            f"cannot assign to {name!r}: dataclasses.replace(config, {name}=...) makes another one"
        )

    def __repr__(self) -> str:
        told = self.flat() if self.chosen is None else self.chosen
        return f"Config({', '.join(f'{name}={value!r}' for name, value in told.items())})"

    def flat(self) -> dict[str, Any]:
        """All settings by name, in the order of the parts; those that the learner has."""
        parts = [flat(getattr(self, name)) for name in kind_of(self).parts]
        return {name: value for part in parts for name, value in part.items()}

    @classmethod
    def from_dict(cls, stored: Any, learner: str | None = None) -> Config:
        """The inverse of `flat`, from JSON.

        A model that is older than a setting does not have it. It then is what did the same before
        (`Setting.before`).

        Args:
            stored: a dict by name.
            learner: name of the kind; None in models of format 2, in which the settings of both
                kinds stood and `hidden` said which is meant.

        Raises:
            ConfigError: a setting is unknown, or out of its range.
        """
        if not isinstance(stored, dict):
            raise ConfigError(f"config is {stored!r}: expected settings by name")
        stored = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in stored.items()
        }
        refuse_unknown(stored)
        kind = kind_of_stored(stored) if learner is None else kind_named(learner)
        if learner is None:
            stored = {name: stored[name] for name in known(kind) if name in stored}
        before = {name: setting.before for name, setting in known(kind).items()}
        with by_names():
            return cls(learner=kind.settings(), **(before | stored))


def known(kind: Kind) -> dict[str, Setting]:
    """All settings of a kind of learner, by name."""
    return {
        name: setting for part in kind.parts.values() for name, setting in settings_of(part).items()
    }


def all_known() -> dict[str, list[Setting]]:
    """All settings there are, by name, of each kind that has one of that name."""
    found: dict[str, list[Setting]] = {}
    for kind in kinds.KINDS:
        for name, setting in known(kind).items():
            found.setdefault(name, []).append(setting)
    return found


def plainly(said: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as they have their values (see `slide.core.settings.setting.plain`).

    Raises:
        ConfigError: there is no such setting.
    """
    refuse_unknown(said)
    return {name: plain(all_known()[name][0].kind, value) for name, value in said.items()}


def refuse_unknown(said: Iterable[str]) -> None:
    """Raise ConfigError if no kind of learner has such a setting."""
    for name in sorted(set(said) - set(all_known())):
        raise ConfigError(f"unknown setting {name!r}: {expected_instead(name)}")


def expected_instead(name: str) -> str:
    """Which setting was meant by a name that is none, or those that are nearest to it."""
    meant = meant_by(name)
    return f"did you mean {meant!r}?" if meant else f"expected {a_setting(name)}"


def a_setting(name: str) -> str:
    """What a name that is none should be: those that are nearest, and where all are listed."""
    return f"a setting, such as {nearest(name, all_known())} (`{LISTING}` lists all)"


def meant_by(name: str) -> str | None:
    """The setting that is spelled like a name that is none, or else whose help begins with it."""
    names, words = all_known(), name.lower().replace("_", " ").strip()
    helps = {setting.help: other for other, same in names.items() for setting in same}
    said_in_full = (other for help, other in helps.items() if words and help.startswith(words))
    return close_to(name, names) or next(said_in_full, None)


def kind_named(name: str) -> Kind:
    """The kind of learner of this name.

    Raises:
        ConfigError: there is none.
    """
    for kind in kinds.KINDS:
        if kind.name == name:
            return kind
    names = ", ".join(kind.name for kind in kinds.KINDS)
    raise ConfigError(f"learner is {name!r}: expected one of {names}")


def kind_of_stored(stored: dict[str, Any]) -> Kind:
    """The kind of learner of a model of format 2.

    Raises:
        ConfigError: it lacks `hidden`, which told.
    """
    if "hidden" not in stored:
        raise ConfigError("hidden is not there: expected the units of each hidden layer, or none")
    return kinds_asked_for({"hidden": stored["hidden"]})[0]


def kind_with(learner: Part, said: dict[str, Any]) -> Kind:
    """The kind of learner that such settings are of.

    Raises:
        ConfigError: it does not have a setting that is said.
    """
    kind = next((kind for kind in kinds.KINDS if kind.settings is type(learner)), None)
    if kind is None:
        names = " or ".join(kind.settings.__name__ for kind in kinds.KINDS)
        raise ConfigError(f"learner is {learner!r}: expected a part {names}")
    refuse_unknown(said)
    for name in sorted(set(said) - set(known(kind))):
        raise ConfigError(f"{spelled(name)} is no setting of {kind.title}: leave it out")
    return kind


def kinds_asked_for(said: dict[str, Any]) -> list[Kind]:
    """The kinds of learners that have all settings which are said.

    Who says what is fixed for one kind (`Setting.is_fixed`) and a choice for another asks for the
    other, unless that one does not have the value.

    Raises:
        ConfigError: none has.
    """
    refuse_unknown(said)
    having = {name: kinds_with(name, value) for name, value in said.items()}
    found = [kind for kind in kinds.KINDS if all(kind in each for each in having.values())]
    if not found:
        refuse_together(said, having)
    choosing = [kind for kind in found if not any(known(kind)[name].is_fixed for name in said)]
    return choosing or found


def kinds_with(name: str, value: Any) -> list[Kind]:
    """The kinds of learners that have a setting of this name and such a value.

    Raises:
        ConfigError: none has.
    """
    found, refusals = [], []
    for kind in kinds.KINDS:
        if setting := known(kind).get(name):
            try:
                setting.demand(spelled(name), value)
                found.append(kind)
            except ConfigError as error:
                refusals.append(error)
    if not found:
        raise next((error for error in refusals if "did you mean" in str(error)), refusals[0])
    return found


def refuse_together(said: dict[str, Any], having: dict[str, list[Kind]]) -> None:
    """Raise ConfigError with two settings that no kind of learner has together."""
    pairs = [
        (one, other)
        for one in said
        for other in said
        if not any(kind in having[one] for kind in having[other])
    ]
    one, two = (
        f"{spelled(name, said[name])} is a setting of "
        f"{' and of '.join(kind.title for kind in having[name])}"
        for name in (pairs[0] if pairs else (next(iter(said)), next(reversed(said))))
    )
    raise ConfigError(f"{one}, but {two}: leave one of them out")
