"""Static embeddings: a text is the mean of the rows that a table has for its tokens, with no network to run.

    from messjax.features import static
    model = static.load("potion-base-8M")  # a folder of model2vec, or of a StaticEmbedding of sentence-transformers
    features = static.embed(model, texts).rows  # [N, d] float32

They are between hashed n-grams, which know nothing of a language, and text encoders, which run a network on every text.
Needed are the packages of `pip install 'messjax[encoders]'`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from messjax.features import tokens
from messjax.features.backbone import check_packages
from messjax.features.encoder import Embedded
from messjax.features.folder import Settings, check_file, settings

__all__ = ["Static", "embed", "load"]

FILES = "a folder with tokenizer.json and model.safetensors"
TABLES = ("embeddings", "embedding.weight")  # what model2vec and sentence-transformers call the table
MOST_TOKENS = 512  # of a text, as model2vec has it
_BLOCK = 4_096  # texts that are tokenised at a time


class Static(NamedTuple):
    """A table of embeddings with its tokenizer.

    Attributes:
        path: The folder.
        table: Embeddings [R, d] float32.
        row: Row of each of the V tokens in the table [V] int64.
        weight: Weight of each token [V] float32.
        tokenizer: The tokenizer.
        unknown: Token that stands for what is unknown, which is left out; None: there is none.
        max_tokens: Where texts are truncated.
        normalize: Whether a text's embedding is brought to norm 1.
    """

    path: Path
    table: np.ndarray
    row: np.ndarray
    weight: np.ndarray
    tokenizer: Any
    unknown: int | None
    max_tokens: int
    normalize: bool

    @property
    def dim(self) -> int:
        """Number of features of a text."""
        return int(self.table.shape[1])


def load(path: str | Path, *, max_tokens: int | None = None) -> Static:
    """Read static embeddings from a folder with tokenizer.json, model.safetensors and, if there is one, config.json.

    Args:
        path: The folder, as model2vec writes and publishes it; the tensors `weights` and `mapping` of quantised
            vocabularies are read. Or the folder of a StaticEmbedding of sentence-transformers.
        max_tokens: Where texts are truncated; by default `max_length` of config.json, or else 512.

    Returns:
        The embeddings.

    Raises:
        ValueError: A file that is missing or broken, no table in it, one that does not fit the tokenizer, or numbers
            that are not finite. It names the file, what was found and what was expected.
    """
    path = Path(path)
    check_packages()
    if not path.is_dir():
        raise ValueError(f"{path} {'is a file' if path.exists() else 'does not exist'}, expected {FILES}")
    config = settings(path / "config.json") if (path / "config.json").is_file() else Settings(path / "config.json", {})
    limit = config.whole("max_length", MOST_TOKENS) if max_tokens is None else max_tokens
    made = tokens.tokenizer(path / "tokenizer.json", limit)
    size, file = made.get_vocab_size(), path / "model.safetensors"
    found = _tensors(file)
    table = next((found[name] for name in TABLES if name in found), None)
    if table is None or table.ndim != 2:
        shapes = ", ".join(f"{name} {list(each.shape)}" for name, each in found.items())
        raise ValueError(f"{file}: found {shapes or 'no tensors'}, expected embeddings [tokens, d]")
    row = found.get("mapping", np.arange(len(table))).astype(np.int64)
    weight = found.get("weights", np.ones(len(row))).astype(np.float32)
    for name, each in (("mapping" if "mapping" in found else "embeddings", row), ("weights", weight)):
        if each.shape != (size,):
            raise ValueError(f"{file}: {name} is for {len(each):,} tokens, but tokenizer.json has {size:,}")
    if row.min() < 0 or row.max() >= len(table):
        raise ValueError(f"{file}: mapping has row {row.max():,}, expected 0 to {len(table) - 1:,}")
    numbers, normalize = table.astype(np.float32), config.flag("normalize", False)
    return Static(path, numbers, row, weight, made, _unknown(made), limit, normalize)


def embed(model: Static, texts: Sequence[str], *, progress: Callable[[int, int], None] | None = None) -> Embedded:
    """Embeddings of texts, in their order.

    Args:
        model: From `load`.
        texts: N strings. One without a known token gets zeros.
        progress: Called with (done, all), in texts.

    Returns:
        Rows [N, d], the number of known tokens of each text, and whether it had more tokens than the model takes.
    """
    rows, counts = np.zeros((len(texts), model.dim), np.float32), np.zeros(len(texts), np.int32)
    cut = np.zeros(len(texts), bool)
    for start in range(0, len(texts), _BLOCK):
        part = slice(start, start + _BLOCK)
        read = tokens.tokenize(
            model.tokenizer, texts[part], len(model.row), model.path / "tokenizer.json", special=False
        )
        ids = [each[each != model.unknown] if model.unknown is not None else each for each in read.ids]
        lengths = np.fromiter(map(len, ids), np.int32, len(ids))
        flat = np.concatenate([np.zeros(0, np.int32), *ids])
        bounds = np.concatenate([[0], np.cumsum(lengths)])
        share = model.weight[flat] / np.repeat(np.maximum(lengths, 1), lengths).astype(np.float32)
        shape = (len(ids), len(model.table))
        rows[part] = sparse.csr_matrix((share, model.row[flat], bounds), shape=shape) @ model.table
        counts[part], cut[part] = lengths, read.cut
        if progress is not None:
            progress(min(start + _BLOCK, len(texts)), len(texts))
    if model.normalize:
        rows /= np.linalg.norm(rows, axis=1, keepdims=True) + 1e-32
    return Embedded(rows, counts, cut, len(texts))


def is_static(path: Path) -> bool:
    """Whether a folder says that it holds static embeddings of model2vec.

    Args:
        path: The folder.

    Returns:
        True or False.
    """
    config = path / "config.json"
    return config.is_file() and settings(config).values.get("model_type") == "model2vec"


def _tensors(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a file, as they are stored."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    check_file(path)
    try:
        found = load_file(path)
    except (SafetensorError, OSError, TypeError, KeyError) as error:
        raise ValueError(f"{path}: not a complete safetensors file of numbers: {error}") from None
    for name, each in found.items():
        if each.dtype.kind == "f" and not np.isfinite(each).all():
            count = each.size - np.count_nonzero(np.isfinite(each))
            raise ValueError(f"{path}: {name} has {count} NaN or infinite entries of {each.size}, expected numbers")
    return dict(found)


def _unknown(made: Any) -> int | None:
    """The token for what is unknown: by its name, or in Unigram models by its number."""
    stated = json.loads(made.to_str())["model"]
    name = stated.get("unk_token")
    found = made.token_to_id(name) if name is not None else stated.get("unk_id")
    return None if found is None else int(found)
