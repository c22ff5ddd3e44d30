"""Arrays in shared memory: one process makes them, others find them where they lie.

A segment holds one array. When the last view of it is gone the segment is kept for the next array
of its size, so that a training step, whose arrays have the same few sizes every time, asks the
system for nothing.
"""

from __future__ import annotations

import fcntl
import math
import os
import re
import secrets
import weakref
from collections import defaultdict
from collections.abc import Callable, Container
from contextlib import suppress
from itertools import count
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.errors import BackendError, said

FOLDER = Path("/dev/shm")  # where Linux keeps the segments; other systems do not show them
PAGE, MEDIUM, LARGE = 1 << 12, 1 << 22, 1 << 28  # bytes: see `size_for`
MOST_SPARE = 1 << 29  # bytes of segments that nobody uses
OWNER = re.compile(r"(slide-[0-9a-f]{16})\.owner")
SEGMENT = re.compile(r"(slide-[0-9a-f]{16})-")


class Place(NamedTuple):
    """Where an array lies.

    Args:
        segment: its name.
        offset: of the array's first element, in bytes.
        shape, strides, dtype: as NumPy has them.
    """

    segment: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: str


class Segment:
    """One piece of shared memory, mapped into this process.

    Args:
        memory: of the system.
        keeper: who says whether others find it by its name.
    """

    def __init__(self, memory: SharedMemory, keeper: Windows | Store) -> None:
        self.memory, self.keeper = memory, keeper
        assert memory.buf is not None
        bytes_of_it = np.frombuffer(memory.buf, np.uint8)
        self.address: int = bytes_of_it.__array_interface__["data"][0]
        self.size = len(bytes_of_it)

    @property
    def name(self) -> str:
        return self.memory.name


class Memory:
    """The memory of a segment as the base of arrays, which keep it mapped."""

    def __init__(self, segment: Segment) -> None:
        self.segment = segment
        self.__array_interface__ = {
            "version": 3, "data": (segment.address, False), "shape": (segment.size,),
            "typestr": "|u1",
        }  # fmt: skip

    def array(self, place: Place) -> Array:
        """A view of it."""
        base = np.asarray(self)
        return np.ndarray(place.shape, place.dtype, base, place.offset, place.strides)


class Windows:
    """The segments of other processes that this one looks into.

    Args:
        own: of this process, which are not looked up.
        closed: called with the name of a segment when nobody here looks at it any more.

    Attributes:
        is_open: whether the other process is there, so that names can be found.
    """

    def __init__(
        self, own: Store | None = None, closed: Callable[[str], None] | None = None
    ) -> None:
        self.own, self.closed = own, closed
        self.is_open = True
        self.segments: dict[str, Segment] = {}
        self.memories = WeakValueDictionary[str, Memory]()

    def array_at(self, place: Place) -> Array:
        """The array that lies there."""
        name = place.segment
        if self.own and name in self.own.memories:
            return self.own.memories[name].array(place)
        if name not in self.segments:
            self.segments[name] = Segment(SharedMemory(name), self)
        memory = self.memories.get(name)
        if memory is None:
            memory = self.memories[name] = Memory(self.segments[name])
            if self.closed:
                weakref.finalize(memory, self.when_closed, name).atexit = False
        return memory.array(place)

    def when_closed(self, name: str) -> None:
        """Tell of it."""
        assert self.closed is not None
        self.closed(name)

    def forget(self, names: list[str]) -> None:
        """Look into these no longer."""
        for name in names:
            self.segments.pop(name, None)


def place_of(array: Array) -> Place | None:
    """Where an array lies, if other processes find it there."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    if not isinstance(base, Memory) or not base.segment.keeper.is_open:
        return None
    offset = array.__array_interface__["data"][0] - base.segment.address
    return Place(base.segment.name, offset, array.shape, array.strides, array.dtype.str)


class Store:
    """The segments that a process owns.

    Args:
        name: how the names of its own begin; nobody else's do.

    Attributes:
        dropped: names of those that were given back, in order.
        is_open: whether names can be found.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_open = True
        self.numbers = count()
        self.owned: dict[str, Segment] = {}
        self.memories = WeakValueDictionary[str, Memory]()
        self.spare: defaultdict[int, list[str]] = defaultdict(list)
        self.n_spare = 0
        self.dropped: list[str] = []

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """An array in a segment of its own.

        Raises:
            BackendError: there is not so much shared memory.
        """
        segment = self.segment_of(size_for(math.prod(shape) * dtype.itemsize))
        memory = self.memories[segment.name] = Memory(segment)
        weakref.finalize(memory, self.recycle, segment).atexit = False
        return memory.array(Place(segment.name, 0, shape, strides_of(shape, dtype), dtype.str))

    def put(self, array: Array) -> Array:
        """The same array, in shared memory."""
        if self.owns(array):
            return array
        placed = self.empty(array.shape, array.dtype)
        placed[...] = array
        return placed

    def joined(self, arrays: list[Array], axis: int = 0) -> Array:
        """Arrays one after the other; a single one as it is."""
        if len(arrays) == 1:
            return arrays[0]
        shape = list(arrays[0].shape)
        shape[axis] = sum(array.shape[axis] for array in arrays)
        out = self.empty(tuple(shape), arrays[0].dtype)
        return np.concatenate(arrays, axis=axis, out=out)

    def owns(self, array: Array) -> bool:
        """Whether an array is in a segment of this store."""
        place = place_of(array)
        return place is not None and place.segment in self.owned

    def array_at(self, place: Place) -> Array:
        """The array that lies there, while somebody still has it."""
        return self.memories[place.segment].array(place)

    def segment_of(self, size: int) -> Segment:
        """A segment of this size that nobody uses."""
        if self.spare[size]:
            self.n_spare -= size
            return self.owned[self.spare[size].pop()]
        segment = Segment(reserved(f"{self.name}-{next(self.numbers)}", size), self)
        self.owned[segment.name] = segment
        return segment

    def recycle(self, segment: Segment) -> None:
        """Nobody looks at the array in it any more."""
        if segment.name not in self.owned:
            return
        if segment.size > LARGE or self.n_spare + segment.size > MOST_SPARE:
            self.owned.pop(segment.name).memory.unlink()
            self.dropped.append(segment.name)
            return
        self.spare[segment.size].append(segment.name)
        self.n_spare += segment.size

    def close(self) -> None:
        """Take the names away; the system frees the memory of an array with its last view."""
        self.is_open = False
        for segment in self.owned.values():
            with suppress(FileNotFoundError):  # somebody has swept the whole folder
                segment.memory.unlink()
        self.owned = {}
        self.spare.clear()


