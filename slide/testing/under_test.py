"""The backend under test: made when first wanted, and then the same for all items."""

from __future__ import annotations

import pytest

from slide.backends import create
from slide.bench.verifying import refusal
from slide.core.errors import BackendError


class BackendUnderTest:
    """A backend by its name.

    Args:
        name: registered, or `module:Class`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.made: object | None = None
        self.refusals: dict[str, str | None] = {}

    def instance(self) -> object:
        """The backend, complete or not; the item fails with a sentence if there is none."""
        if self.made is None:
            try:
                self.made = create(self.name)
            except BackendError as error:
                pytest.fail(str(error), pytrace=False)
        return self.made

    def verified(self, kernel: str) -> object:
        """The backend, if this kernel of it may be timed; else the item fails with a sentence."""
        instance = self.instance()
        for one in ("put", "get", kernel):
            if one not in self.refusals:
                self.refusals[one] = refusal(instance, self.name, [one])
            if sentence := self.refusals[one]:
                pytest.fail(sentence, pytrace=False)
        return instance
