"""The classifier, or a sentence that says what is missing."""

from __future__ import annotations

from typing import Any


def classifier() -> type[Any]:
    """`SlideClassifier`.

    Raises:
        ImportError: scikit-learn is not installed.
    """
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "slide.SlideClassifier needs scikit-learn: pip install 'slide-engine[sklearn]' "
            f"({error})"
        ) from None
    from slide.estimator.classifier import SlideClassifier

    return SlideClassifier
