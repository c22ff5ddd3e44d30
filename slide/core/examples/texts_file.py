"""text.json: how texts become features, without pickle."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.errors import FAULTS, quoted, reason_of
from slide.core.examples.names import Names
from slide.core.examples.names_file import Refusal
from slide.core.examples.texts import CLASSES, HASHING, SETTINGS, TFIDF, TextFeatures

TEXT = "text.json"
FORMAT, VERSION = "slide-text", 1
STORED = [each.name for each in fields(TextFeatures) if each.name != "vocabulary"]
N_BUCKETS = 2**31 - 1


def is_count(value: Any) -> bool:
    """Whether this is a whole number, from 1."""
    return type(value) is int and 1 <= value <= N_BUCKETS


def is_share(value: Any) -> bool:
    """Whether this counts texts, or is a share of them."""
    return is_count(value) or (type(value) is float and 0 <= value <= 1)


def are_words(value: Any) -> bool:
    """Whether this is a list of texts."""
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def is_flag(value: Any) -> bool:
    """Whether this is true or false."""
    return isinstance(value, bool)


def is_pattern(value: Any) -> bool:
    """Whether this is a regular expression that stands for a word."""
    return value is None or (isinstance(value, str) and re.compile(value).groups <= 1)


MAY_BE: dict[str, Callable[[Any], bool]] = {
    "strip_accents": lambda value: value in (None, "ascii", "unicode"),
    "analyzer": lambda value: value in ("word", "char", "char_wb"),
    "stop_words": lambda value: value in (None, "english") or are_words(value),
    "token_pattern": is_pattern,
    "ngram_range": lambda value: (
        isinstance(value, list) and len(value) == 2 and all(map(is_count, value))
    ),
    "dtype": lambda value: isinstance(value, str) and np.dtype(value).kind in "iuf",
    "norm": lambda value: value in (None, "l1", "l2"),
    "max_df": is_share,
    "min_df": is_share,
    "max_features": lambda value: value is None or is_count(value),
    "n_features": is_count,
} | dict.fromkeys(
    ("lowercase", "binary", "use_idf", "smooth_idf", "sublinear_tf", "alternate_sign"), is_flag
)
"""What each setting of a vectorizer may be, as JSON has it."""


def write_text(folder: Path, text: TextFeatures) -> None:
    """Write text.json; the vocabulary is the names of features."""
    description = {"format": FORMAT, "version": VERSION} | {
        name: plain(getattr(text, name)) for name in STORED
    }
    content = json.dumps(description, ensure_ascii=False)
    (folder / TEXT).write_text(content + "\n", encoding="utf-8")


def plain(value: Any) -> Any:
    """As JSON has it; decimals of numbers are those that are read back as the same bits."""
    return value.tolist() if isinstance(value, np.ndarray) else value


def read_text(folder: Path, vocabulary: Names | None, refusal: Refusal) -> TextFeatures | None:
    """Read text.json, if there is one.

    Args:
        folder: where it is.
        vocabulary: the names of features.
        refusal: the error to raise.

    Raises:
        SlideError: it is damaged, or of a later version.
    """
    path = folder / TEXT
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        refuse_other(path, description, refusal)
        return described(description, vocabulary)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise refusal(path, f"cannot be read ({error.strerror})") from None
    except (re.error, *FAULTS) as error:
        raise refusal(path, f"is damaged ({reason_of(error)})") from None


def refuse_other(path: Path, description: Any, refusal: Refusal) -> None:
    """Raise unless this describes features of texts in this version."""
    if description["format"] != FORMAT:
        raise ValueError(f"expected format {FORMAT!r}")
    if description["version"] != VERSION:
        version = quoted(description["version"])
        raise refusal(path, f"has version {version}, but this slide reads version {VERSION}")


def described(description: dict[str, Any], vocabulary: Names | None) -> TextFeatures:
    """What text.json says, or an error of Python where nobody can have written it."""
    said = {name: description[name] for name in STORED}
    kind, settings = said["kind"], said["settings"]
    demand(kind in CLASSES and set(settings) == set(SETTINGS[kind]), "settings of no vectorizer")
    for name, value in settings.items():
        demand(MAY_BE[name](value), f"{name} of no vectorizer")
    demand((kind == TFIDF) >= (said["idf"] is not None), "an idf of no words")
    demand((kind == HASHING) >= (said["buckets"] is not None), "hashes of words")
    demand((vocabulary is not None) == (kind == TFIDF), "names of features of another vectorizer")
    demand(are_words(said["columns"]) and bool(said["columns"]), "columns without names")
    demand(isinstance(said["labels"], str), "labels in no column")
    demand(isinstance(said["separator"], str | None), "a separator that is no text")
    said["columns"] = tuple(said["columns"])
    said["idf"] = weights(said["idf"], settings["dtype"])
    said["buckets"] = hashes(said["buckets"], settings.get("n_features", 0))
    if said["idf"] is not None and vocabulary is not None:
        demand(len(said["idf"]) == len(vocabulary), "other weights than words")
    return TextFeatures(vocabulary=vocabulary, **said)


def demand(holds: bool, otherwise: str) -> None:
    """Raise ValueError unless something holds."""
    if not holds:
        raise ValueError(otherwise)


def weights(idf: Any, dtype: Any) -> Array | None:
    """Weights of words as they were computed."""
    if idf is None:
        return None
    demand(dtype in ("float32", "float64"), f"numbers of dtype {dtype!r}")
    array = np.array(idf, dtype)
    demand(array.ndim == 1 and bool(np.isfinite(array).all()), "weights that are no numbers")
    return array


def hashes(buckets: Any, n: Any) -> Array | None:
    """Hashes that training met."""
    if buckets is None:
        return None
    array = np.array(buckets, np.int32)
    demand(array.ndim == 1 and bool((np.diff(array) > 0).all()), "hashes that do not rise")
    demand(type(n) is int and array.min(initial=0) >= 0, "hashes out of range")
    demand(bool(array.max(initial=-1) < n), "hashes out of range")
    return array
