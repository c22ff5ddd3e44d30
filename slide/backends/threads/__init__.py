"""The kernels of the `numba` backend, one file for each idea.

Compiled functions take `start, stop` and work on that span of their rows, without the GIL; the
pool runs spans on threads. A row is computed by whoever owns it, in an order that does not depend
on the span, so any number of threads gives the same bits.
"""
