"""Changes of bytes, drawn at random."""

from __future__ import annotations

import random

TELLING = b"0123456789 ,:.-+eE#\t\n\r\0\"'{}[]\xef\xff"
WORDS = [
    b"2147483648", b"9223372036854775808", b"99999999999999999999", b"1e999", b"NaN", b"-1",
    b"null", b"[]", b"{}", b"\xff" * 8, b"\0" * 8, b"../", b"/",
]  # fmt: skip


def edited(content: bytes, rng: random.Random) -> bytes:
    """The same with a few changes."""
    text = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        rng.choice(EDITS)(text, rng.randrange(len(text) + 1), rng)
    return bytes(text)


def put(text: bytearray, place: int, rng: random.Random) -> None:
    """Another byte."""
    text[place : place + 1] = bytes(
        [rng.choice(TELLING) if rng.random() < 0.5 else rng.randrange(256)]
    )


def flip(text: bytearray, place: int, rng: random.Random) -> None:
    """Another bit."""
    if place < len(text):
        text[place] ^= 1 << rng.randrange(8)


def insert(text: bytearray, place: int, rng: random.Random) -> None:
    """A word that means something somewhere."""
    text[place:place] = rng.choice(WORDS)


def replace(text: bytearray, place: int, rng: random.Random) -> None:
    """Such a word in the place of a number."""
    end = place
    while end < len(text) and chr(text[end]).isdigit():
        end += 1
    text[place:end] = rng.choice(WORDS)


def delete(text: bytearray, place: int, rng: random.Random) -> None:
    """Some bytes less."""
    del text[place : place + rng.randint(1, 8)]


def cut(text: bytearray, place: int, rng: random.Random) -> None:
    """The end is missing."""
    del text[place:]


def repeat(text: bytearray, place: int, rng: random.Random) -> None:
    """Some bytes again."""
    text[place:place] = text[place : place + rng.randint(1, 40)] * rng.randint(1, 4)


EDITS = (put, put, flip, flip, insert, replace, delete, cut, repeat)
