"""Files of texts on the command line: options, which files are meant, and what is said of them."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from slide.core.errors import ConfigError, DataError

if TYPE_CHECKING:
    from slide.core.examples.counting import OneBased
    from slide.core.examples.dataset import Dataset
    from slide.core.models.model import Model
    from slide.data import Columns

PANEL = "Texts (.jsonl, .csv, .tsv, .parquet, .arrow)"
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


@dataclass(frozen=True, slots=True)
class Texts:
    """How files of texts are read.

    Args:
        columns: where texts and labels stand.
        vectorizer: what makes features of texts.
        settings: of it.
    """

    columns: Columns
    vectorizer: str
    settings: dict[str, Any]

    def read_pair(self, train: Path, valid: Path | None) -> tuple[Dataset, Dataset | None]:
        """The training set, and the validation set by its words and labels."""
        from slide.data import read_texts_pair

        return read_texts_pair(train, valid, self.columns, self.vectorizer, self.settings)


def texts_of(
    text: list[str] | None,
    labels: str | None,
    separator: str | None,
    vectorizer: str | None,
    vectorize: list[str] | None,
) -> Texts | None:
    """How the files of a run are read if they are of texts; None if they are not.

    Raises:
        ConfigError: a column is missing, options of texts are given without them, or a setting is
            malformed.
    """
    from slide.data import Columns

    if not text or labels is None:
        refuse_options_alone(text, labels, separator, vectorizer, vectorize)
        return None
    columns = Columns(tuple(text), labels, separator)
    return Texts(columns, vectorizer or "tfidf", vectorizer_settings(vectorize))


def refuse_options_alone(
    text: list[str] | None, labels: str | None, *others: str | list[str] | None
) -> None:
    """Raise ConfigError if options of texts are given without both columns."""
    names = "text", "labels", "separator", "vectorizer", "vectorize"
    said = zip(names, (text or None, labels, *others), strict=True)
    given = [name for name, value in said if value]
    if given:
        missing = "labels" if text else "text"
        raise ConfigError(
            f"got --{given[0]} without --{missing}: texts take --text COLUMN and --labels COLUMN"
        )


def refuse_table(path: Path | None) -> None:
    """Raise DataError if a file that is to be read as numbers is one of texts by its name."""
    if path is not None and has_texts_alone(path):
        raise DataError(
            "a file of texts, or a log, by its name: say --text COLUMN and --labels COLUMN to "
            "train on texts, --sessions or --clicks on a log",
            path,
        )


def has_texts_alone(path: Path) -> bool:
    """Whether a file has texts by its name, and no numbers."""
    from slide.data import is_columnar, is_table

    return is_table(path) and not is_columnar(path)


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


def examples_for(
    model: Model,
    path: Path,
    counting: OneBased,
    text: list[str] | None,
    labels: str | None = None,
    separator: str | None = None,
    features_only: bool = False,
) -> Dataset:
    """The examples of a file: of texts if the model was trained on texts, else of numbers.

    Raises:
        DataError: the file is not of the kind that the model was trained on.
        ConfigError: the same, or options of texts are given for a model that knows no words.
    """
    from slide.data import is_numbers, read, read_texts

    if model.text is None:
        refuse_words(path, {"text": text, "labels": labels}, has_texts_alone(path))
        return read(path, one_based=counting, features_only=features_only)
    if is_numbers(path):
        return folder_for(path, {"text": text, "labels": labels, "separator": separator})
    return read_texts(path, text or None, labels, separator, like=model, texts_only=features_only)


def folder_for(path: Path, options: dict[str, Any]) -> Dataset:
    """The examples of a data folder that was made of texts.

    Raises:
        DataError: it is none, or one of numbers.
        ConfigError: options say how texts are to be read.
    """
    from slide.data import read

    data = read(path) if path.is_dir() else None
    if data is None or data.text is None:
        raise DataError(
            "a file of numbers, but the model was trained on texts: expected JSON lines, CSV, TSV, "
            "Parquet, Arrow, or a data folder that was made of such (slide convert --like MODEL)",
            path,
        )  # fmt: skip
    given = [name for name, value in options.items() if value]
    if given:
        raise ConfigError(f"got --{given[0]}, but {path} holds texts that were read: leave it out")
    return data


def refuse_words(path: Path, options: dict[str, Any], has_texts: bool) -> None:
    """Raise ConfigError if a model that was trained on numbers is given texts."""
    given = [name for name, value in options.items() if value]
    if given or has_texts:
        said = f"got --{given[0]}" if given else f"{path} is a table of texts or a log, by its name"
        raise ConfigError(
            f"{said}, but the model was trained on numbers, or on a log: train one by slide train "
            "--text COLUMN --labels COLUMN, give it numbers, or say --sessions or --clicks of a log"
        )


def tell_unknown(texts: Dataset, what: str) -> None:
    """Say on stderr in how many texts nothing is known, if in any."""
    n, n_unknown = texts.n_samples, int((texts.features.row_lengths() == 0).sum())
    if n_unknown:
        have = "has" if n_unknown == 1 else "have"
        sentence = f"{n_unknown} of {n} texts {have} no word that training met: {what}"
        print(f"slide: {sentence}", file=sys.stderr)
