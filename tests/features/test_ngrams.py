"""Hashed n-grams against their definition, written out here a second time with Python's integers."""

from __future__ import annotations

import math
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messjax.features import hashed_ngrams
from messjax.features.ngrams import ngram_hash

WORD = 2**64 - 1


def mixed(*words: str) -> int:
    """The hash of one n-gram: fastText's chain over CRC-32s, then MurmurHash3's fmix64."""
    h = 0
    for word in words:
        h = (h * 116049371 + zlib.crc32(word.encode())) & WORD
    h = ((h ^ (h >> 33)) * 0xFF51AFD7ED558CCD) & WORD
    h = ((h ^ (h >> 33)) * 0xC4CEB9FE1A85EC53) & WORD
    return h ^ (h >> 33)


def row_of(ngrams: list[tuple[str, ...]], dim: int) -> np.ndarray:
    """The row that these n-grams make, [dim]."""
    row = [0] * dim
    for ngram in ngrams:
        h = mixed(*ngram)
        row[h % dim] += -1 if h >> 63 else 1
    return np.array(row) / math.sqrt(sum(x * x for x in row))


def test_the_hash_is_pinned() -> None:
    """CRC-32's check value, fmix64(1), and one bigram: a change would silently change every stored result."""
    assert zlib.crc32(b"123456789") == 0xCBF43926
    assert int(ngram_hash([np.array([1], np.uint64)])[0]) == 0xB456BCFC34C2CB2C
    crcs = [np.array([zlib.crc32(word)], np.uint64) for word in (b"virtual", b"queue")]
    assert int(ngram_hash(crcs)[0]) == mixed("virtual", "queue") == 0xD79612EDA45E19EB


@pytest.mark.parametrize("dim", [7, 64, 256])
@pytest.mark.parametrize(
    ("words", "ngrams"),
    [
        (1, [("das",), ("größte",), ("das",), ("0",), ("x0",)]),
        (
            2,
            [("das",), ("größte",), ("das",), ("0",), ("x0",)]
            + [("das", "größte"), ("größte", "das"), ("das", "0"), ("0", "x0")],
        ),
    ],
)
def test_known_answer(dim: int, words: int, ngrams: list[tuple[str, ...]]) -> None:
    features = hashed_ngrams(["Das Größte -- das: 1984,\n x27"], dim, words)
    assert features.shape == (1, dim) and features.dtype == np.float32 and features.flags.c_contiguous
    np.testing.assert_allclose(features[0], row_of(ngrams, dim), rtol=1e-6)


def test_numbers_are_folded_unless_asked_not_to() -> None:
    same, other = hashed_ngrams(["room 1984", "room 7"])
    np.testing.assert_array_equal(same, other)
    kept, other = hashed_ngrams(["room 1984", "room 7"], fold_numbers=False)
    np.testing.assert_allclose(kept, row_of([("room",), ("1984",)], 256), rtol=1e-6)
    assert (kept != other).any()


def test_texts_without_words_are_zeros() -> None:
    assert not hashed_ngrams(["", " \n", "?!", "\ud800"], words=3).any()
    assert hashed_ngrams([], 16).shape == (0, 16)


def test_ngrams_that_cancel_are_zeros_not_nan() -> None:
    words = [f"word{letter}" for letter in "abcdefghij"]
    plus = next(word for word in words if mixed(word) >> 63 == 0)
    minus = next(word for word in words if mixed(word) >> 63 == 1)
    np.testing.assert_array_equal(hashed_ngrams([f"{plus} {minus}", plus, minus], dim=1), [[0.0], [1.0], [-1.0]])


def test_collisions_are_unbiased() -> None:
    """Of two bags without a common word the inner product is zero on average; unsigned it would be far from it."""
    rng = np.random.default_rng(0)
    texts = [" ".join("".join(chr(97 + i) for i in rng.integers(26, size=9)) for _ in range(30)) for _ in range(400)]
    features = hashed_ngrams(texts, dim=32).astype(np.float64)
    inner = (features @ features.T)[np.triu_indices(len(texts), 1)]
    # Under an ideal hash the pairs are uncorrelated, each of variance 1 / 32.
    assert abs(inner.mean()) < 5 / math.sqrt(32 * len(inner))
    assert np.std(inner) == pytest.approx(1 / math.sqrt(32), rel=0.1)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=30), max_size=8), st.integers(1, 3), st.sampled_from([0.5, 1.0, 16.0]))
def test_rows_have_norm_scale_or_zero(texts: list[str], words: int, scale: float) -> None:
    norms = np.linalg.norm(hashed_ngrams(texts, 64, words, scale=scale), axis=1)
    assert np.all(np.isclose(norms, scale, rtol=1e-6) | (norms == 0.0))


def test_a_row_depends_on_its_own_text_only() -> None:
    texts = [f"text {'abc'[n % 3] * (n % 11)} {'xyz'[n % 2]}" for n in range(2500)]  # more than two batches
    features = hashed_ngrams(texts, 64, 2)
    order = np.random.default_rng(1).permutation(len(texts))
    np.testing.assert_array_equal(hashed_ngrams([texts[n] for n in order], 64, 2), features[order])
    np.testing.assert_array_equal(hashed_ngrams(texts[1500:1501], 64, 2), features[1500:1501])


@pytest.mark.parametrize(
    ("texts", "options", "message"),
    [
        ("a text", {}, "single string"),
        (["a", None], {}, r"texts\[1\] is a NoneType, expected a string"),
        (["a"], {"dim": 0}, "dim is 0"),
        (["a"], {"words": 0}, "words is 0"),
        (["a"], {"scale": 0.0}, "scale is 0.0"),
        (["a"], {"scale": math.inf}, "scale is inf"),
        (["a"], {"scale": math.nan}, "scale is nan"),
    ],
)
def test_errors(texts: list[str], options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        hashed_ngrams(texts, **options)  # type: ignore[arg-type]
