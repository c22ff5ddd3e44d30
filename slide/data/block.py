"""Whole lines of a text file in memory, and the one place that says why they are refused.

The scanner (tokens.py) finds faults by the million and knows only where they are. It hands a
position to `TextBlock.fault`, which reads the token there slowly and finds the words.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field, replace
from pathlib import Path

from slide.core.errors import DataError, said
from slide.core.examples.counting import OneBased
from slide.data.tidying import tidied

MAX_COLUMNS = 2**31 - 1  # indices are i32
MAX_DIGITS = 18  # so many decimal digits always fit into 64 bits

NUMBER = re.compile(rb"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")

_NO_NUMBERS = (b"nan", b"inf", b"infinity")
_BYTE_FAULTS = {
    b"\r": "a carriage return within a line, expected line ends of one kind: convert the file "
    "with `dos2unix`",
    b"\0": "a NUL byte, expected plain text: the file is binary, damaged, or UTF-16",
}
_LONGEST_CHARACTER = 4  # bytes, in UTF-8


@dataclass(frozen=True, slots=True)
class TextBlock:
    """Whole lines of a file.

    Args:
        lines: the text, every line with its newline.
        path: the file it comes from.
        first_line: the 1-based number of its first line.
        n_features, n_labels: numbers from here on are out of range.
        one_based: what counts from 1, so that 0 is out of range.
    """

    lines: bytes
    path: Path
    first_line: int
    n_features: int = MAX_COLUMNS
    n_labels: int = MAX_COLUMNS
    one_based: OneBased = OneBased.NONE
    text: bytes = field(init=False)  # with a newline before the first line, so all lines look alike

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", b"\n" + self.lines)

    def tidied(self) -> TextBlock:
        """The same lines in the scanner's spelling; this block if they are."""
        text = tidied(self.text)
        return self if text == self.text else replace(self, lines=text[1:])

    def error(self, position: int, sentence: str) -> DataError:
        """The error to raise for something at a position of `text`."""
        line = self.first_line + self.text.count(b"\n", 1, position)
        return DataError(sentence, self.path, line)

    def byte_fault(self, position: int) -> DataError:
        """The error to raise for a byte that no file of this format holds."""
        byte = self.text[position : position + 1]
        if self.text.startswith(b"\xef\xbb\xbf", position):
            got = "a byte order mark after the beginning of the file, expected a digit: remove it"
        else:
            other = f"{self._character(position)}, expected plain ASCII text: replace it"
            got = _BYTE_FAULTS.get(byte, other)
        return self.error(position, f"got {got}")

    def _character(self, position: int) -> str:
        """What a person knows a byte by, or the character that it begins."""
        encoded = self.text[position : position + _LONGEST_CHARACTER]
        character = encoded.decode("utf-8", "ignore")[:1]
        if not encoded.startswith(character.encode()) or character.isascii():
            return f"the byte 0x{encoded[:1].hex()}"
        name = unicodedata.name(character, "a character without a name").lower()
        return f"{name} (U+{ord(character):04X}, bytes 0x{character.encode().hex()})"

    def fault(self, position: int) -> DataError:
        """The error to raise for the token that covers a position of `text`."""
        start = position
        while self.text[start - 1] not in b" \t\n":
            start -= 1
        end = position
        while self.text[end] not in b" \t\n":
            end += 1
        token = self.text[start:end]
        if token.startswith(b"#"):
            sentence = "'#' begins a comment, which only svmlight has: remove it"
        elif b":" in token:
            sentence = self._feature_fault(token)
        elif self.text[start - 1 : start] == b"\n":
            sentence = self._labels_fault(token)
        else:
            sentence = (
                f"{quote(token)} is no feature, expected index:value "
                "(labels start the line, joined by commas)"
            )
        return self.error(start, sentence)

    def _labels_fault(self, token: bytes) -> str:
        for label in token.split(b","):
            first = self.one_based.first_label
            fault = _whole_number_fault(label, "label", first, self.n_labels)
            if fault:
                break
        return f"{fault}, in the labels {quote(token)}"

    def _feature_fault(self, token: bytes) -> str:
        index, _, value = token.partition(b":")
        if index == b"qid":
            return f"{quote(token)} is no query id, expected qid:NUMBER before all features"
        if b"," in token:
            return (
                f"{quote(token)} mixes labels and a feature, or features by commas: put blanks "
                "between them"
            )
        first = self.one_based.first_feature
        fault = _whole_number_fault(index, "feature", first, self.n_features)
        return f"{fault or _value_fault(value)}, in {quote(token)}"


def quote(token: bytes) -> str:
    """A token for an error message: printable and not too long."""
    text = token.decode("ascii", "backslashreplace")
    return repr(text if len(text) <= 40 else text[:37] + "...")


def _whole_number_fault(digits: bytes, what: str, first: int, limit: int) -> str | None:
    if not digits:
        return f"a {what} number is missing, expected one on both sides of ',' and before ':'"
    if not digits.isdigit():
        remedy = f"number the {what}s 0, 1, 2, ..."
        if what == "label" and digits.startswith(b"-"):
            remedy = "leave out labels that an example does not have"
        return f"{quote(digits)} is no {what} number, expected digits only: {remedy}"
    if len(digits) > MAX_DIGITS:
        return f"{what} {quote(digits)} has {len(digits)} digits, expected at most {MAX_DIGITS}"
    if int(digits) < first:
        got = f"{what} {quote(digits)} is out of range, expected at least {first}"
        return f"{got}: {what}s were said to count from 1 ({said('one_based')}), and do not"
    if int(digits) >= limit:
        remedy = "numbers count from 0; correct them, or the size that the file states"
        if limit >= MAX_COLUMNS:
            remedy = f"number the {what}s anew, from 0"
        return f"{what} {quote(digits)} is out of range, expected less than {limit}: {remedy}"
    return None


def _value_fault(value: bytes) -> str:
    if not value:
        return "the value is missing, expected index:value without blanks"
    if b":" in value:
        return "there is a second ':', expected index:value and a blank"
    if value.lstrip(b"+-").lower() in _NO_NUMBERS:
        return f"the value {quote(value)} is not finite: remove the feature or clean its value"
    if not NUMBER.fullmatch(value):
        return f"the value {quote(value)} is not a number, expected one such as 0.25 or 1e-3"
    return f"the value {quote(value)} overflows 32-bit floating point: scale the features down"
