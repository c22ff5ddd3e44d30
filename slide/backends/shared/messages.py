"""Messages between processes: all is pickled but the arrays, of which only the place goes."""

from __future__ import annotations

import copyreg
import io
import pickle
from typing import Any

import numpy as np

from slide.backends.shared.memory import Place, Store, Windows, place_of
from slide.core.contract.arrays import Array
from slide.core.contract.workers import Packed
from slide.core.errors import BackendError

SMALL = 256  # bytes of an array that goes along with the message

readers: list[tuple[Windows | Store, Any]] = []
"""Where arrays are found while a message is read, and the backend of who reads it; innermost last.

Pickle offers `persistent_id` for this, which it calls for every number and every string.
"""


class NoType:
    """No thing is of this type."""


class Packer(pickle.Pickler):
    """Puts arrays into the store that are not there yet, and remembers them as long as it lives.

    Args:
        file: for the message.
        store: for the arrays.
        small: bytes of an array that is not put there, for nobody will write to it.
        absent: type of what stays here: whoever reads the message has one of its own.
    """

    def __init__(self, file: io.BytesIO, store: Store, small: int, absent: type) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self.store, self.small, self.copies = store, small, list[Array]()
        self.dispatch_table = copyreg.dispatch_table | {absent: lambda _: (backend_of_reader, ())}

    def reducer_override(self, thing: Any) -> Any:
        """How a thing of no built-in type is made again."""
        if type(thing) is not np.ndarray:
            return NotImplemented
        place = place_of(thing)
        if place is None and thing.nbytes > self.small:
            self.copies.append(self.store.put(thing))
            place = place_of(self.copies[-1])
        return NotImplemented if place is None else (found_at, tuple(place))


def backend_of_reader() -> Any:
    """Takes the place of a backend."""
    return readers[-1][1]


def found_at(*place: Any) -> Array:
    """Takes the place of an array."""
    return readers[-1][0].array_at(Place(*place))


def packed(thing: Any, store: Store, small: int = SMALL, absent: type = NoType) -> Packed:
    """A thing as a message: see `Packer`."""
    file = io.BytesIO()
    packer = Packer(file, store, small, absent)
    packer.dump(thing)
    return Packed(file.getvalue(), packer.copies)


def unpacked(message: bytes, places: Windows | Store, backend: Any = None) -> Any:
    """What was packed; its arrays are views of the sender's.

    Args:
        message: as `packed` made it.
        places: where the sender's arrays are found.
        backend: takes the place of the sender's.
    """
    readers.append((places, backend))
    try:
        return pickle.loads(message)
    finally:
        readers.pop()


def portable(error: Exception) -> Exception:
    """The same error, or one that says the same, such that another process can raise it."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # an exception of a stranger's kernel
        return BackendError(f"a worker raised {type(error).__name__}: {error}")
    return error
