"""Several backends at the same calls, each with its times and with what the machine allows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from slide.bench.calls import CALLS, Call
from slide.bench.devices import wait_for_device, waiting_for_device
from slide.bench.limits import Limits
from slide.bench.machine import cache_bytes
from slide.bench.problem import SIZES, Problem
from slide.core.contract.backend import Backend

FEWEST, MOST = 3, 1000  # rounds
LONG = 0.5  # seconds of a round; as long ones are few
PATIENCE = 2.0  # seconds of a round that would take too long


@dataclass(frozen=True, slots=True)
class Entry:
    """A backend at a call.

    Args:
        size: one of `SIZES`.
        call: one of `CALLS`.
        backend: by the name under which it was entered.
        seconds: of each round; none if it was left out.
        expected: seconds of a round for which it was left out, or 0.
        floor: seconds that the machine needs at least.
        made: what was called.
    """

    size: str
    call: str
    backend: str
    seconds: tuple[float, ...]
    expected: float
    floor: float
    made: Call

    @property
    def group(self) -> str:
        """What entries have in common that are compared with each other."""
        return f"{self.call}, {self.size}"


@dataclass
class Race:
    """Times backends at the calls of one size after the other.

    Args:
        backends: verified, by name.
        limits: of the machine.
        seconds: to spend on the rounds of a call.
    """

    backends: Mapping[str, Backend]
    limits: Limits
    seconds: float = 0.2

    def __post_init__(self) -> None:
        self.problems: dict[str, Problem] = {}
        self.medians: dict[tuple[str, str, str], float] = {}

    def entries(self, size: str, calls: Sequence[str]) -> Iterator[Entry]:
        """One for each call and backend; sizes come in order, for one tells of the next."""
        for call in calls:
            made = self.make_call(size, call)
            for name in self.backends:
                yield self.entry(size, call, name, made)
        self.problems.pop(size_before(size), None)

    def make_call(self, size: str, call: str) -> Call:
        """The arguments of a call."""
        if size not in self.problems:
            self.problems[size] = Problem(SIZES[size])
        return CALLS[call](self.problems[size])

    def entry(self, size: str, call: str, name: str, made: Call) -> Entry:
        """One backend at one call, unless it would take too long."""
        seconds: tuple[float, ...] = ()
        expected = self.expected(size, call, name, made)
        if expected < PATIENCE:
            seconds = tuple(time_rounds(self.backends[name], made, self.seconds))
            self.medians[size, call, name] = sorted(seconds)[len(seconds) // 2]
        floor = floor_of(made, self.limits)
        return Entry(size, call, name, seconds, 0.0 if seconds else expected, floor, made)

    def expected(self, size: str, call: str, name: str, made: Call) -> float:
        """Seconds of a round, from those at the size before, which are less; 0 at the first."""
        smaller = size_before(size)
        if not smaller:
            return 0.0
        small = self.make_call(smaller, call)
        key = smaller, call, name
        if key not in self.medians:
            self.medians[key] = min(time_rounds(self.backends[name], small, 0.0))
        return self.medians[key] * max(made.flops / small.flops, made.bytes / small.bytes)


def size_before(size: str) -> str:
    """The next smaller size, or nothing."""
    names = ["", *SIZES]
    return names[names.index(size) - 1]


def time_rounds(backend: Backend, call: Call, seconds: float) -> list[float]:
    """Seconds of each round, until they are as many as wanted; what compiles is not counted."""
    arguments = call.arguments_on(backend)
    function = waiting_for_device(backend, getattr(backend, call.kernel))
    wait_for_device(backend)

    def once() -> float:
        began = time.perf_counter()
        function(*arguments)
        return time.perf_counter() - began

    once()
    found = [once()]
    spent = found[0]
    fewest = FEWEST if spent < LONG else 1
    while len(found) < fewest or (spent < seconds and len(found) < MOST):
        found.append(once())
        spent += found[-1]
    return found


def floor_of(call: Call, limits: Limits) -> float:
    """Seconds that a call takes at least: it has to compute so much and to move so much.

    Each round has the same arguments, so that those which fit are in the cache.
    """
    held = min(call.bytes, call.operand_bytes())
    rate = limits.cached if held <= cache_bytes() else limits.stream
    return max(call.flops / limits.flops, call.bytes / rate)
