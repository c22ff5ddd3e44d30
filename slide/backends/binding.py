"""How a function becomes a kernel of a backend."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, update_wrapper
from typing import Any, Concatenate, ParamSpec, TypeVar

Given = ParamSpec("Given")
Result = TypeVar("Result")


class Bound:
    """A method whose first argument is what its backend computes on, and not the backend.

    What a backend hands out is a `functools.partial`: a call goes straight to the function.

    Args:
        function: of that, and of what the kernel is given.
        context: name of the backend's attribute that it computes on.
    """

    def __init__(self, function: Callable[..., Any], context: str) -> None:
        self.function, self.context = function, context
        update_wrapper(self, function)

    def __get__(self, backend: Any, owner: type | None = None) -> Any:
        """The kernel of a backend; of its class, what takes the backend first."""
        if backend is None:
            return self
        return partial(self.function, getattr(backend, self.context))

    def __call__(self, backend: Any, *given: Any, **named: Any) -> Any:
        """The kernel of this backend, as a class calls that of its base."""
        return self.__get__(backend)(*given, **named)


def bound(
    kernel: Callable[Concatenate[Any, Given], Result], context: str
) -> Callable[Concatenate[Any, Given], Result]:
    """A function as a method of a backend, whose attribute of this name it computes on."""
    method: Any = Bound(kernel, context)
    return method  # type: ignore[no-any-return]  # a descriptor, which is called as a method is
