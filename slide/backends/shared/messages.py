"""Messages between processes: all is pickled but the arrays, of which only the place goes."""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np

from slide.backends.shared.memory import Place, Store, Windows
from slide.core.arrays import Array
from slide.core.errors import BackendError

SMALL = 256  # bytes of an array that goes along with the message
BACKEND = "backend"


class Packer(pickle.Pickler):
    """Puts arrays into the store that are not there yet, and remembers them as long as it lives.

    Args:
        file: for the message.
        store: for the arrays.
        small: bytes of an array that is not put there, for nobody will write to it.
    """

    def __init__(self, file: io.BytesIO, store: Store, small: int) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self.store, self.small, self.copies = store, small, list[Array]()

    def persistent_id(self, thing: Any) -> Place | str | None:
        """What stands for a thing in the message; None if it goes itself."""
        if hasattr(thing, "masked_spgemm"):
            return BACKEND
        if type(thing) is not np.ndarray:
            return None
        place = self.store.place_of(thing)
        if place is None and thing.nbytes > self.small:
            self.copies.append(self.store.put(thing))
            place = self.store.place_of(self.copies[-1])
        return place


class Unpacker(pickle.Unpickler):
    """Finds the arrays where they lie."""

    def __init__(self, file: io.BytesIO, places: Windows | Store, backend: Any) -> None:
        super().__init__(file)
        self.places, self.backend = places, backend

    def persistent_load(self, thing: Any) -> Any:
        """What `persistent_id` has put this for."""
        return self.backend if thing == BACKEND else self.places.array_at(thing)


def packed(thing: Any, store: Store, small: int = SMALL) -> tuple[bytes, list[Array]]:
    """A message, and copies of arrays that must stay until it was answered."""
    file = io.BytesIO()
    packer = Packer(file, store, small)
    packer.dump(thing)
    return file.getvalue(), packer.copies


def unpacked(message: bytes, places: Windows | Store, backend: Any = None) -> Any:
    """What was packed; its arrays are views of the sender's.

    Args:
        message: as `packed` made it.
        places: where the sender's arrays are found.
        backend: takes the place of the sender's.
    """
    return Unpacker(io.BytesIO(message), places, backend).load()


def portable(error: Exception) -> Exception:
    """The same error, or one that says the same, such that another process can raise it."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # an exception of a stranger's kernel
        return BackendError(f"a worker raised {type(error).__name__}: {error}")
    return error
