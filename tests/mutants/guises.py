"""Backends that let the reference do their work, in one guise or another."""

import threading

from slide.core.contract.backend import KERNELS
from slide.reference import losses, optimizers
from slide.reference.kernels import ReferenceBackend


class Empty(ReferenceBackend):
    pass


class Borrowed:
    name = "borrowed"
    set_threads = ReferenceBackend.set_threads


for kernel in KERNELS:
    setattr(Borrowed, kernel, getattr(ReferenceBackend, kernel))


class Wrapper:
    """Hands every call on."""

    name = "wrapper"

    def __init__(self):
        self.inner = ReferenceBackend()

    def __getattr__(self, name):
        return getattr(self.inner, name)


def handing_on(kernel):
    return lambda self, *arguments: getattr(ReferenceBackend(), kernel)(*arguments)


class Lambdas(ReferenceBackend):
    """A function of its own for every kernel."""


for kernel in KERNELS:
    setattr(Lambdas, kernel, handing_on(kernel))


class OnThreads(ReferenceBackend):
    """On a thread of its own."""

    def spmm(self, z, w):
        results = []
        thread = threading.Thread(target=lambda: results.append(super(OnThreads, self).spmm(z, w)))
        thread.start()
        thread.join()
        return results[0]


class Innermost(ReferenceBackend):
    """Calls what the reference's methods call."""

    def loss(self, z, log_weights, y, name):
        return losses.loss(z, log_weights, y, name)

    def update_rows(self, param, grad, optimizer, lr, step):
        optimizers.update_rows(param, grad, optimizer, lr, step)
