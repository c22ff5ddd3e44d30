"""The suite as pytest items, for the tests of a package that has a backend.

    from slide.testing import benchmarks, conformance

    test_conformance = conformance("mypackage:MyBackend")
    test_speed = benchmarks("mypackage:MyBackend")

Needs pytest, and for times pytest-benchmark: `pip install 'slide-engine[testing]'`.
"""

from slide.testing.conformance import conformance
from slide.testing.speed import benchmarks

__all__ = ["benchmarks", "conformance"]
