"""Shards as actors of Ray, which places them, restarts them, and carries what they are told."""

from __future__ import annotations

import os
import socket
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib import import_module
from secrets import token_hex
from typing import Any

from slide.core.contract.backend import Backend
from slide.core.errors import BackendError, ConfigError, ModelError, SlideError, SlideWarning
from slide.distributed.group import HANDED, ShardActor, ShardGroup, n_bytes_of
from slide.distributed.losing import ShardLostError
from slide.distributed.talking import Reply

PATIENCE = 120.0  # seconds without a shard after which that is said


CARRIED = ConfigError, BackendError, ModelError  # made of a sentence alone


class NoRoomWarning(SlideWarning):
    """A shard waits for a machine that has room for it, or to begin there."""


def backend_of_shard(name: str | None, threads: int) -> Backend:
    """A backend in a process of its own.

    Args:
        name: of the backend; None for the default.
        threads: that it uses.
    """
    from threadpoolctl import threadpool_limits

    from slide.backends import load, use_threads

    backend = load(name)
    threadpool_limits(limits=1, user_api="blas")  # what the backend has brought among them
    use_threads(backend, threads)
    return backend


class StrangerError(Exception):
    """Somebody else is meant: one who has died, and whose place this one took."""


class Actor(ShardActor):
    """A shard in a process that Ray has started.

    Attributes:
        identity: of this process; the one that takes its place has another.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.identity = f"{os.getpid()}-{token_hex(8)}"

    def called(self, identity: str, what: str, *args: Any) -> Reply:
        """Call a method of `ShardActor`, if it is this one who is meant.

        Raises:
            StrangerError: it is not.
            SlideError: what the method has raised, as it can be carried to another process.
        """
        if identity != self.identity:
            raise StrangerError
        try:
            reply: Reply = getattr(self, what)(*args)
        except SlideError as error:
            kind = type(error) if type(error) in CARRIED else SlideError
            raise kind(f"{error} (on {socket.gethostname()})") from None
        return reply

    def introduce(self) -> tuple[str, str]:
        """End whatever it is in the middle of; its identity, and where it is."""
        self.leave()
        return self.identity, self.where()

    def where(self) -> str:
        """The machine, in words."""
        ray: Any = import_module("ray")
        node = ray.get_runtime_context().get_node_id()[:8]
        return f"{socket.gethostname()} (node {node}, {ray.util.get_node_ip_address()})"


class RayShardGroup(ShardGroup):
    """All shards of a run, each in a process somewhere in a cluster.

    Args:
        ray: the module, connected (`slide.distributed.cluster.ray_at`).
        backend: see `ShardGroup`.
        name: of the backend of each shard; None for the default.
        n_shards, loose: see `ShardGroup`.
        threads: of each shard; so many CPUs are kept for it.
    """

    def __init__(
        self, ray: Any, backend: Backend, name: str | None, n_shards: int, loose: bool, threads: int
    ) -> None:
        self.ray, self.threads = ray, threads
        super().__init__(backend, partial(backend_of_shard, name, threads), n_shards, loose)
        self.known: list[tuple[str, str]] = []
        self.revive()

    def made(self, make: Callable[[], Backend]) -> list[Any]:
        """The actors; one that dies is made again by Ray, wherever there is room."""
        kind = self.ray.remote(Actor).options(
            num_cpus=self.threads, max_restarts=-1, scheduling_strategy="SPREAD"
        )
        n = self.n_shards
        return [kind.remote(make, rank, n, self.loose) for rank in range(n)]

    def put(self, thing: Any) -> Any:
        """A reference: where machines have several shards, it comes to each of them once."""
        self.traffic[HANDED] += self.n_shards * n_bytes_of(thing)
        return self.ray.put(thing)

    def expect(self, thing: Any) -> None:
        """Have it brought to all machines."""
        for actor in self.actors:
            actor.expect.remote(thing)

    def tell(self, rank: int, what: str, *args: Any) -> Any:
        """See `ShardGroup`; a reference to what will come of it."""
        return self.actors[rank].called.remote(self.known[rank][0], what, *args)

    def heard(self, waiting: list[Any]) -> list[Reply]:
        """What has come of it.

        Raises:
            ShardLostError: an actor, or what it has said, is gone.
        """
        errors = self.ray.exceptions
        replies, lost, reason = [], [], ""
        for rank, reference in enumerate(waiting):
            try:
                replies.append(self.ray.get(reference))
            except errors.RayTaskError as error:
                if not isinstance(error.cause, StrangerError):
                    raise error.cause from None
                lost.append(rank)
                reason = f"is lost from {self.place_of(rank)}: its process was replaced"
            except errors.RayError as error:
                lost.append(rank)
                reason = f"is lost from {self.place_of(rank)}: {reason_of(error)}"
        if lost:
            raise ShardLostError(lost, reason)
        return replies

    def revive(self) -> None:
        """Wait until Ray has all actors again; those that live leave what they are in.

        Raises:
            BackendError: one cannot begin at all.
        """
        asked = [
            actor.introduce.options(max_task_retries=-1).remote() for actor in self.actors
        ]  # again of one that dies meanwhile
        waiting = asked
        while waiting:
            _, waiting = self.ray.wait(waiting, num_returns=len(waiting), timeout=PATIENCE)
            if waiting:
                warnings.warn(
                    NoRoomWarning(
                        f"{len(waiting)} of {self.n_shards} shards are not there yet: they wait "
                        f"for a machine with {self.threads} free CPUs, or for a process to start"
                    ),
                    stacklevel=2,
                )
        try:
            self.known = self.ray.get(asked)
        except self.ray.exceptions.RayError as error:
            raise BackendError(
                f"a shard does not begin: {reason_of(error)}; see the logs of Ray, in "
                "/tmp/ray/session_latest/logs"
            ) from None

    def place_of(self, rank: int) -> str:
        """See `ShardGroup`."""
        return self.known[rank][1]

    def close(self) -> None:
        """End all actors."""
        for actor in self.actors:
            with suppress(self.ray.exceptions.RayError):
                self.ray.kill(actor)


def reason_of(error: Exception) -> str:
    """What Ray says of a loss, in a few words."""
    return f"{type(error).__name__}, {' '.join(str(error).split())[:120]}"
