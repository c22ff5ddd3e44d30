"""slide backends: who can compute here."""

from __future__ import annotations


def backends() -> None:
    """List the registered backends and whether they can be used on this machine."""
    from slide.backends import default_name, listings, problem_of

    default = default_name()
    for listing in listings():
        mark = "*" if listing.name == default else " "
        print(f"{mark} {listing.name:16} {listing.origin:12} {listing.problem or 'available'}")
    problem = problem_of(default)
    print(f"{default} is used when --backend is not given" + (f": {problem}" if problem else ""))
