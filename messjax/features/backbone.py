"""A text encoder from its folder: the model, its weights, its tokenizer, and the program that runs it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import lru_cache, partial
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from messjax.features import bert, folder, modernbert, tokens
from messjax.numerics.precision import with_32_bit_types
from messjax.types import Array, PyTree

_VERSION = "1"  # of the numbers: a change makes every cached embedding unknown
_POOLINGS = ("cls", "mean")
_PRECISIONS = ("highest", "high", "default")


class Family(NamedTuple):
    """What is known of a model_type.

    Attributes:
        module: Settings of config.json -> Linen module.
        names: Module with PREFIXES, BACKBONE and IGNORED, the names of tensors.
        pooling: "cls" or "mean", where the folder does not say it.
    """

    module: Callable[[folder.Settings], Any]
    names: ModuleType
    pooling: str


# Without a word on pooling in the folder: the first token for ModernBERT, as [M25]'s code does; the mean for BERT and
# RoBERTa, which Reimers & Gurevych (2019, table 6) found better than their first token.
FAMILIES = {
    "bert": Family(bert.build_bert, bert, "mean"),
    "roberta": Family(bert.build_bert, bert, "mean"),
    "xlm-roberta": Family(bert.build_bert, bert, "mean"),
    "modernbert": Family(modernbert.build_modernbert, modernbert, "cls"),
}


class Encoder(NamedTuple):
    """A loaded text encoder.

    Attributes:
        folder: The folder it was read from.
        model_type: As in config.json.
        dim: Dimension d of the embeddings.
        pooling: "cls" (the first token's hidden state) or "mean" (over all tokens, special ones included).
        max_tokens: Longer texts are truncated, special tokens included.
        precision: Of matrix products, as in `jax.default_matmul_precision`.
        digest: Hash of everything that the embeddings depend on.
        module: Linen module.
        params: Its parameters.
        tokenizer: A `tokenizers.Tokenizer`.
    """

    folder: Path
    model_type: str
    dim: int
    pooling: str
    max_tokens: int
    precision: str
    digest: str
    module: nn.Module
    params: PyTree
    tokenizer: Any


@with_32_bit_types
def load(
    path: str | Path, pooling: str | None = None, *, max_tokens: int | None = None, precision: str = "highest"
) -> Encoder:
    """Read a text encoder from a folder with config.json, tokenizer.json and model.safetensors.

    Weights become float32. A warning names tensors that belong neither to the backbone nor to a known head.

    Args:
        path: The folder, as published (docs/encoders.md).
        pooling: "cls" or "mean". By default what 1_Pooling/config.json says (sentence-transformers), or else "cls" for
            ModernBERT and "mean" for BERT and RoBERTa.
        max_tokens: Where texts are truncated. By default `max_seq_length` of sentence_bert_config.json if there is one;
            never above what config.json and tokenizer_config.json allow.
        precision: Of matrix products. "highest" is float32 on every device; "default" lets GPUs and TPUs multiply in
            fewer bits, faster and less exact (TF32, bfloat16; not measured).

    Returns:
        The encoder.

    Raises:
        ValueError: A file that is missing or broken, a model_type, activation or option that is not implemented (what
            is, is named), or tensors that do not fit config.json or are not finite. It names the file, what was found
            and what was expected.
    """
    path = Path(path)
    check_packages()
    if not path.is_dir():
        what = "is a file" if path.exists() else "does not exist"
        raise ValueError(f"{path} {what}, expected a folder with config.json, tokenizer.json and model.safetensors")
    settings = folder.settings(path / "config.json")
    model_type = settings.text("model_type", "", tuple(FAMILIES))
    family = FAMILIES[model_type]
    pooling = _pooling(path, family.pooling) if pooling is None else pooling
    if pooling not in _POOLINGS:
        raise ValueError(f"pooling is {pooling!r}, expected one of {', '.join(_POOLINGS)}")
    if precision not in _PRECISIONS:
        raise ValueError(f"precision is {precision!r}, expected one of {', '.join(_PRECISIONS)}")
    module = family.module(settings)
    limit = tokens.most_tokens(path, module.config.most_tokens, max_tokens)
    tokenizer = tokens.tokenizer(path / "tokenizer.json", limit)
    file = path / "model.safetensors"
    params = _params(file, module, family.names)
    depends: list[Path | str] = [
        path / "config.json",
        path / "tokenizer.json",
        file,
        _VERSION,
        pooling,
        str(limit),
        precision,
    ]
    return Encoder(
        path, model_type, module.config.hidden_size, pooling, limit, precision, folder.digest(depends), module,
        params, tokenizer,
    )  # fmt: skip


@with_32_bit_types
def hidden_states(encoder: Encoder, ids: Array, valid: Array, token_types: Array | None = None) -> Array:
    """The last hidden states of token ids.

    Args:
        encoder: From `load`.
        ids: Token ids [B, T] int32.
        valid: [B, T] bool, false at padding, which is on the right.
        token_types: [B, T] int32, zeros by default.

    Returns:
        [B, T, d] float32; values at padded positions have no meaning.
    """
    return _hidden(encoder.params, ids, valid, token_types, encoder.module, encoder.precision)


@partial(jax.jit, static_argnames=("module", "pooling", "precision"))
def pooled(params: PyTree, ids: Array, lengths: Array, module: nn.Module, pooling: str, precision: str) -> Array:
    """Embeddings of token ids.

    Args:
        params: Parameters of the module.
        ids: Token ids [B, T] int32.
        lengths: Number of valid tokens of each row [B].
        module: Linen module.
        pooling: "cls" or "mean".
        precision: Of matrix products.

    Returns:
        [B, d] float32; a row without tokens gives zeros.
    """
    valid = jnp.arange(ids.shape[1]) < lengths[:, None]
    states = _hidden(params, ids, valid, None, module, precision)
    if pooling == "cls":
        return states[:, 0] * valid[:, :1]
    return jnp.where(valid[..., None], states, 0.0).sum(axis=1) / jnp.maximum(lengths, 1)[:, None]


@partial(jax.jit, static_argnames=("module", "precision"))
def _hidden(
    params: PyTree, ids: Array, valid: Array, token_types: Array | None, module: nn.Module, precision: str
) -> Array:
    with jax.default_matmul_precision(precision):
        return jnp.asarray(module.apply(params, ids, valid, token_types))


@lru_cache
def _shapes(module: nn.Module) -> PyTree:
    ids = jax.ShapeDtypeStruct((1, 1), jnp.int32)
    return jax.eval_shape(module.init, jax.random.key(0), ids, jax.ShapeDtypeStruct((1, 1), jnp.bool_))


def _params(file: Path, module: nn.Module, names: ModuleType) -> PyTree:
    loaded = folder.weights(file, _shapes(module), folder.Names(names.PREFIXES, names.BACKBONE, names.IGNORED))
    if loaded.unknown:
        warnings.warn(
            f"{file}: not used, for they belong to no head that is known: {', '.join(loaded.unknown)}", stacklevel=3
        )
    return jax.tree.map(jnp.asarray, loaded.params)


def _pooling(path: Path, default: str) -> str:
    """What sentence-transformers wrote into 1_Pooling/config.json, in its older or newer spelling."""
    file = path / "1_Pooling" / "config.json"
    if not file.is_file():
        return default
    pooling_settings = folder.settings(file)
    modes = [
        name.removeprefix("pooling_mode_")
        for name, on in pooling_settings.values.items()
        if on is True and "_mode_" in name
    ]
    modes = modes or [pooling_settings.text("pooling_mode")]
    known = {"cls_token": "cls", "mean_tokens": "mean", "cls": "cls", "mean": "mean"}
    if len(modes) != 1 or modes[0] not in known:
        raise ValueError(
            f"{file} asks for {', '.join(modes) or 'nothing'}, expected cls or mean: choose with `pooling`"
        )
    return known[modes[0]]


def check_packages() -> None:
    """Refuse to go on without the packages of the extra `encoders`.

    Raises:
        ValueError: One of them is not installed.
    """
    missing = [name for name in ("tokenizers", "safetensors") if find_spec(name) is None]
    if missing:
        raise ValueError(f"text encoders need {' and '.join(missing)}: pip install 'messjax[encoders]'")
