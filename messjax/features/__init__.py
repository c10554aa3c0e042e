"""Features: numbers that represent the text of a request to policies and predictors."""

from typing import TYPE_CHECKING

from messjax import lazy_imports

if TYPE_CHECKING:
    from messjax.features.ngrams import hashed_ngrams

__all__ = ["hashed_ngrams"]
__getattr__, __dir__ = lazy_imports.attach(__name__)
