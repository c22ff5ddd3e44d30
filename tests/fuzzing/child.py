"""Fuzzes one target in a process of its own, whose memory is limited.

    python -m fuzzing.child TARGET SECONDS CORPUS FINDINGS SCRATCH

With atheris it follows the coverage of the readers' lines; without it changes bytes at random, of
what is in the corpus. What is found is kept, once for each place that raises, and fuzzing goes on.
A process that dies leaves the bytes that it was at in FINDINGS/TARGET/running.
"""

from __future__ import annotations

import hashlib
import random
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from fuzzing.edits import edited

MEMORY = 1 << 30  # beyond what the process has when it begins
SLOWEST = 20  # seconds of one file
LARGEST = 1 << 16  # bytes of one file
INSTRUMENTED = (
    "slide.data", "slide.serving", "slide.core.checkpoints", "slide.core.contract",
    "slide.core.direct", "slide.core.examples", "slide.core.models", "slide.core.runs",
    "slide.core.sampled", "slide.core.svm",
)  # fmt: skip

try:
    import atheris
except ImportError:
    atheris = None


class Fuzzing:
    """What is done to one target.

    Args:
        target: of TARGETS.
        corpus: folder of bytes that reached what others did not.
        findings: folder of bytes that were neither read nor refused.
        folder: where files are laid for the target; it is cleared again and again.
    """

    def __init__(self, target: Any, corpus: Path, findings: Path, folder: Path) -> None:
        self.target, self.corpus, self.findings, self.folder = target, corpus, findings, folder
        self.known: set[str] = set()
        self.n = 0
        self.running = findings / "running"
        for each in (corpus, findings, folder):
            each.mkdir(parents=True, exist_ok=True)

    def one(self, data: bytes) -> None:
        """Give bytes to the target, and keep them if it does what it should not."""
        self.n += 1
        self.running.write_bytes(data)
        signal.alarm(SLOWEST)
        try:
            self.target.survives(data, self.folder)
        except Exception as error:
            self.keep(data, error)
        finally:
            signal.alarm(0)

    def keep(self, data: bytes, error: Exception) -> None:
        """Store what was found, once for each place that raises."""
        frames = traceback.extract_tb(error.__traceback__)
        where = [f"{Path(each.filename).name}:{each.lineno}" for each in frames][-3:]
        told = f"{type(error).__name__} {' '.join(where)}"
        if told not in self.known:
            self.known.add(told)
            name = hashlib.sha256(told.encode()).hexdigest()[:12]
            (self.findings / name).write_bytes(data)
            (self.findings / f"{name}.txt").write_text(told + "\n" + traceback.format_exc())
            print(f"found {self.target.name}: {told}: {str(error)[:200]}", flush=True)

    def at_random(self, seconds: float) -> None:
        """Change bytes at random, without coverage."""
        seeds = [path.read_bytes() for path in sorted(self.corpus.iterdir())]
        rng, end = random.Random(time.time_ns()), time.monotonic() + seconds
        while time.monotonic() < end:
            self.one(edited(rng.choice(seeds), rng)[:LARGEST])

    def by_coverage(self, seconds: float) -> None:
        """Let libFuzzer choose; it ends the process."""
        options = [
            f"-max_total_time={seconds:.0f}", f"-max_len={LARGEST}", f"-timeout={3 * SLOWEST}",
            "-rss_limit_mb=0", f"-artifact_prefix={self.findings}/died-", "-print_final_stats=1",
            "-verbosity=0",
        ]  # fmt: skip
        atheris.Setup(
            [sys.argv[0], *options, str(self.corpus)], self.one, custom_mutator=self.mutated
        )
        atheris.Fuzz()

    def mutated(self, data: bytes, most: int, seed: int) -> bytes:
        """A change of ours, or of libFuzzer's."""
        if seed % 2:
            return edited(data, random.Random(seed))[:most]
        return bytes(atheris.Mutate(data, most))


def too_slow(number: int, frame: FrameType | None) -> NoReturn:
    """One file took too long."""
    raise TimeoutError(f"more than {SLOWEST} s")


def limit_memory() -> None:
    """Whatever a file claims, no more than so much memory is taken for it."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def instrumented() -> Any:
    """Within it, modules are imported so that their coverage is known."""
    if atheris is None:
        return nullcontext()
    include: Callable[..., Any] = atheris.instrument_imports
    return include(include=list(INSTRUMENTED), enable_loader_override=False)


def main() -> None:
    """Fuzz as the command line says."""
    name, seconds, *places = sys.argv[1:]
    corpus, findings, scratch = map(Path, places)
    with instrumented():
        from fuzzing.targets import TARGETS
    fuzzing = Fuzzing(TARGETS[name], corpus / name, findings / name, scratch / name)
    seed = TARGETS[name].seed()
    assert TARGETS[name].survives(seed, fuzzing.folder), f"{name} refuses what is valid"
    (fuzzing.corpus / "valid").write_bytes(seed)
    signal.signal(signal.SIGALRM, too_slow)
    limit_memory()
    if atheris is None:
        fuzzing.at_random(float(seconds))
        print(f"Done {fuzzing.n} in {seconds} second(s)")
    else:
        fuzzing.by_coverage(float(seconds))


if __name__ == "__main__":
    main()
