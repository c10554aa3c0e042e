"""From texts to token ids with a published tokenizer.json, and batches of similar length for few compiled programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from messjax.features.folder import Settings, file_bytes, settings


class Tokens(NamedTuple):
    """A block of texts as token ids.

    Attributes:
        ids: N arrays of int32, special tokens included.
        cut: Whether the text was longer than allowed and truncated, [N] bool.
    """

    ids: tuple[np.ndarray, ...]
    cut: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """Number of tokens kept per text, [N] int32."""
        return np.fromiter(map(len, self.ids), np.int32, len(self.ids))


class Batch(NamedTuple):
    """One call of the program.

    Attributes:
        members: Numbers of the texts [n] int64, n <= B.
        ids: Token ids with padding on the right [B, T] int32.
        lengths: Number of tokens of each row [B] int32, 0 in rows without a text.
    """

    members: np.ndarray
    ids: np.ndarray
    lengths: np.ndarray


def tokenizer(path: Path, max_tokens: int) -> Any:
    """A `tokenizers.Tokenizer` that truncates and does not pad.

    The truncation and padding written in the file are not used (transformers does not use them either).

    Args:
        path: A tokenizer.json.
        max_tokens: Where texts are truncated, special tokens included.

    Returns:
        The tokenizer.

    Raises:
        ValueError: No such file, not a tokenizer, or no room for a text beside the special tokens.
    """
    from tokenizers import Tokenizer

    raw = file_bytes(path)
    settings(path)  # says what is wrong with JSON better than the next line
    with _named(path, "not a tokenizer"):
        made = Tokenizer.from_buffer(raw)
        special = made.num_special_tokens_to_add(False)
        made.no_padding()
        made.no_truncation()
        if max_tokens > special:
            made.enable_truncation(max_tokens)
    if max_tokens <= special:
        raise ValueError(f"max_tokens is {max_tokens}, expected more than the {special} special tokens of {path}")
    return made


def most_tokens(folder: Path, positions: int, max_tokens: int | None) -> int:
    """Where texts are truncated.

    Args:
        folder: The model's folder; sentence_bert_config.json and tokenizer_config.json need not be there.
        positions: Number of positions of the model.
        max_tokens: What the user asks for; None: `max_seq_length` of sentence_bert_config.json.

    Returns:
        A number of tokens, never above the model's positions or the `model_max_length` of tokenizer_config.json.

    Raises:
        ValueError: max_tokens below 1, or a setting that is not a number.
    """
    length = _optional(folder / "tokenizer_config.json").values.get("model_max_length")
    if isinstance(length, int | float) and not isinstance(length, bool) and 1 <= length < positions:
        positions = int(length)  # transformers writes 1e30 where there is none
    if max_tokens is None:
        advised = _optional(folder / "sentence_bert_config.json")
        max_tokens = advised.whole("max_seq_length", positions)
    if max_tokens < 1:
        raise ValueError(f"max_tokens is {max_tokens}, expected at least 1")
    return min(max_tokens, positions)


def tokenize(made: Any, texts: Sequence[str], vocab_size: int, path: Path, *, special: bool = True) -> Tokens:
    """The ids of every text. A lone surrogate, which UTF-8 cannot represent, is read as U+FFFD.

    Args:
        made: The tokenizer.
        texts: N texts.
        vocab_size: Number of tokens of the model.
        path: The tokenizer's file, for error messages.
        special: Whether special tokens are put around a text.

    Returns:
        The token ids.

    Raises:
        ValueError: The tokenizer fails on a text, or gives an id that the model has no embedding for.
    """
    with _named(path, "the tokenizer cannot read a text"):
        result = made.encode_batch_fast([_utf8(text) for text in texts], add_special_tokens=special)
    ids = tuple(np.array(each.ids, np.int32) for each in result)
    largest = max((int(each.max()) for each in ids if each.size), default=-1)
    if largest >= vocab_size:
        raise ValueError(f"{path} gives token {largest}, but config.json has vocab_size {vocab_size}: not of one model")
    full = (made.truncation or {}).get("max_length", 0)
    cut = np.array([len(row) >= full and bool(each.overflowing) for row, each in zip(ids, result, strict=True)], bool)
    return Tokens(ids, cut)


def widths(max_tokens: int) -> np.ndarray:
    """Lengths that batches are padded to: 16, 24, 32, 48, 64, 96, ... up to `max_tokens`.

    Args:
        max_tokens: Where texts are truncated.

    Returns:
        Lengths, int64, increasing.
    """
    steps = [16 * 2**n for n in range(max(1, max_tokens).bit_length())]
    both = np.array([width for step in steps for width in (step, step * 3 // 2)])
    return np.append(both[both < max_tokens], max_tokens)


def batches(ids: Sequence[np.ndarray], max_tokens: int, batch_tokens: int) -> Iterator[Batch]:
    """Batches of about `batch_tokens` tokens, longest texts first; every text is in one.

    A batch has the first of `widths` that its longest text fits in, and for that width always as many rows: as few
    programs compile as there are widths. Shorter texts fill up a batch, so that only the last one has empty rows.

    Args:
        ids: Token ids of N texts.
        max_tokens: Where texts were truncated.
        batch_tokens: Tokens per batch, padding included.

    Yields:
        Batches.
    """
    lengths = np.fromiter(map(len, ids), np.int64, len(ids))
    order, known, start = np.argsort(-lengths, kind="stable"), widths(max_tokens), 0
    while start < len(order):
        width = int(known[np.searchsorted(known, lengths[order[start]])])
        rows = max(1, batch_tokens // width)
        members = order[start : start + rows]
        start += rows
        filled = np.zeros((rows, width), np.int32)
        for row, member in enumerate(members):
            filled[row, : lengths[member]] = ids[member]
        sizes = np.zeros(rows, np.int32)
        sizes[: len(members)] = lengths[members]
        yield Batch(members, filled, sizes)


def _utf8(text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _optional(path: Path) -> Settings:
    return settings(path) if path.is_file() else Settings(path, {})


class _named:  # noqa: N801 - reads as a statement
    """Turns whatever the tokenizers package raises, a Rust panic included, into one ValueError."""

    def __init__(self, path: Path, what: str) -> None:
        self.path, self.what = path, what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, Exception) or (kind is not None and kind.__name__ == "PanicException"):
            raise ValueError(f"{self.path}: {self.what}: {error}") from None
