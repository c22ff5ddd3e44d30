"""The vectorised scanner: lines of text to CSR rows, without a loop over lines or tokens.

    line    = [labels] { blanks index ":" value } [blanks]
    labels  = label { "," label }            from the first byte of the line on
    blanks  = one or more spaces and tabs
    index, label = decimal digits;  value = a decimal number such as 1, -0.25, .5, 1e-3

Words are runs of bytes other than blanks, newlines, commas and colons. What a word is follows from
the bytes beside it: an index stands before a colon, a value behind one, a label elsewhere.
Numbers are read by a loop over digit positions that takes all words of the block at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.errors import DataError
from slide.core.examples.dataset import Dataset
from slide.data.block import MAX_DIGITS, NUMBER, TextBlock
from slide.data.rows import as_labels, canonical

# Kinds of bytes, ordered so that one comparison tells a word's bytes, one its unusual bytes.
_UNKNOWN, _BLANK, _NEWLINE, _COMMA, _COLON, _DIGIT, _POINT, _OTHER = range(8)


def _kinds() -> bytes:
    kinds = bytearray(256)
    kinds[33:127] = bytes([_OTHER]) * 94
    known = {b" \t": _BLANK, b"\n": _NEWLINE, b",": _COMMA, b":": _COLON, b".": _POINT}
    for members, kind in {**known, b"0123456789": _DIGIT}.items():
        for byte in members:
            kinds[byte] = kind
    return bytes(kinds)


_KINDS = _kinds()

_EXACT_DIGITS = 15  # 10**15 < 2**53, and 10**15 is exact in float64: one rounding, the division
_POWERS = 10.0 ** np.arange(_EXACT_DIGITS + 1)


@dataclass(frozen=True, slots=True)
class _Words:
    """Runs `text[starts[i]:ends[i]]`, i64, in the order of the text."""

    starts: Array
    ends: Array

    def where(self, mask: Array) -> _Words:
        chosen = np.flatnonzero(mask)  # several times faster than indexing by the mask twice
        return _Words(self.starts.take(chosen), self.ends.take(chosen))

    def indptr(self, newlines: Array) -> Array:
        """Where each line's words begin, i64 (n_lines + 1)."""
        return np.concatenate([[0], np.searchsorted(self.starts, newlines)])


def parse_lines(block: TextBlock) -> Dataset:
    """One example a line, an empty line included.

    Raises:
        DataError: with the line, for whatever departs from the grammar above, also when it is
            tidied (tidying.py).
    """
    try:
        return _parsed(block)
    except DataError:
        tidied = block.tidied()
        if tidied is block:
            raise
    return _parsed(tidied)


def _parsed(block: TextBlock) -> Dataset:
    kind = refuse_unknown_bytes(block)
    newlines = np.flatnonzero(kind == _NEWLINE)[1:]
    labels, indices, values = _words_by_role(block, kind)
    odd = _odd_bytes(block, kind, values)
    y = _whole_numbers(block, labels, block.one_based.first_label, block.n_labels)
    x = _whole_numbers(block, indices, block.one_based.first_feature, block.n_features)
    x_values = _decimal_numbers(block, kind, values, odd)
    return Dataset(
        _summed(block, CSR(indices.indptr(newlines), x, x_values, block.n_features)),
        as_labels(CSR(labels.indptr(newlines), y, np.ones(len(y), np.float32), block.n_labels)),
    )


def refuse_unknown_bytes(block: TextBlock) -> Array:
    """The kind of each byte of `block.text`, u8, all of them known."""
    kind = np.frombuffer(block.text.translate(_KINDS), np.uint8)
    unknown = np.flatnonzero(kind == _UNKNOWN)
    if len(unknown):
        raise block.byte_fault(int(unknown[0]))
    return kind


