"""Features: what a policy sees of a request's text."""

from typing import TYPE_CHECKING

from messjax import lazy_imports

if TYPE_CHECKING:
    from messjax.features.ngrams import hashed_ngrams

__all__ = ["hashed_ngrams"]
__getattr__, __dir__ = lazy_imports.attach(__name__)
