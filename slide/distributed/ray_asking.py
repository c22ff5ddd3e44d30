"""Workers as actors of Ray, which places them, makes them anew, and asks them again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from slide.core.errors import BackendError

MOST_LOSSES = 20  # of one worker in a run: then something is wrong that stays


class AskedByRay:
    """Workers in processes somewhere in a cluster: a `WorkerGroup`.

    A worker that dies is made anew, wherever there is room, and asked again what it was asked; what
    it is asked has all that it needs (`slide.distributed.asking`).

    Args:
        ray: the module, connected (`slide.distributed.cluster.ray_at`).
        threads: CPUs that are kept for each worker.
        kind: their class.
        arguments: of each worker when it is made.
    """

    def __init__(
        self, ray: Any, threads: int, kind: type[Any], arguments: Sequence[tuple[Any, ...]]
    ) -> None:
        self.ray, self.n = ray, len(arguments)
        actor = ray.remote(kind).options(
            num_cpus=threads, max_restarts=MOST_LOSSES, max_task_retries=MOST_LOSSES,
            scheduling_strategy="SPREAD",
        )  # fmt: skip
        self.workers = [actor.remote(*each) for each in arguments]

    def share(self, value: Any) -> Any:
        """A reference to it."""
        return self.ray.put(value)

    def ask(self, what: str, *arguments: Sequence[Any]) -> list[Any]:
        """See `WorkerGroup`.

        Raises:
            BackendError: a worker is lost again and again.
        """
        each = zip(*arguments, strict=True) if arguments else ((),) * self.n
        return self.heard(
            [
                getattr(worker, what).remote(*given)
                for worker, given in zip(self.workers, each, strict=True)
            ]
        )

    def heard(self, waiting: list[Any]) -> list[Any]:
        """What comes of questions."""
        errors = self.ray.exceptions
        try:
            answers: list[Any] = self.ray.get(waiting)
        except errors.RayTaskError as error:
            raise error.cause from None
        except errors.RayError as error:
            reason = " ".join(str(error).split())[:200]
            raise BackendError(
                f"a worker is lost for good ({type(error).__name__}: {reason}): see what ends it "
                "in the logs of Ray, in /tmp/ray/session_latest/logs"
            ) from None
        return answers
