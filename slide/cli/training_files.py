"""The files that a run reads: the training set, and the validation set."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from slide.cli.logs import Logs
from slide.cli.options import tell_left_out
from slide.cli.texts import Texts, refuse_table, tell_unknown
from slide.cli.unseen import unused_labels
from slide.core.errors import ConfigError, DataError
from slide.core.examples.counting import OneBased

if TYPE_CHECKING:
    from slide.core.examples.dataset import Dataset


def has_clicks(train: Path, sessions: bool, text: list[str] | None, labels: str | None) -> bool:
    """Whether the training set is a log of clicks, of which the loss saros is, and nothing else."""
    from slide.data import is_click_log

    return not (sessions or text or labels) and is_click_log(train)


def judged_on(train: Path, valid: Path | None, hold_out: float | None) -> Path | None:
    """The file that epochs are evaluated on, if they are; or ConfigError if two are meant."""
    if valid is not None and hold_out is not None:
        raise ConfigError(
            "--valid and --hold-out both say what to evaluate on: leave one of them out"
        )
    return valid if hold_out is None else train


def refuse_files(
    train: Path, valid: Path | None, one_based: OneBased | None, texts: Texts | Logs | None
) -> None:
    """Raise ConfigError or DataError if files, by their names, are not what options say."""
    from slide.data import refuse_other_than_svmlight

    if texts is None:
        refuse_table(train)
        if not train.is_dir():  # which may know words
            refuse_table(valid)
        refuse_other_than_svmlight(train, one_based)
    elif isinstance(texts, Texts) and one_based is not None:
        raise ConfigError("--one-based is about numbers, and --text about words: leave one out")


def sets_of(
    train: Path, valid: Path | None, one_based: OneBased | None, texts: Texts | Logs | None
) -> tuple[Dataset, Dataset | None]:
    """The training set and the validation set, of numbers, of texts or of logs."""
    from slide.data import is_table, read, read_pair, read_texts

    if texts is not None:
        return texts.read_pair(train, valid)
    if valid is None or not (train.is_dir() and is_table(valid)):
        train_set, valid_set = read_pair(train, valid, one_based)
        if valid_set is not None and train_set.text is not None and valid_set.text is None:
            raise DataError(
                "numbers, but training is on texts: expected texts, or a folder of them that was "
                f"converted --like {train}", str(valid)
            )  # fmt: skip
        return train_set, valid_set
    train_set = read(train)
    if train_set.text is None:
        refuse_table(valid)
        return train_set, read(valid)
    return train_set, read_texts(valid, like=train_set)


def tell_sets(train: Dataset, valid: Dataset | None) -> None:
    """Say on stderr what is left out of them, and how many texts have no word that is known."""
    from slide.core.examples.naming import have_items

    if valid is not None and valid.text is not None:
        tell_unknown(valid, "judged by the most frequent labels")
    for data in (train, valid):
        if data is not None and not have_items(data):
            tell_left_out(data)


def tell_unused(train: Dataset, quiet: bool) -> int:
    """How many labels have no example, which is said on stderr if any have none."""
    from slide.core.examples.numbering import used

    n = train.n_labels - len(used(train.y.positive()))
    if n and not quiet:
        print(f"slide: {unused_labels(n, train.n_labels)}", file=sys.stderr)
    return n
