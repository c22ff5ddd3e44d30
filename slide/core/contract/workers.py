"""Worker processes that share memory, as whoever hands out work to them sees them.

A backend that computes in such processes may offer them for whole training steps (see `Backend`).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from slide.core.contract.arrays import Array
from slide.core.contract.backend import Backend


class Context(Protocol):
    """What a function that runs in a worker can use.

    Attributes:
        backend: the worker's own, which computes.
        state: of whoever asks, kept from one task to the next; None in a new worker.
    """

    backend: Backend
    state: Any


class Packed(NamedTuple):
    """A thing as a message, in which an array is the place where it lies in shared memory.

    Args:
        message: what goes to workers.
        copies: arrays that were put there for it, which have to stay until all have read it.
    """

    message: bytes
    copies: list[Array]


def ignore(answer: Any) -> None:
    """Nothing to be done with it."""


@dataclass(frozen=True, slots=True)
class Task:
    """What a worker is asked to do.

    Args:
        phase: what it does meanwhile, as "while ..." goes on.
        function: of a module, called in the worker with its `Context`, what was packed, and
            `arguments`; it gives the answer.
        packed: what the function is about.
        arguments: small ones.
        done: called with the answer, where it is waited for.
        kept: what else has to stay until the answer comes.
    """

    phase: str
    function: Callable[..., Any]
    packed: Packed
    arguments: tuple[Any, ...] = ()
    done: Callable[[Any], None] = ignore
    kept: Any = None


class Workers(Protocol):
    """Worker processes, numbered from 0, each with a backend of its own.

    Attributes:
        n_workers: how many take part.
        first_tasks: what a worker that takes the place of another has to do first.
    """

    n_workers: int
    first_tasks: list[Task]

    @property
    def lock(self) -> AbstractContextManager[Any]:
        """Held by the thread that uses them; it may enter again."""

    def start(self, n: int) -> None:
        """Have n workers at least."""

    def pack(self, thing: Any, backend: Backend | None = None) -> Packed:
        """A thing for tasks.

        Args:
            thing: whose arrays are put into shared memory unless they are there, or small.
            backend: found in the thing, stays here: each worker finds its own in its place.
        """

    def share(self, thing: Any, backend: Backend | None = None) -> Any:
        """The same thing with all its arrays in shared memory, which workers can write to.

        Args:
            thing: copied, but for arrays that are there already.
            backend: found in the thing, is not copied.
        """

    def ask(self, number: int, task: Task) -> None:
        """Let a worker do something after all that it was asked before."""

    def wait(self) -> None:
        """Wait for an answer, and for whatever else has come meanwhile.

        Raises:
            BackendError: a worker has died, and none takes its place.
            Exception: whatever a worker raised.
        """
