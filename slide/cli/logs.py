"""Logs of sessions and of clicks on the command line: options, and how they are read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from slide.core.errors import ConfigError, DataError

if TYPE_CHECKING:
    from slide.core.examples.dataset import Dataset
    from slide.core.examples.naming import Called
    from slide.core.models.model import Model
    from slide.data.source import Watch

PANEL = "Logs of sessions and of clicks (.csv, .tsv, .parquet, .jsonl)"
Sessions = Annotated[
    bool,
    typer.Option(
        "--sessions",
        help="Read a log, an event a row: session or user, item, time.",
        rich_help_panel=PANEL,
    ),
]
Clicks = Annotated[
    bool,
    typer.Option(
        "--clicks",
        help="Read a log of what users were shown, an event a row: user, item, click, time.",
        rich_help_panel=PANEL,
    ),
]
LogColumns = Annotated[
    str | None,
    typer.Option(
        "--columns",
        metavar="SESSION,ITEM[,TIME]",
        help="What the columns are called, of clicks USER,ITEM,CLICK[,TIME]; usual names are found "
        "if not given.",
        rich_help_panel=PANEL,
    ),
]
ClickedFrom = Annotated[
    float | None,
    typer.Option(
        "--clicked-from",
        metavar="X",
        help="Values from X on are clicks, as 4 of ratings; 1 and true if not given.",
        rich_help_panel=PANEL,
    ),
]
HoldOut = Annotated[
    float | None,
    typer.Option(
        "--hold-out",
        metavar="SHARE",
        help="The latest share of what each user was shown is not trained on, but evaluated on.",
        rich_help_panel=PANEL,
    ),
]
Shown = Annotated[
    bool,
    typer.Option(
        "--shown",
        help="Rank the items that a user was shown alone, instead of all items.",
        rich_help_panel=PANEL,
    ),
]
NoRepeats = Annotated[
    bool,
    typer.Option(
        "--no-repeats",
        help="Items that a session had, or a user was shown, are no answers.",
        rich_help_panel=PANEL,
    ),
]


class Logs(Protocol):
    """How logs are read."""

    @property
    def kind(self) -> str:
        """What an example that is answered is of: a session, a user."""

    @property
    def option(self) -> str:
        """What says that files are such logs."""

    def read(
        self, paths: Path | list[Path], like: Called | None = None, watch: Watch | None = None
    ) -> Dataset:
        """Examples with labels; the watch is told how far they are read.

        Raises:
            DataError: there is none.
        """

    def read_pair(self, train: Path, valid: Path | None) -> tuple[Dataset, Dataset | None]:
        """The training set, and the validation set by its items."""

    def read_ends(self, path: Path, model: Model) -> tuple[list[Any], Dataset]:
        """Of whom there is anything, and all of it as an example."""


@dataclass(frozen=True, slots=True)
class SessionLogs:
    """How logs of sessions are read.

    Args:
        columns: of session, item and time; None for usual names.
        seen_are_answers: whether items may come again.
    """

    columns: list[str] | None
    seen_are_answers: bool
    kind: str = "session"
    option: str = "--sessions"

    def read(
        self, paths: Path | list[Path], like: Called | None = None, watch: Watch | None = None
    ) -> Dataset:
        """An example for each prefix of a session; see `Logs`."""
        from slide.data import read_sessions, sessions
        from slide.data.source import unwatched

        log = read_sessions(paths, self.columns, watch or unwatched)
        data = sessions(*log, seen_are_answers=self.seen_are_answers, like=like)
        what = "two items" if self.seen_are_answers else "two items, the last of them new to it"
        return any_of(data, f"no session has {what}", paths)

    def read_pair(self, train: Path, valid: Path | None) -> tuple[Dataset, Dataset | None]:
        """See `Logs`."""
        from slide.data import refuse_twice

        refuse_twice(train, valid)
        train_set = self.read(train)
        return train_set, None if valid is None else self.read(valid, train_set)

    def read_ends(self, path: Path, model: Model) -> tuple[list[Any], Dataset]:
        """See `Logs`."""
        from slide.data import last_of_sessions, read_sessions

        log = read_sessions(path, self.columns)
        return last_of_sessions(*log, seen_are_answers=self.seen_are_answers, like=model)


@dataclass(frozen=True, slots=True)
class ClickLogs:
    """How logs of clicks are read.

    Args:
        columns: of user, item, click and time; None for usual names.
        seen_are_answers: whether items may be shown again.
        clicked_from: the least value that is a click; None where values are 0 or 1.
        hold_out: the latest share of each user's events that is not trained on; None for none.
    """

    columns: list[str] | None
    seen_are_answers: bool
    clicked_from: float | None = None
    hold_out: float | None = None
    kind: str = "user"
    option: str = "--clicks"

    def read(
        self, paths: Path | list[Path], like: Called | None = None, watch: Watch | None = None
    ) -> Dataset:
        """An example for each block, or for what is held out of each user; see `Logs`."""
        from slide.data import blocks, held_out, read_clicks
        from slide.data.source import unwatched

        log = read_clicks(paths, self.columns, self.clicked_from, watch or unwatched)
        said: dict[str, Any] = {"seen_are_answers": self.seen_are_answers, "like": like}
        if self.hold_out is None:
            return any_of(blocks(*log, **said), NO_BLOCK, paths)
        return any_of(held_out(*log, share=self.hold_out, **said), NO_CLICK, paths)

    def read_pair(self, train: Path, valid: Path | None) -> tuple[Dataset, Dataset | None]:
        """See `Logs`; the validation set is what is held out, if anything is."""
        from slide.data import blocks, earlier, held_out, read_clicks, refuse_twice

        refuse_twice(train, valid)
        if self.hold_out is None:
            train_set = self.read(train)
            return train_set, None if valid is None else self.read(valid, train_set)
        log, again = read_clicks(train, self.columns, self.clicked_from), self.seen_are_answers
        before = log.take(earlier(log.users, log.times, share=self.hold_out))
        train_set = any_of(blocks(*before, seen_are_answers=again), NO_BLOCK, train)
        later = held_out(*log, share=self.hold_out, seen_are_answers=again, like=train_set)
        return train_set, any_of(later, NO_CLICK, train)

    def read_ends(self, path: Path, model: Model) -> tuple[list[Any], Dataset]:
        """See `Logs`."""
        from slide.data import last_of_users, read_clicks

        log = read_clicks(path, self.columns, self.clicked_from)
        return last_of_users(*log, seen_are_answers=self.seen_are_answers, like=model)


NO_BLOCK = "no user clicked an item after skipping another"
NO_CLICK = "no user clicked an item in the part that is held out"


def any_of(data: Dataset, lack: str, paths: Path | list[Path]) -> Dataset:
    """Examples, or DataError if there is none."""
    if not data.n_samples:
        first = paths if isinstance(paths, Path) else paths[0]
        raise DataError(f"{lack}, so that nothing is to be learned", first)
    return data


def logs_of(
    sessions: bool,
    clicks: bool,
    columns: str | None,
    no_repeats: bool = False,
    clicked_from: float | None = None,
    hold_out: float | None = None,
    shown: bool = False,
    **others: object,
) -> Logs | None:
    """How the files of a run are read if they are logs; None if they are not.

    Args:
        sessions, clicks, columns, no_repeats, clicked_from, hold_out, shown: the options.
        others: options that are about other files, by name.

    Raises:
        ConfigError: options of logs are given without --sessions or --clicks, or others with them.
    """
    from slide.data.click_logs import USUAL, checked_limit
    from slide.data.session_logs import checked_columns

    refuse_alone("--clicks", clicks, clicked_from=clicked_from, hold_out=hold_out,
                 shown=shown or None)  # fmt: skip
    refuse_alone("--sessions or --clicks", sessions or clicks, columns=columns,
                 no_repeats=no_repeats or None)  # fmt: skip
    if sessions and clicks:
        raise ConfigError("got --sessions and --clicks, which read a log otherwise: leave one out")
    if not sessions and not clicks:
        return None
    kind = "--clicks" if clicks else "--sessions"
    for name, value in others.items():
        if value not in (None, [], False):
            option = name.replace("_", "-")
            raise ConfigError(f"--{option} is about other files than logs, and {kind} about "
                              "logs: leave one out")  # fmt: skip
    names = None if columns is None else [name.strip() for name in columns.split(",")]
    if sessions:
        checked_columns(names)
        return SessionLogs(names, not no_repeats)
    checked_columns(names, tuple(USUAL))
    if hold_out is not None and not 0 < hold_out < 1:
        raise ConfigError(f"--hold-out is {hold_out}: expected a number between 0 and 1, as 0.2")
    return ClickLogs(names, not no_repeats, checked_limit(clicked_from), hold_out)


def refuse_alone(with_what: str, is_given: bool, **options: object) -> None:
    """Raise ConfigError if options are given without what they are about."""
    given = [name for name, value in options.items() if value is not None]
    if given and not is_given:
        option = given[0].replace("_", "-")
        raise ConfigError(
            f"got --{option} without {with_what}: say what the file is, or leave it out"
        )


def refuse_itemless(model: Model, folder: Path, logs: Logs) -> None:
    """Raise ConfigError unless a model was trained on a log."""
    from slide.core.examples.naming import have_items

    if not have_items(model):
        raise ConfigError(
            f"{logs.option} reads a log, but the model {folder} was not trained on one: train it "
            f"by slide train LOG {logs.option}"
        )
