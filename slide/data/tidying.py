"""Spellings that other tools read and that can mean one thing alone, brought into the scanner's.

    3, 1 2:1          3,1 2:1      blanks around the commas of labels
     3,1 2:1          3,1 2:1      blanks before labels
    +3,1.0 2:1        3,1 2:1      whole numbers written as others write them
    3 qid:7 2:1       3 2:1        svmlight's query ids, which tell rankings apart

Whatever else departs from the grammar is left as it is, for the scanner to refuse. Lines stay
lines.
"""

from __future__ import annotations

import re

# A run of blanks is looked at from its first one alone: from each of them would take its square.
_QUERY = re.compile(rb"(\n[^:\n]*?)(?<![ \t])[ \t]*\bqid:\d+(?=[ \t\n])")
_COMMA = re.compile(rb"(?<![ \t])[ \t]*,[ \t]*(?=[^ \t\n:,]+[ \t\n,])")
_INDENT = re.compile(rb"\n[ \t]+(?=[^ \t\n:]+[ \t\n])")
_WHOLE = re.compile(rb"(?<=[\n,])\+?(\d+)(?:\.0*)?(?=[ \t\n,])")


def tidied(text: bytes) -> bytes:
    """The same lines with labels as the scanner expects them.

    Args:
        text: a newline, and whole lines.
    """
    if b"qid:" in text:
        text = _QUERY.sub(rb"\1", text)
    for pattern, by in ((_COMMA, b","), (_INDENT, b"\n"), (_WHOLE, rb"\1")):
        text = pattern.sub(by, text)
    return text
