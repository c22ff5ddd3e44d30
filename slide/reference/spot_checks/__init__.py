"""Checks of a run while it runs: some calls of kernels against the second formula."""

from slide.reference.spot_checks.checking import SpotChecked
from slide.reference.spot_checks.saving import CheckedCall, checked_call
from slide.reference.spot_checks.tally import Tally

__all__ = ["CheckedCall", "SpotChecked", "Tally", "checked_call"]
