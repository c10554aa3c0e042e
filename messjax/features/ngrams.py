"""Hashed word n-grams, as in fastText: from text to a fixed vector with nothing to learn, fit or download.

Policies receive requests one by one, so a row may depend on its own text only: no vocabulary, no document frequencies,
no centring by the mean of the corpus. Hashing gives that, and the same row on every machine and in every version of
Python, which the built-in `hash` does not.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Sequence

import numpy as np

_WORD = re.compile(r"\w+")
_DIGITS = re.compile(r"\d+")
_CHAIN = np.uint64(116049371)  # fastText's factor for the hash of an n-gram from the hashes of its words
_BATCH = 1024  # texts per batch: the dense counts of a batch stay small


def hashed_ngrams(
    texts: Sequence[str], dim: int = 256, words: int = 1, *, fold_numbers: bool = True, scale: float = 1.0
) -> np.ndarray:
    """Signed bags of hashed word n-grams, one row of Euclidean norm `scale` per text.

    Words are the maximal runs of letters, digits and underscores of any script, lower-cased. Every n-gram of 1 to
    `words` words adds +1 or -1 to one of `dim` buckets; bucket and sign come from its hash (`ngram_hash`), so that
    colliding n-grams cancel on average instead of adding up. The row is then scaled to norm `scale`.

    Args:
        texts: N texts.
        dim: Number of buckets d.
        words: Longest n-gram, in words. Longer ones need more buckets and more requests to learn from.
        fold_numbers: Whether every run of digits counts as "0": that a text has numbers matters more than which ones.
        scale: Norm of the rows; sqrt(dim) makes the entries about 1 in absolute value.

    Returns:
        [N, dim] float32, C-contiguous. A text without any word, or whose n-grams cancel, gives zeros.

    Raises:
        ValueError: A single string instead of a sequence, an entry that is not a string, dim or words below one, or a
            scale that is not positive and finite.

    Example:
        >>> hashed_ngrams(["What is 2 + 2?", "Prove it."], dim=64).shape
        (2, 64)
    """
    _check(texts, dim, words, scale)
    hashes: dict[str, int] = {}
    rows = np.zeros((len(texts), dim), np.float32)
    for start in range(0, len(texts), _BATCH):
        counts = _count(texts[start : start + _BATCH], dim, words, fold_numbers, hashes)
        norms = np.linalg.norm(counts, axis=1, keepdims=True)
        rows[start : start + _BATCH] = scale * counts / np.where(norms > 0.0, norms, 1.0)
    return rows


def ngram_hash(word_hashes: Sequence[np.ndarray]) -> np.ndarray:
    """The 64-bit hashes of n-grams from the CRC-32 of their words.

    The words are chained as in fastText, h <- 116049371 h + crc modulo 2^64, and mixed by MurmurHash3's finaliser:
    without it the low bits of a bigram would follow from the low bits of its words alone. The bucket is the hash modulo
    `dim`, and the sign is negative where its highest bit is set.

    Args:
        word_hashes: n arrays of one shape, uint64; array i has the CRC-32 of the i-th words (of their UTF-8 bytes).

    Returns:
        uint64, of that shape.
    """
    hashed = np.zeros_like(word_hashes[0])
    for word in word_hashes:
        hashed = hashed * _CHAIN + word
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        hashed = (hashed ^ (hashed >> np.uint64(33))) * np.uint64(factor)
    return hashed ^ (hashed >> np.uint64(33))


def _count(texts: Sequence[str], dim: int, words: int, fold_numbers: bool, hashes: dict[str, int]) -> np.ndarray:
    """Signed counts [B, dim] float64 of the n-grams of a batch; `hashes` remembers the CRC-32 of words met before."""
    result: list[int] = []
    lengths = []
    for text in texts:
        tokens = _WORD.findall(text.lower())
        lengths.append(len(tokens))
        for token in tokens:
            known = hashes.get(token)
            if known is None:
                word = _DIGITS.sub("0", token) if fold_numbers else token
                known = hashes[token] = zlib.crc32(word.encode("utf-8"))
            result.append(known)
    crc = np.array(result, np.uint64)
    row = np.repeat(np.arange(len(texts)), lengths)
    counts = np.zeros(len(texts) * dim)
    for n in range(1, min(words, max(lengths, default=0)) + 1):
        last = len(crc) - n + 1
        hashed = ngram_hash([crc[i : i + last] for i in range(n)])
        inside = row[:last] == row[n - 1 :]  # an n-gram must not run on into the next text
        bucket = row[:last] * dim + (hashed % np.uint64(dim)).astype(np.int64)
        sign = 1.0 - 2.0 * (hashed >> np.uint64(63)).astype(np.float64)
        counts += np.bincount(bucket[inside], weights=sign[inside], minlength=len(counts))
    return counts.reshape(len(texts), dim)


def _check(texts: Sequence[str], dim: int, words: int, scale: float) -> None:
    if isinstance(texts, str):
        raise ValueError("texts is a single string, expected a sequence of strings: write [text]")
    for n, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(f"texts[{n}] is a {type(text).__name__}, expected a string")
    if dim < 1:
        raise ValueError(f"dim is {dim}, expected at least 1")
    if words < 1:
        raise ValueError(f"words is {words}, expected at least 1")
    if not (scale > 0.0 and math.isfinite(scale)):
        raise ValueError(f"scale is {scale}, expected a positive, finite number")
