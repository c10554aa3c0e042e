"""Features: what a policy sees of a request's text."""

from messjax.features.ngrams import hashed_ngrams

__all__ = ["hashed_ngrams"]
