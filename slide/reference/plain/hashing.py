"""The salted mix, in Python integers."""

from __future__ import annotations


def mix(number: int, salt: int) -> int:
    """`slide.core.contract.tables.mix` of one number, in Python integers."""
    z = (number ^ (salt * 0x9E3779B97F4A7C15 >> 16)) % 2**32
    z = (z ^ z >> 16) * 0x85EBCA6B % 2**32
    z = (z ^ z >> 13) * 0xC2B2AE35 % 2**32
    return z ^ z >> 16
