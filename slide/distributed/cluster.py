"""Ray: connected to a cluster, or started on this machine for as long as it is needed."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from slide.core.errors import BackendError, ConfigError, SlideError, reason_of, said
from slide.core.interrupts import INTERRUPTS

NEEDED = (
    "distributed training needs Ray, which is not installed: pip install "
    "'slide-engine[distributed]'"
)
QUIETLY = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nobody is told of a run
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # shards see GPUs as this process does
}
SECONDS_TO_ANSWER = 10.0
HERE_ALONE = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # listens to 127.0.0.1, on all systems
    "RAY_worker_niceness": "0",  # shards are as urgent as the process that they train for
}
ON_TOKENS = "ray._private.authentication.authentication_token_setup"
"""The logger that tells, at each start, how tokens can be had for a cluster that has them."""


@contextmanager
def ray_at(address: str | None, n_cpus: int, **more: Any) -> Iterator[Any]:
    """The module `ray`, connected.

    A cluster of this machine alone starts where there is no address, and ends with the block; it
    listens to 127.0.0.1. Who is connected already stays so.

    Args:
        address: of a cluster, as `ray start` prints it; None for one of this machine.
        n_cpus: that a cluster of this machine has, whatever it has: shards ask for them.
        more: arguments of `ray.init` for such a cluster.

    Raises:
        ConfigError: Ray is not installed, or there is no such cluster.
    """
    for name, value in (QUIETLY | ({} if address else HERE_ALONE)).items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ModuleNotFoundError:
        raise ConfigError(NEEDED) from None
    if ray.is_initialized():
        yield ray
        return
    with signals_kept():
        try:
            if address is not None:
                demand_listener(address)
            if address is None:
                logging.getLogger(ON_TOKENS).setLevel(logging.ERROR)
                ray.init(
                    "local", num_cpus=n_cpus, include_dashboard=False, log_to_driver=False,
                    configure_logging=False, **more,
                )  # fmt: skip
            else:
                ray.init(address, log_to_driver=False, configure_logging=False)
        except Exception as error:  # Ray has no class of its own for what goes wrong here
            raise refusal_of(address, error) from None
    try:
        yield ray
    finally:
        ray.shutdown()


def demand_listener(address: str) -> None:
    """Raise OSError or ValueError unless somebody listens: Ray asks for minutes, without a word."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if address != "auto":
        socket.create_connection((host, int(port)), timeout=SECONDS_TO_ANSWER).close()


def refusal_of(address: str | None, error: Exception) -> SlideError:
    """What is said where there is no Ray."""
    reason = reason_of(error)
    if address is None:
        return BackendError(
            f"Ray does not start here: {reason}; its logs are in /tmp/ray; or give the "
            f"{said('address')} of a cluster"
        )
    return ConfigError(
        f"cannot reach Ray at {address}: {reason}; expected an {said('address')} as `ray start "
        "--head` prints it, or none"
    )


@contextmanager
def signals_kept() -> Iterator[None]:
    """What is done about signals stays as it is: Ray has ideas of its own."""
    is_main = threading.current_thread() is threading.main_thread()
    before = {name: signal.getsignal(name) for name in INTERRUPTS} if is_main else {}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def threads_for(ray: Any, n_shards: int, threads: int | None) -> int:
    """How many threads each shard has: so many as are asked for, or as the cluster has CPUs.

    Raises:
        ConfigError: it has too few of them.
    """
    cpus = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    for wanted in [threads] if threads else range(max(cpus, default=0), 0, -1):
        if sum(n // wanted for n in cpus) >= n_shards:
            return wanted
    raise ConfigError(
        f"{n_shards} shards of {threads or 1} CPU each have no room in a cluster whose machines "
        f"have {', '.join(map(str, sorted(cpus)))}: choose fewer {said('shards')}, or fewer "
        f"{said('threads')}"
    )
