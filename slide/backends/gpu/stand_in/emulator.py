"""The CUDA kernels compiled for the CPU, and launched there."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from slide.core.errors import BackendError

COMPILERS = ("g++", "clang++", "c++")
FLAGS = ("-std=c++17", "-O2", "-shared", "-fPIC", "-U_FORTIFY_SOURCE", "-w")
KERNEL = re.compile(r"__global__ void (\w+)")
MARGIN, FILL = 64, 0xA5  # bytes beside an array that no kernel may touch
ORDERS = 0, 1, 2  # in which the threads of a block go on: ascending, descending, shuffled
LARGE = 1 << 22  # bytes of an array that is not copied to have margins


def compiler() -> str | None:
    """The C++ compiler that is found here."""
    return next((path for name in COMPILERS if (path := shutil.which(name))), None)


@cache
def library(cuda: str) -> Any:
    """The kernels of a CUDA text, as functions `launch_NAME`.

    Raises:
        BackendError: there is no C++ compiler, or it does not take the text.
    """
    if (command := compiler()) is None:
        raise BackendError(
            f"the stand-in for a GPU needs a C++ compiler: install one of {', '.join(COMPILERS)}"
        )
    header = (Path(__file__).parent / "emulator.h").read_text(encoding="utf-8")
    launches = [
        f'extern "C" int launch_{name}(void** a, unsigned b, unsigned t, int o) '
        f"{{ return emulator::launch({name}, a, b, t, o); }}"
        for name in KERNEL.findall(cuda)
    ]
    with TemporaryDirectory() as folder:
        text, compiled = Path(folder) / "kernels.cpp", Path(folder) / "kernels.so"
        text.write_text("\n".join([header, cuda, *launches]), encoding="utf-8")
        told = subprocess.run(
            [command, *FLAGS, "-o", str(compiled), str(text)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if told.returncode:
            raise BackendError(
                f"the CUDA kernels do not compile for the CPU: {told.stderr.strip()}"
            )
        return ctypes.PyDLL(str(compiled))  # which keeps the GIL: a launch has global variables


def launch(
    kernels: Any, name: str, n_blocks: int, n_threads: int, order: int, *arguments: Any
) -> None:
    """Run all threads of all blocks.

    Args:
        kernels: a library.
        name: of the kernel.
        n_blocks: of threads.
        n_threads: of a block.
        order: one of `ORDERS`.
        arguments: NumPy arrays in C order, None, int and np.float32.

    Raises:
        RuntimeError: threads wait for others in vain, or a kernel wrote beside its arrays.
    """
    guarded = [Guarded(one) if isinstance(one, np.ndarray) else None for one in arguments]
    values = [
        guard.pointer if guard else number(one)
        for one, guard in zip(arguments, guarded, strict=True)
    ]
    pointers = (ctypes.c_void_p * len(values))(*map(ctypes.addressof, values))
    if getattr(kernels, f"launch_{name}")(pointers, n_blocks, n_threads, order):
        raise RuntimeError(f"{name}: threads wait at a barrier that others never reach")
    for position, guard in enumerate(guarded):
        if guard and not guard.take_back():
            raise RuntimeError(f"{name} wrote beside its argument {position}")


def number(one: Any) -> Any:
    """A scalar as C has it."""
    if one is None:
        return ctypes.c_void_p(None)
    if isinstance(one, np.float32):
        return ctypes.c_float(float(one))
    if isinstance(one, int):
        return ctypes.c_longlong(one)
    raise TypeError(f"a kernel takes int and np.float32, got {type(one).__name__}")


class Guarded:
    """A copy of an array between two margins; a large one as it is."""

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        if not array.flags.c_contiguous:
            raise TypeError("a kernel reads arrays in C order")
        self.array = array
        self.pointer = ctypes.c_void_p(array.ctypes.data)
        self.is_large = array.nbytes >= LARGE
        if self.is_large:
            return
        self.bytes = np.full(array.nbytes + 2 * MARGIN, FILL, np.uint8)
        self.inside = self.bytes[MARGIN : MARGIN + array.nbytes].view(array.dtype)
        self.inside[:] = array.reshape(-1)
        self.pointer = ctypes.c_void_p(self.inside.ctypes.data)

    def take_back(self) -> bool:
        """Copy back what changed; whether the margins are as they were."""
        if self.is_large:
            return True
        flat = self.array.reshape(-1)
        if self.inside.tobytes() != flat.tobytes():
            flat[:] = self.inside
        margins = np.concatenate([self.bytes[:MARGIN], self.bytes[-MARGIN:]])
        return bool((margins == FILL).all())
