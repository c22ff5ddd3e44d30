"""A backend that writes some kernels and takes the others, by name, from another backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from slide.backends import complete
from slide.core.contract.backend import KERNELS
from slide.core.errors import BackendError

OPTIONAL = ("demand_room", "synchronize")
"""Methods of a source that concern the arrays of its `put`.

Its `hogwild_workers` would leave our kernels out.
"""


class Delegating:
    """Base of a backend that takes kernels from others and says so.

    A subclass has `taken`, kernels by the name of the backend whose they are:

        class Einsum(Delegating):
            name = "einsum"
            taken = {"numba": ("put", "get", "hash", ...)}

    `slide verify` shows these kernels as `taken` and tries the others, and training with all of
    them. A kernel that is neither taken nor written is `missing`.

    Raises:
        BackendError: of the class, if a name in `taken` is no kernel, names are not in a sequence,
            or a kernel is written or taken twice; of an instance, if a source cannot be loaded.
    """

    taken: ClassVar[Mapping[str, Sequence[str]]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for source, kernels in cls.taken.items():
            if isinstance(kernels, str):
                raise BackendError(
                    f"{cls.__name__} takes {kernels!r} of {source!r}, a string: expected "
                    f"a tuple of names, as ({kernels!r},)"
                )
        names = [kernel for kernels in cls.taken.values() for kernel in kernels]
        for kernel in names:
            if kernel not in KERNELS:
                raise BackendError(
                    f"{cls.__name__} takes {kernel!r}: expected one of {', '.join(KERNELS)}"
                )
            if hasattr(cls, kernel) or names.count(kernel) > 1:
                raise BackendError(
                    f"{cls.__name__} has the kernel {kernel!r} twice: write it, or name it once in "
                    "`taken`"
                )

    def __init__(self) -> None:
        self.sources = {source: complete(source) for source in self.taken}
        for source, kernels in self.taken.items():
            for kernel in kernels:
                setattr(self, kernel, getattr(self.sources[source], kernel))
        for method in OPTIONAL:
            for backend in self.sources.values():
                if hasattr(backend, method):
                    setattr(self, method, getattr(backend, method))

    def set_threads(self, n: int) -> int:
        """Of the sources; a subclass whose own kernels have threads adds them."""
        return max((backend.set_threads(n) for backend in self.sources.values()), default=1)