def _words_by_role(block: TextBlock, kind: Array) -> tuple[_Words, _Words, _Words]:
    """Labels, indices and values; every index is followed by its value."""
    in_word = kind >= _DIGIT
    edges = np.flatnonzero(in_word[1:] != in_word[:-1]) + 1  # text begins and ends outside a word
    words = _Words(edges[0::2], edges[1::2])
    before, after = kind[words.starts - 1], kind[words.ends]
    is_index, is_value = after == _COLON, before == _COLON
    is_label = ~(is_index | is_value)
    misplaced = is_label & (before == _BLANK)
    mixed = ~is_label & ((before == _COMMA) | (after == _COMMA)) | (is_index & is_value)
    joint = (kind == _COMMA) | (kind == _COLON)
    loose = joint[1:-1] & ~(in_word[:-2] & in_word[2:])
    faults = words.starts[misplaced | mixed], np.flatnonzero(loose) + 1
    _refuse_first(block, np.concatenate(faults))
    return words.where(is_label), words.where(is_index), words.where(is_value)


def _odd_bytes(block: TextBlock, kind: Array, values: _Words) -> tuple[Array, Array]:
    """Bytes of words that are no digits: their positions, and which value each belongs to."""
    odd = np.flatnonzero(kind > _DIGIT)
    owner = np.searchsorted(values.starts, odd, side="right") - 1
    ends = np.append(values.ends, 0)  # for owner -1: before the first value
    _refuse_first(block, odd[odd >= ends[owner]])
    return odd, owner


def _whole_numbers(block: TextBlock, words: _Words, first: int, limit: int) -> Array:
    """The words as i32, less `first`; what is too long, or not in [first, limit), is refused."""
    _refuse_first(block, words.starts[words.ends - words.starts > MAX_DIGITS])
    numbers = _digits(block, words)
    _refuse_first(block, words.starts[(numbers >= limit) | (numbers < first)])
    return (numbers - first).astype(np.int32)


def _digits(block: TextBlock, words: _Words) -> Array:
    """The digits of each word read as one whole number, other bytes skipped, i64."""
    text = np.frombuffer(block.text, np.uint8)
    lengths = words.ends - words.starts
    total = np.zeros(len(lengths), np.int64)
    for place in range(min(lengths.max(initial=0), MAX_DIGITS)):
        # Past its end a word goes on reading the separator there, which is no digit.
        digit = text[np.minimum(words.starts + place, words.ends)] - np.uint8(ord("0"))
        total = np.where(digit < 10, total * 10 + digit, total)
    return total


def _decimal_numbers(
    block: TextBlock, kind: Array, words: _Words, odd: tuple[Array, Array]
) -> Array:
    """`np.float32(float(word))` of each word, f32.

    Exactness: the same bits for every spelling. At most 15 digits divided by a power of ten is one
    correctly rounded float64 operation, as float() is; other spellings go through float() itself.
    """
    position, owner = odd
    n_odd = np.bincount(owner, minlength=len(words.starts))
    n_digits = words.ends - words.starts - n_odd
    plain = (n_odd <= 1) & (n_digits >= 1) & (n_digits <= _EXACT_DIGITS)
    plain[owner[kind[position] != _POINT]] = False
    decimals = np.zeros(len(n_odd), np.int64)
    decimals[owner] = words.ends[owner] - 1 - position
    numbers = _digits(block, words) / _POWERS[np.where(plain, decimals, 0)]
    numbers[~plain] = _slow_numbers(block, words.where(~plain))
    with np.errstate(over="ignore"):
        values: Array = numbers.astype(np.float32)
    _refuse_first(block, words.starts[~np.isfinite(values)])
    return values


def _slow_numbers(block: TextBlock, words: _Words) -> list[float]:
    numbers = []
    for start, end in zip(words.starts.tolist(), words.ends.tolist(), strict=True):
        word = block.text[start:end]
        if not NUMBER.fullmatch(word):
            raise block.fault(start)
        numbers.append(float(word))
    return numbers


def _summed(block: TextBlock, features: CSR) -> CSR:
    summed = canonical(features)
    overflown = np.flatnonzero(~np.isfinite(summed.values))
    if len(overflown):
        row = int(np.searchsorted(summed.indptr, overflown[0], side="right")) - 1
        sentence = (
            f"the values given for feature {summed.indices[overflown[0]]} sum to more than 32-bit "
            "floating point holds: give each feature once"
        )
        raise DataError(sentence, block.path, block.first_line + row)
    return summed


def _refuse_first(block: TextBlock, positions: Array) -> None:
    if len(positions):
        raise block.fault(int(positions.min()))
