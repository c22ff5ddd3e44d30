"""Logs of sessions on the command line: options, how they are read, and who else is refused."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slide.core.errors import ConfigError, DataError

if TYPE_CHECKING:
    from slide.core.examples.dataset import Dataset
    from slide.core.examples.naming import Called
    from slide.core.models.model import Model
    from slide.data.source import Watch

PANEL = "Logs of sessions (.csv, .tsv, .parquet, .jsonl)"
Sessions = Annotated[
    bool,
    typer.Option(
        "--sessions",
        help="Read a log, an event a row: session or user, item, time.",
        rich_help_panel=PANEL,
    ),
]
LogColumns = Annotated[
    str | None,
    typer.Option(
        "--columns",
        metavar="SESSION,ITEM[,TIME]",
        help="What the columns are called; usual names are found if not given.",
        rich_help_panel=PANEL,
    ),
]
NoRepeats = Annotated[
    bool,
    typer.Option(
        "--no-repeats",
        help="Items that a session had are no answers.",
        rich_help_panel=PANEL,
    ),
]


@dataclass(frozen=True, slots=True)
class Logs:
    """How logs are read.

    Args:
        columns: of session, item and time; None for usual names.
        seen_are_answers: whether items may come again.
    """

    columns: list[str] | None
    seen_are_answers: bool

    def read(
        self, paths: Path | list[Path], like: Called | None = None, watch: Watch | None = None
    ) -> Dataset:
        """An example for each prefix of a session.

        Raises:
            DataError: there is none.
        """
        from slide.data import read_sessions, sessions
        from slide.data.source import unwatched

        log = read_sessions(paths, self.columns, watch or unwatched)
        data = sessions(*log, seen_are_answers=self.seen_are_answers, like=like)
        if not data.n_samples:
            what = "two items" if self.seen_are_answers else "two items, the last of them new to it"
            first = paths if isinstance(paths, Path) else paths[0]
            raise DataError(f"no session has {what}, so that nothing is to be learned", first)
        return data

    def read_pair(self, train: Path, valid: Path | None) -> tuple[Dataset, Dataset | None]:
        """The training set, and the validation set by its items."""
        from slide.data import refuse_twice

        refuse_twice(train, valid)
        train_set = self.read(train)
        return train_set, None if valid is None else self.read(valid, train_set)

    def read_ends(self, path: Path, model: Model) -> tuple[list[Any], Dataset]:
        """The sessions, and the whole of each as an example."""
        from slide.data import last_of_sessions, read_sessions

        log = read_sessions(path, self.columns)
        return last_of_sessions(*log, seen_are_answers=self.seen_are_answers, like=model)


def logs_of(
    sessions: bool, columns: str | None, no_repeats: bool = False, **others: object
) -> Logs | None:
    """How the files of a run are read if they are logs; None if they are not.

    Args:
        sessions, columns, no_repeats: the options.
        others: options that are about other files, by name.

    Raises:
        ConfigError: options of logs are given without --sessions, or others with it.
    """
    from slide.data.session_logs import checked_columns

    if not sessions:
        alone = "columns" if columns is not None else "no-repeats" if no_repeats else None
        if alone:
            raise ConfigError(f"got --{alone} without --sessions: say that the file is a log")
        return None
    for name, value in others.items():
        if value not in (None, [], False):
            option = name.replace("_", "-")
            raise ConfigError(f"--{option} is about other files than logs, and --sessions about "
                              "logs: leave one out")  # fmt: skip
    names = None if columns is None else [name.strip() for name in columns.split(",")]
    checked_columns(names)
    return Logs(names, not no_repeats)


def refuse_itemless(model: Model, folder: Path) -> None:
    """Raise ConfigError unless a model was trained on sessions."""
    from slide.core.examples.naming import have_items

    if not have_items(model):
        raise ConfigError(
            f"--sessions reads a log, but the model {folder} was not trained on one: train it by "
            "slide train LOG --sessions"
        )