def strides_of(shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[int, ...]:
    """Of an array in C order."""
    steps = [dtype.itemsize]
    for n in reversed(shape[1:]):
        steps.append(steps[-1] * n)
    return tuple(reversed(steps[: len(shape)]))


def size_for(n_bytes: int) -> int:
    """Of a segment: one of few sizes up to `LARGE`, a number of pages beyond."""
    bits = max(n_bytes - 1, 0).bit_length()
    step = PAGE if n_bytes > LARGE else 1 << max(bits - 4 if n_bytes > MEDIUM else bits, 12)
    return max(-(-n_bytes // step) * step, PAGE)


def reserved(name: str, size: int) -> SharedMemory:
    """New shared memory, all of it there: the system would kill who finds out later.

    Raises:
        BackendError: there is not so much.
    """
    refuse_too_large(size)
    memory = SharedMemory(name, create=True, size=size)
    if FOLDER.exists():
        try:
            with (FOLDER / name).open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, size)
        except OSError:
            memory.unlink()
            refuse_too_large(size)
            raise BackendError(f"{FOLDER} refused {size:,} bytes: make it larger") from None
    return memory


def refuse_too_large(n_bytes: int) -> None:
    """Raise BackendError if the system has less shared memory than that."""
    free = free_bytes()
    if n_bytes > free:
        raise BackendError(
            f"{n_bytes:,} bytes of shared memory are needed, and {FOLDER} has {free:,} left: make "
            "it larger (mount -o remount,size=8G /dev/shm, or give the container more), or use "
            f"another {said('backend')}"
        )


def free_bytes() -> float:
    """Of shared memory; infinitely many where the system does not tell."""
    if not FOLDER.exists():
        return math.inf
    room = os.statvfs(FOLDER)
    return room.f_bavail * room.f_frsize


class Owner:
    """A name for segments that nobody else has, and a lock that shows its owner is alive."""

    def __init__(self) -> None:
        self.name = f"slide-{secrets.token_hex(8)}"
        self.path = FOLDER / f"{self.name}.owner"
        self.file: Any = None
        if FOLDER.exists():
            hidden = self.path.with_name(f".{self.path.name}")
            self.file = hidden.open("w")
            fcntl.flock(self.file, fcntl.LOCK_EX)
            hidden.rename(self.path)  # when it is seen it is locked

    def close(self) -> None:
        """Give up the name."""
        if self.file is not None:
            self.path.unlink(missing_ok=True)
            self.file.close()


def sweep() -> None:
    """Remove the segments of owners that have died without doing so, and those of nobody."""
    for path in FOLDER.glob("slide-*.owner") if FOLDER.exists() else ():
        match = OWNER.fullmatch(path.name)
        with suppress(OSError), path.open() as file:  # another's, or gone meanwhile
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if match:
                remove(match[1])
                path.unlink(missing_ok=True)
    for path in FOLDER.glob("slide-*-*") if FOLDER.exists() else ():
        match = SEGMENT.match(path.name)
        if match and not (FOLDER / f"{match[1]}.owner").exists():
            unlink(path.name)


def remove(prefix: str, but: Container[str] = ()) -> None:
    """Remove all segments whose names begin so, but those."""
    for path in FOLDER.glob(f"{prefix}-*") if FOLDER.exists() else ():
        if path.name not in but:
            unlink(path.name)


def unlink(name: str) -> None:
    """Remove a segment, if it is there."""
    try:
        SharedMemory(name).unlink()
    except FileNotFoundError:
        pass
    except ValueError:  # whoever was making it had not got so far as to give it a size
        (FOLDER / name).unlink(missing_ok=True)
