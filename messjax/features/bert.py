"""BERT (Devlin et al. 2019) and RoBERTa (Liu et al. 2019) in Flax Linen, without heads or dropout, for inference."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from flax import linen as nn

from messjax.features.folder import Settings
from messjax.features.layers import ACTIVATIONS, attention, dense, heads, norm
from messjax.types import Array

PREFIXES = ("bert.", "roberta.", "model.")  # what checkpoints with a head put before the names below
BACKBONE = ("embeddings.", "encoder.")
IGNORED = ("embeddings.position_ids", "embeddings.token_type_ids", "pooler.", "cls.", "classifier.", "qa_outputs.",
           "lm_head.")  # fmt: skip


class BertConfig(NamedTuple):
    """The settings of config.json that the hidden states depend on, under its names.

    Attributes:
        vocab_size: Number of tokens.
        hidden_size: d.
        num_hidden_layers: Number of layers.
        num_attention_heads: Number of heads per layer.
        intermediate_size: Width of the perceptrons.
        hidden_act: Name of the activation.
        max_position_embeddings: Number of positions.
        type_vocab_size: Number of token types.
        layer_norm_eps: Epsilon of the normalisations.
        offset: Position of the first token: 0, and after the padding's for RoBERTa.
    """

    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    hidden_act: str
    max_position_embeddings: int
    type_vocab_size: int
    layer_norm_eps: float
    offset: int

    @property
    def most_tokens(self) -> int:
        """The longest text, in tokens, that has a position for every token."""
        return self.max_position_embeddings - self.offset


class Layer(nn.Module):
    """One post-LN layer.

    Attributes:
        config: Settings of the model.
    """

    config: BertConfig

    @nn.compact
    def __call__(self, x: Array, valid: Array) -> Array:
        """Attention, then the two-layer perceptron, each added to its input and normalised.

        Args:
            x: [B, T, d].
            valid: [B, T] bool, false at padding.

        Returns:
            [B, T, d].
        """
        c = self.config
        q, k, v = (
            heads(dense(c.hidden_size, f"attention.self.{name}")(x), c.num_attention_heads)
            for name in ("query", "key", "value")
        )
        mixed = dense(c.hidden_size, "attention.output.dense")(attention(q, k, v, valid))
        x = norm(c.layer_norm_eps, "attention.output.LayerNorm")(mixed + x)
        inner = ACTIVATIONS[c.hidden_act](dense(c.intermediate_size, "intermediate.dense")(x))
        return norm(c.layer_norm_eps, "output.LayerNorm")(dense(c.hidden_size, "output.dense")(inner) + x)


class Bert(nn.Module):
    """BERT or RoBERTa, from token ids to last hidden states.

    Attributes:
        config: Settings of the model.
    """

    config: BertConfig

    @nn.compact
    def __call__(self, ids: Array, valid: Array, token_types: Array | None = None) -> Array:
        """Word, position and token-type embeddings, then the layers.

        Args:
            ids: Token ids [B, T] int32.
            valid: [B, T] bool, false at padding, which is on the right.
            token_types: [B, T] int32, zeros by default.

        Returns:
            Last hidden states [B, T, d].
        """
        c = self.config
        types = jnp.zeros_like(ids) if token_types is None else token_types
        places = c.offset + jnp.arange(ids.shape[1])
        x = nn.Embed(c.vocab_size, c.hidden_size, name="embeddings.word_embeddings")(ids)
        x = x + nn.Embed(c.type_vocab_size, c.hidden_size, name="embeddings.token_type_embeddings")(types)
        x = x + nn.Embed(c.max_position_embeddings, c.hidden_size, name="embeddings.position_embeddings")(places)
        x = norm(c.layer_norm_eps, "embeddings.LayerNorm")(x)
        for n in range(c.num_hidden_layers):
            x = Layer(c, name=f"encoder.layer.{n}")(x, valid)
        return x


def build_bert(settings: Settings) -> Bert:
    """The module that a config.json of model_type bert, roberta or xlm-roberta describes.

    Args:
        settings: The values of config.json.

    Returns:
        The module.

    Raises:
        ValueError: A setting that is not implemented or out of range, naming file and key.
    """
    settings.only("position_embedding_type", "absolute")
    settings.only("is_decoder", False)
    settings.only("add_cross_attention", False)
    roberta = settings.text("model_type") != "bert"
    config = BertConfig(
        vocab_size=settings.whole("vocab_size", 50265 if roberta else 30522),
        hidden_size=settings.whole("hidden_size", 768),
        num_hidden_layers=settings.whole("num_hidden_layers", 12, most=256),
        num_attention_heads=settings.whole("num_attention_heads", 12),
        intermediate_size=settings.whole("intermediate_size", 3072),
        hidden_act=settings.text("hidden_act", "gelu", tuple(ACTIVATIONS)),
        max_position_embeddings=settings.whole("max_position_embeddings", 512),
        type_vocab_size=settings.whole("type_vocab_size", 2),
        layer_norm_eps=settings.positive("layer_norm_eps", 1e-12),
        offset=1 + settings.whole("pad_token_id", 1, least=0) if roberta else 0,
    )
    settings.multiple("hidden_size", config.hidden_size, "num_attention_heads", config.num_attention_heads)
    if config.most_tokens < 1:
        raise settings.wrong("max_position_embeddings", config.max_position_embeddings, f"more than {config.offset}")
    return Bert(config)
