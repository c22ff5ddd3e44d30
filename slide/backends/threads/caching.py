"""Compiled kernels on disk: kept where that can be, never trusted, never in the way of a run.

Numba keeps what it has compiled beside the package, in the user's cache, or where NUMBA_CACHE_DIR
says, and raises where no such place can be written, or where a file is not what it left there. Here
both mean that kernels are compiled anew. What can be read is used, even if nothing can be written.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import pickle
import warnings
from collections.abc import Callable
from functools import cache
from multiprocessing import current_process, parent_process
from pathlib import Path
from typing import Any

from numba.core import config
from numba.core.caching import (
    CompileResultCacheImpl,
    FunctionCache,
    IndexDataCacheFile,
    InTreeCacheLocator,
    UserProvidedCacheLocator,
    UserWideCacheLocator,
)

from slide.core import contract
from slide.core.errors import SlideWarning

FIRST_WORKERS = ("worker 0", "verifying 0")
"""Names of processes whose parents compile nothing, so that nothing is said there."""
REMEDY = "set NUMBA_CACHE_DIR to a folder that can be written"


class HomeLocator(UserWideCacheLocator):
    """The user's cache; without a home, `~` is no place for one but the name of a new folder."""

    def ensure_cache_path(self) -> None:
        """Make the folder; raises OSError where it cannot be written."""
        if not os.path.isabs(self.get_cache_path()):
            raise FileNotFoundError(self.get_cache_path())
        super().ensure_cache_path()


class ReadOnlyLocator(InTreeCacheLocator):
    """Beside the package, whether that can be written or not."""

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> ReadOnlyLocator:
        """Of any function."""
        return cls(py_func, py_file)


class KernelCacheImpl(CompileResultCacheImpl):
    """Places for kernels, the first that will do; the last one always does."""

    _locator_classes = tuple(  # type: ignore[assignment]
        HomeLocator if locator is UserWideCacheLocator else locator
        for locator in [*CompileResultCacheImpl._locator_classes, ReadOnlyLocator]
    )


class SealedFiles(IndexDataCacheFile):
    """Files whose contents are known to be those that were written, for this kernel and types.

    There is no index, which processes that compile at the same time would write over each other's:
    the file of a combination of types has a name that follows from them.
    """

    def save(self, key: Any, data: Any) -> None:
        """Keep what was compiled."""
        body = self._dump(data)
        self._save_data(self._data_name_of(key), (self._seal(key, body), body))

    def load(self, key: Any) -> Any:
        """What was compiled; None if it is something else. Raises where there is no such file."""
        seal, body = self._load_data(self._data_name_of(key))
        return pickle.loads(body) if seal == self._seal(key, body) else None

    def _data_name_of(self, key: Any) -> str:
        return str(self._data_name(int(digest(repr(key).encode())[:16], 16)))

    def _seal(self, key: Any, body: bytes) -> str:
        whose = repr((self._version, self._source_stamp, key))
        return digest(whose.encode() + body)


class KernelCache(FunctionCache):
    """The cache of one kernel, of which nothing raises."""

    _impl_class = KernelCacheImpl

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        locator = self._impl.locator
        sources = digest_of_sources(Path(inspect.getfile(function)).parent)
        stamp = locator.get_source_stamp(), sources
        self._cache_file = SealedFiles(self._cache_path, self._impl.filename_base, stamp)
        if getattr(config, "CACHE_DIR", "") and not isinstance(locator, UserProvidedCacheLocator):
            warn_once(
                f"NUMBA_CACHE_DIR is {os.environ.get('NUMBA_CACHE_DIR')!r}, where compiled kernels "
                f"cannot be kept: {REMEDY}, or leave it out"
            )

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """A kernel for these types as it was kept; None if it is to be compiled."""
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # no such file, or whatever the bytes of a damaged one stand for
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a kernel, if there is a place for it."""
        try:
            super().save_overload(sig, data)
        except OSError as error:
            warn_once(
                f"compiled kernels cannot be kept in {self._cache_path} "
                f"({error.strerror or error}), so that each run compiles them for some seconds: "
                f"{REMEDY}"
            )


def kept_on_disk(kernel: Any) -> Any:
    """The kernel, what is compiled of it kept; one that is not to be compiled as it is."""
    if hasattr(kernel, "enable_caching"):
        kernel._cache = KernelCache(kernel.py_func)
    return kernel


def digest(data: bytes) -> str:
    """SHA-256, in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


@cache
def digest_of_sources(folder: Path) -> str:
    """Of all that a kernel of this folder may have taken in: others', and the contract's numbers.

    Numba asks after the file of the kernel alone, and an upgrade may leave that as it was.
    """
    folders = folder, Path(contract.__file__).parent
    paths = [path for each in folders for path in sorted(each.glob("*.py"))]
    return digest(b"".join(path.read_bytes() for path in paths))


_said: list[str] = []


def warn_once(sentence: str) -> None:
    """Say the first of such sentences; of worker processes the first says it for all."""
    is_first = parent_process() is None or current_process().name in FIRST_WORKERS
    if is_first and not _said:
        _said.append(sentence)
        warnings.warn(sentence, SlideWarning, stacklevel=2)
