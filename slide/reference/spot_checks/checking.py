"""A backend some of whose calls are checked, at the sizes of the run that makes them.

Which calls: each that is more than twice as large as all that were checked of its kernel, so the
first one among them, and of the others a share by chance. A rehearsal with tiny arguments hides no
kernel that is called but once. Of a call a sample is checked (`by_example`, `by_neuron`).
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import partial
from threading import Lock
from typing import Any

import numpy as np

from slide.core.contract.backend import KERNELS, Backend
from slide.core.errors import CheckError, SlideError
from slide.reference.cases import Case
from slide.reference.running import WRITERS
from slide.reference.spot_checks import by_example, by_neuron
from slide.reference.spot_checks.forms import find_misfit
from slide.reference.spot_checks.picks import Picks, Sample, host
from slide.reference.spot_checks.saving import CheckedCall, describe_raised, is_strange
from slide.reference.spot_checks.tally import Tally
from slide.reference.spot_checks.unchanged import ArgumentGuard
from slide.reference.vectorised import verdict

SHARE = 0.01

SAMPLES: dict[str, Callable[..., Sample]] = {
    "put": by_neuron.put,
    "get": by_neuron.get,
    "hash": by_example.hash,
    "build": by_neuron.build,
    "reinsert": by_neuron.reinsert,
    "query": by_example.query,
    "sddmm": by_example.sddmm,
    "spmm": by_example.spmm,
    "spmm_t": by_neuron.spmm_t,
    "loss": by_example.loss,
    "update_rows": by_neuron.update_rows,
    "top_k": by_example.top_k,
    "spgemm_t": by_neuron.spgemm_t,
    "invert": by_neuron.invert,
    "search": by_example.search,
    "masked_spgemm": by_example.masked_spgemm,
    "update_entries": by_neuron.update_entries,
    "solve_rows": by_neuron.solve_rows,
}
SIGNATURES = {kernel: inspect.signature(getattr(Backend, kernel)) for kernel in KERNELS}


class SpotChecked:
    """Forwards everything to a backend, and checks some of its calls.

    Args:
        backend: computes.
        share: of calls that are checked by chance.
        seed: of that chance, which has a generator of its own: a run has the same bits.
        loading: Python that loads the backend again.

    Attributes:
        spot_checks: what was checked so far.

    A call that is wrong raises CheckError, after its arguments are saved in the current folder; so
    does one that raises, whether it was to be checked or not.
    """

    def __init__(
        self, backend: Any, share: float = SHARE, seed: int = 0, loading: str = "..."
    ) -> None:
        self.backend, self.share, self.loading = backend, share, loading
        self.rng = np.random.default_rng(seed)
        self.lock = Lock()
        self.largest: Counter[str] = Counter()
        self.spot_checks = Tally()
        for kernel in KERNELS:
            setattr(self, kernel, partial(self.call, kernel, getattr(backend, kernel)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.backend, name)

    def __reduce__(self) -> tuple[Any, ...]:
        """Of a copy, which checks the calls that are its own."""
        return type(self), (self.backend, self.share, 0, self.loading)

    def call(self, kernel: str, function: Callable[..., Any], *given: Any, **named: Any) -> Any:
        """The result of a kernel, which may be checked before it is given back.

        Raises:
            CheckError: it is wrong.
        """
        rng = self.rng_if_due(kernel, n_items((given, *named.values())))
        if rng is None:
            return self.result(kernel, function, given, named)
        arguments, picks = bind_arguments(kernel, given, named), Picks(self.backend, rng)
        sample = SAMPLES[kernel](picks, *arguments)
        kept = ArgumentGuard(picks, may_not_change(kernel, arguments))
        result = self.result(kernel, function, given, named, sample)
        raw = arguments[0] if kernel in WRITERS else result
        self.judge(kernel, arguments, sample, raw, kept)
        return result

    def result(
        self,
        kernel: str,
        function: Callable[..., Any],
        given: tuple[Any, ...],
        named: dict[str, Any],
        sample: Sample | None = None,
    ) -> Any:
        """What a kernel gives back.

        Raises:
            CheckError: it raised something. Our own errors, which have a sentence already, and a
                lack of memory are left as they are.
        """
        try:
            return function(*given, **named)
        except (SlideError, MemoryError):
            raise
        except Exception as error:  # whatever a stranger's kernel may raise
            arguments = bind_arguments(kernel, given, named)
            if sample:
                parts = [sample.arguments, sample.whole()]
            else:
                parts = [tuple(host(self.backend, each) for each in arguments)]
            said = describe_raised(error)
            calls = [CheckedCall(kernel, part, None, said) for part in parts]
            raise check_error(self, kernel, said, calls) from error

    def rng_if_due(self, kernel: str, size: int) -> np.random.Generator | None:
        """What the sample of a call of this size is drawn with; None if it is not checked."""
        with self.lock:
            self.spot_checks.calls[kernel] += 1
            is_due = self.rng.random() < self.share or size > 2 * self.largest[kernel]
            if not is_due or not size:
                return None
            self.spot_checks.checked[kernel] += 1
            self.largest[kernel] = max(size, self.largest[kernel])
            return np.random.default_rng(self.rng.integers(1 << 62))

    def judge(
        self, kernel: str, arguments: tuple[Any, ...], sample: Sample, raw: Any, kept: ArgumentGuard
    ) -> None:
        """Raise CheckError if a result is wrong, or an argument was written to."""
        if sentence := kept.find_change():
            calls = [
                CheckedCall(kernel, part, None, sentence)
                for part in (sample.arguments, sample.whole())
            ]
            raise check_error(self, kernel, sentence, calls)
        got = raw if kernel in WRITERS or is_strange(raw) else host(self.backend, raw)
        if sentence := find_misfit(kernel, arguments, got):
            call = CheckedCall(kernel, sample.whole(), got, sentence)
            raise check_error(self, kernel, sentence, [call])
        part = sample.cut(got)
        found = verdict(kernel, sample.arguments, part)
        if found.sentence:
            calls = [
                CheckedCall(kernel, sample.arguments, part),
                CheckedCall(kernel, sample.whole(), host(self.backend, got)),
            ]
            raise check_error(self, kernel, f"in a sample {sample.told}, {found.sentence}", calls)
        with self.lock:
            self.spot_checks.worst = max(self.spot_checks.worst, found.worst)


def check_error(
    checked: SpotChecked, kernel: str, sentence: str, calls: list[CheckedCall]
) -> CheckError:
    """The error for a call that is wrong, of which the smallest part that is wrong again is kept.

    Args:
        checked: whose call.
        kernel: which.
        sentence: where its result is wrong.
        calls: a part of it, perhaps, and the whole.
    """
    number = checked.spot_checks.calls[kernel]
    told = f"call {number} of {Case(kernel, calls[-1].arguments)} is wrong: {sentence}"
    again = [call for call in calls if call.repeated(checked.backend)]
    if not again:
        told += "; the same call made again is right"
    try:
        path = [*again, *calls[-1:]][0].save()
    except OSError as error:
        return CheckError(f"{told} (its arguments cannot be saved: {error.strerror})", "")
    lines = (
        "import slide",
        "from slide.reference.pasting import *",
        f"backend = {checked.loading}",
        f'call = checked_call("{path}")',
        "print(call.deviation)  # of the result in the run",
        "print(call.repeated(backend))  # of the same call made again",
    )
    return CheckError(f"{told}; its arguments are in {path}", "\n".join(lines))


def bind_arguments(kernel: str, given: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
    """All arguments of a call in their order."""
    call = SIGNATURES[kernel].bind(None, *given, **named)
    call.apply_defaults()
    return call.args[1:]


def may_not_change(kernel: str, arguments: tuple[Any, ...]) -> dict[str, Any]:
    """The arguments of a call that it only reads, by name."""
    names = [*SIGNATURES[kernel].parameters][1:]
    pairs = list(zip(names, arguments, strict=True))
    return dict(pairs[1:] if kernel in WRITERS else pairs)


def n_items(thing: Any) -> int:
    """Numbers in all arrays of some arguments."""
    if hasattr(thing, "dtype"):
        return int(thing.size)
    if isinstance(thing, tuple):
        return sum(map(n_items, thing))
    if is_dataclass(thing):
        return sum(n_items(getattr(thing, each.name)) for each in fields(thing))
    return 0
