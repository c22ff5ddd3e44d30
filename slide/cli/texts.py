"""Files of texts on the command line: options, which files are meant, and what is said of them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from slide.core.errors import ConfigError, DataError

if TYPE_CHECKING:
    from slide.core.examples.dataset import Dataset
    from slide.core.models.model import Model
    from slide.data import Columns

PANEL = "Texts (.jsonl, .csv, .tsv, .parquet)"
Text = Annotated[
    list[str] | None,
    typer.Option(
        "--text",
        metavar="COLUMN",
        help="Column of texts; repeat it to read several as one.",
        rich_help_panel=PANEL,
    ),
]
Labels = Annotated[
    str | None,
    typer.Option("--labels", metavar="COLUMN", help="Column of labels.", rich_help_panel=PANEL),
]
Separator = Annotated[
    str | None,
    typer.Option(
        "--separator",
        metavar="TEXT",
        help="Between labels that are no list; a comma in CSV if not given.",
        rich_help_panel=PANEL,
    ),
]
Vectorizer = Annotated[
    Literal["tfidf", "hashing"] | None,
    typer.Option(
        help="Of scikit-learn, makes features of texts; tfidf if not given.", rich_help_panel=PANEL
    ),
]
Vectorize = Annotated[
    list[str] | None,
    typer.Option(
        "--vectorize",
        metavar="NAME=VALUE",
        help="A setting of it, such as ngram_range=[1,2] or min_df=2, repeatable.",
        rich_help_panel=PANEL,
    ),
]


def columns_of(
    text: list[str] | None, labels: str | None, separator: str | None, others: dict[str, Any]
) -> Columns | None:
    """Where texts and labels of a training file stand; None where it has none.

    Raises:
        ConfigError: one of both is missing, or options of texts are given without them.
    """
    from slide.data import Columns

    if text and labels is not None:
        return Columns(tuple(text), labels, separator)
    said = {"text": text or None, "labels": labels, "separator": separator} | others
    given = [name for name, value in said.items() if value]
    if given:
        missing = "labels" if text else "text"
        raise ConfigError(
            f"got --{given[0]} without --{missing}: texts take --text COLUMN and --labels COLUMN"
        )
    return None


def refuse_table(path: Path | None) -> None:
    """Raise DataError if a file that is to be read as numbers is one of texts by its name."""
    from slide.data import is_table

    if path is not None and is_table(path):
        raise DataError(
            "a file of texts, by its name: say --text COLUMN and --labels COLUMN to train on it",
            path,
        )


def vectorizer_settings(assignments: list[str] | None) -> dict[str, Any]:
    """Settings of a vectorizer from `--vectorize NAME=VALUE`; a value is JSON, or else text.

    Raises:
        ConfigError: one has no value, or is given twice.
    """
    settings: dict[str, Any] = {}
    for assignment in assignments or []:
        name, equals, value = assignment.partition("=")
        if not equals:
            raise ConfigError(f"--vectorize got {assignment!r}: expected NAME=VALUE")
        if name in settings:
            raise ConfigError(f"--vectorize got {name} twice: leave one of them out")
        settings[name] = json_or_text(value)
    return settings


def json_or_text(value: str) -> Any:
    """What JSON says, or the word itself; a list is what stands for a pair."""
    try:
        return json.loads(value)
    except ValueError:
        return value


def read_for(
    model: Model,
    path: Path,
    text: list[str] | None,
    labels: str | None = None,
    separator: str | None = None,
    texts_only: bool = False,
) -> Dataset | None:
    """The examples of a file of texts, by a model that was trained on texts; None of another model.

    Raises:
        DataError: the file is one of texts, and the model knows no words, or the reverse.
        ConfigError: options of texts are given for a model that knows no words.
    """
    from slide.data import is_numbers, is_table, read_texts

    if model.text is None:
        given = [name for name, value in (("text", text), ("labels", labels)) if value]
        if given or is_table(path):
            said = f"got --{given[0]}" if given else f"{path} is a file of texts, by its name"
            raise ConfigError(
                f"{said}, but the model was trained on numbers: train one by slide train --text "
                "COLUMN --labels COLUMN, or give it numbers"
            )
        return None
    if is_numbers(path):
        raise DataError(
            "a file of numbers, by its name, but the model was trained on texts: expected JSON "
            "lines, CSV, TSV or Parquet", path
        )  # fmt: skip
    return read_texts(path, text or None, labels, separator, like=model, texts_only=texts_only)


def tell_unknown(texts: Dataset, what: str) -> None:
    """Say on stderr in how many texts nothing is known, if in any."""
    n, n_unknown = texts.n_samples, int((texts.features.row_lengths() == 0).sum())
    if n_unknown:
        have = "has" if n_unknown == 1 else "have"
        sentence = f"{n_unknown} of {n} texts {have} no word that training met: {what}"
        print(f"slide: {sentence}", file=sys.stderr)
