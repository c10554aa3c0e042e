"""Text encoders as frozen backbones: from a published model's folder and texts to one embedding per text.

    from messjax.features import encoder
    model = encoder.load("all-MiniLM-L6-v2")
    features = encoder.encode(model, texts)  # [N, d] float32

Embeddings are kept on disk (`messjax.features.store`) and computed once per text and encoder. They are computed on
whatever device JAX has; needed are the packages of `pip install 'messjax[encoders]'`, and not torch.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sized
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
import platformdirs

from messjax.features import tokens
from messjax.features.backbone import FAMILIES, Encoder, hidden_states, load, pooled
from messjax.features.store import Rows, Store, keys_of
from messjax.numerics.precision import with_32_bit_types
from messjax.types import Array

__all__ = ["FAMILIES", "Embedded", "Encoder", "embed", "encode", "hidden_states", "load"]

_BATCH_TOKENS = {"cpu": 2_048}  # measured with MiniLM: 8,192 take 40% more processor time per text
_BATCH_TOKENS_ACCELERATOR = 65_536


class Embedded(NamedTuple):
    """Embeddings of N texts, and how they were obtained.

    Attributes:
        rows: Embeddings [N, d] float32.
        tokens: Number of tokens read, special ones included, [N] int32.
        cut: Whether the text had more tokens than the encoder takes, [N] bool.
        computed: Number of texts that went through the model; the others were in the cache.
    """

    rows: np.ndarray
    tokens: np.ndarray
    cut: np.ndarray
    computed: int


def encode(
    encoder: Encoder,
    texts: Iterable[str],
    *,
    cache: bool | str | Path = True,
    block: int = 4_096,
    batch_tokens: int | None = None,
    out: np.ndarray | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """Embeddings of texts, in their order; a warning counts the texts that were truncated.

    A row depends on its own text only, up to rounding (about 1e-6): not on the texts beside it, nor on the options.

    Args:
        encoder: From `load`.
        texts: N strings, any sequence or iterable; it is read once, `block` texts at a time. A string with nothing to
            embed gets the embedding of the special tokens alone, or zeros if there are none.
        cache: True keeps embeddings in the platform's cache folder (messjax/embeddings), a path in that folder, False
            nowhere. Texts in the cache are not computed again; each block is written when it is done, and on
            interruption what is done of it.
        block: Number of texts tokenised, looked up, sorted by length and written at once.
        batch_tokens: Tokens per call of the model, padding included: 2,048 on CPU, 65,536 elsewhere.
        out: Where to write the rows, [N, d] float32, for example a memory-mapped .npy for ten million requests.
        progress: Called with (done, all) after every batch, in texts. For an iterable without a length, `all` are those
            read so far.

    Returns:
        Embeddings [N, d] float32.

    Raises:
        ValueError: A single string, an entry that is not a string, a cache folder that cannot be made, `out` of another
            shape, a number below one, or embeddings that are not finite.
    """
    options = {"cache": cache, "block": block, "batch_tokens": batch_tokens, "out": out, "progress": progress}
    result = embed(encoder, texts, **options)  # type: ignore[arg-type]
    count = int(np.count_nonzero(result.cut))
    if count:
        warnings.warn(
            f"{count} of {len(result.cut)} texts have more than {encoder.max_tokens} tokens and were cut", stacklevel=2
        )
    return result.rows


@with_32_bit_types
def embed(
    encoder: Encoder,
    texts: Iterable[str],
    *,
    cache: bool | str | Path = True,
    block: int = 4_096,
    batch_tokens: int | None = None,
    out: np.ndarray | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Embedded:
    """As `encode`, together with the tokens of every text, which were truncated, and how many had to be computed.

    Args:
        encoder: From `load`.
        texts: N strings, as in `encode`.
        cache: As in `encode`.
        block: As in `encode`.
        batch_tokens: As in `encode`.
        out: As in `encode`.
        progress: As in `encode`.

    Returns:
        Embeddings [N, d], tokens [N] and whether each text was truncated [N], and the number computed.

    Raises:
        ValueError: As `encode` raises.
    """
    if isinstance(texts, str):
        raise ValueError("texts is a single string, expected a sequence of strings: write [text]")
    if batch_tokens is None:
        batch_tokens = _BATCH_TOKENS.get(jax.default_backend(), _BATCH_TOKENS_ACCELERATOR)
    for name, value in (("block", block), ("batch_tokens", batch_tokens)):
        if value < 1:
            raise ValueError(f"{name} is {value}, expected at least 1")
    total = len(texts) if isinstance(texts, Sized) else None
    if out is not None and (out.shape != (total, encoder.dim) or out.dtype != np.float32):
        raise ValueError(f"out is {out.dtype} {out.shape}, expected float32 {(total, encoder.dim)}")
    work = _Work(encoder, _store(encoder, cache), batch_tokens, progress, total)
    whole = None if total is None else _empty(total, encoder.dim, out)
    parts = []
    for batch in _blocks(texts, block):
        start, stop = work.done, work.done + len(batch)
        if total is not None and stop > total:
            raise ValueError(f"texts has length {total} but gives more, expected as many")
        rows = _empty(len(batch), encoder.dim) if whole is None else Rows(*(column[start:stop] for column in whole))
        work.block(batch, rows)
        parts.append(rows)
    if total is not None and work.done != total:
        raise ValueError(f"texts has length {total} but gives {work.done}, expected as many")
    if whole is None:
        whole = Rows(*map(np.concatenate, zip(*parts, _empty(0, encoder.dim), strict=True)))
    work.finish(whole)
    return Embedded(*whole, work.computed)


class _Work:
    """Embeds block after block. What the cache knows is only numbered on the way and read once, at the end."""

    def __init__(
        self,
        encoder: Encoder,
        store: Store | None,
        batch_tokens: int,
        progress: Callable[[int, int], None] | None,
        total: int | None,
    ) -> None:
        self.encoder, self.store, self.batch_tokens = encoder, store, batch_tokens
        self.progress, self.total = progress, total
        self.done = self.computed = 0
        self.numbers = [np.zeros(0, np.int64)]  # per block, of rows in the store; -1 where the row is there already

    def block(self, texts: list[str], rows: Rows) -> None:
        """Fill `rows` with what must be computed of `texts`; equal texts are computed once."""
        for n, text in enumerate(texts):
            if not isinstance(text, str):
                raise ValueError(f"texts[{self.done + n}] is a {type(text).__name__}, expected a string")
        seen: dict[str, int] = {}
        which = np.array([seen.setdefault(text, len(seen)) for text in texts])  # text -> the distinct one it is
        distinct, count = list(seen), np.bincount(which)
        keys = np.zeros((len(distinct), 0), np.uint8) if self.store is None else keys_of(distinct)
        numbers = np.full(len(distinct), -1, np.int64) if self.store is None else self.store.find(keys)
        new = np.flatnonzero(numbers < 0)
        self.tell(int(count[numbers >= 0].sum()), len(texts))
        made = self.compute([distinct[n] for n in new], keys[new], count[new], len(texts))
        place = np.full(len(distinct), -1, np.int64)
        place[new] = np.arange(len(new))
        fresh = place[which] >= 0
        for target, values in zip(rows, made, strict=True):
            target[fresh] = values[place[which[fresh]]]
        self.numbers.append(numbers[which])
        self.done += len(texts)
        self.computed += len(new)

    def compute(self, texts: list[str], keys: np.ndarray, count: np.ndarray, size: int) -> Rows:
        """Run the model over distinct texts, which stand `count` [n] times among the `size` texts of the block.

        What is done goes to the store even if this is interrupted.
        """
        e = self.encoder
        read = tokens.tokenize(e.tokenizer, texts, e.module.config.vocab_size, e.folder / "tokenizer.json")
        rows = Rows(np.empty((len(texts), e.dim), np.float32), read.lengths, read.cut)
        current, label = np.zeros(len(texts), bool), size - int(count.sum())
        try:
            for members, values in _ahead(
                self.run(batch) for batch in tokens.batches(read.ids, e.max_tokens, self.batch_tokens)
            ):
                rows.embedding[members] = np.asarray(values)[: len(members)]
                if not np.isfinite(rows.embedding[members]).all():
                    raise ValueError(f"{e.folder}: the embedding of {_shown(texts, members, rows)} is not finite")
                current[members] = True
                label += int(count[members].sum())
                self.tell(label, size)
        finally:
            if self.store is not None:
                self.store.add(keys[current], Rows(*(column[current] for column in rows)))
        return rows

    def run(self, batch: tokens.Batch) -> tuple[np.ndarray, Array]:
        """Start the program on a batch; its members and their embeddings [B, d], which may not be there yet."""
        e = self.encoder
        return batch.members, pooled(e.params, batch.ids, batch.lengths, e.module, e.pooling, e.precision)

    def tell(self, done: int, size: int) -> None:
        """Report that `done` texts of a block of `size` are finished."""
        if self.progress is not None and done:
            self.progress(self.done + done, self.done + size if self.total is None else self.total)

    def finish(self, whole: Rows) -> None:
        """Fill in what the store had."""
        if self.store is not None:
            self.store.fill(np.concatenate(self.numbers), whole)


def _ahead(started: Iterator[tuple[np.ndarray, Array]]) -> Iterator[tuple[np.ndarray, Array]]:
    """Each result while the next one is computed already."""
    before = next(started, None)
    for each in started:
        assert before is not None
        yield before
        before = each
    if before is not None:
        yield before


def _blocks(texts: Iterable[str], size: int) -> Iterator[list[str]]:
    source = iter(texts)
    while block := list(islice(source, size)):
        yield block


def _empty(count: int, dim: int, out: np.ndarray | None = None) -> Rows:
    embedding = np.empty((count, dim), np.float32) if out is None else out
    return Rows(embedding, np.empty(count, np.int32), np.empty(count, bool))


def _store(encoder: Encoder, cache: bool | str | Path) -> Store | None:
    if cache is False:
        return None
    root = Path(platformdirs.user_cache_dir("messjax")) / "embeddings" if cache is True else Path(cache)
    about = {
        "encoder": encoder.digest,
        "model_type": encoder.model_type,
        "pooling": encoder.pooling,
        "max_tokens": str(encoder.max_tokens),
        "precision": encoder.precision,
    }
    return Store(root / f"{encoder.model_type}-{encoder.digest[:32]}", encoder.dim, about)


def _shown(texts: list[str], members: np.ndarray, rows: Rows) -> str:
    first = next(int(n) for n in members if not np.isfinite(rows.embedding[n]).all())
    return repr(texts[first][:60])
