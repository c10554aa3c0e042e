"""ModernBERT (Warner et al. 2024) in Flax Linen, without heads or dropout, for inference: the backbone of [M25]."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from flax import linen as nn

from messjax.features.folder import Settings
from messjax.features.layers import ACTIVATIONS, attention, dense, heads, norm, rotate
from messjax.types import Array

PREFIXES = ("model.",)
BACKBONE = ("embeddings.", "layers.", "final_norm.")
IGNORED = ("head.", "decoder.", "classifier.", "lm_head.")


class ModernBertConfig(NamedTuple):
    """The settings of config.json that the hidden states depend on.

    Attributes:
        vocab_size: Number of tokens.
        hidden_size: d.
        intermediate_size: Width of the perceptrons.
        num_attention_heads: Number of heads per layer.
        hidden_activation: Name of the activation.
        max_position_embeddings: Longest text, in tokens.
        norm_eps: Epsilon of the normalisations.
        norm_bias: Whether the normalisations have a bias.
        attention_bias: Whether the attention's linear layers have a bias.
        mlp_bias: Whether the perceptrons have a bias.
        window: How many tokens to either side local layers attend to: local_attention // 2.
        local: Per layer, whether it is a local one.
        theta: Base of the rotary angles of global layers.
        local_theta: Base of the rotary angles of local layers.
    """

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_attention_heads: int
    hidden_activation: str
    max_position_embeddings: int
    norm_eps: float
    norm_bias: bool
    attention_bias: bool
    mlp_bias: bool
    window: int
    local: tuple[bool, ...]
    theta: float
    local_theta: float

    @property
    def most_tokens(self) -> int:
        """The longest text, in tokens, that the model was made for."""
        return self.max_position_embeddings


class Layer(nn.Module):
    """One pre-LN layer.

    Attributes:
        config: Settings of the model.
        first: Whether it is the first layer, which has no normalisation before its attention.
        local: Whether its attention is local.
    """

    config: ModernBertConfig
    first: bool
    local: bool

    @nn.compact
    def __call__(self, x: Array, valid: Array) -> Array:
        """Rotary attention, global or local, then the gated perceptron (GeGLU, Shazeer 2020).

        Args:
            x: [B, T, d].
            valid: [B, T] bool, false at padding.

        Returns:
            [B, T, d].
        """
        c = self.config
        theta, window = (c.local_theta, c.window) if self.local else (c.theta, None)
        y = x if self.first else norm(c.norm_eps, "attn_norm", c.norm_bias)(x)
        qkv = dense(3 * c.hidden_size, "attn.Wqkv", c.attention_bias)(y)
        q, k, v = (heads(part, c.num_attention_heads) for part in jnp.split(qkv, 3, axis=-1))
        mixed = attention(rotate(q, theta), rotate(k, theta), v, valid, window)
        x = x + dense(c.hidden_size, "attn.Wo", c.attention_bias)(mixed)
        y = norm(c.norm_eps, "mlp_norm", c.norm_bias)(x)
        inner, gate = jnp.split(dense(2 * c.intermediate_size, "mlp.Wi", c.mlp_bias)(y), 2, axis=-1)
        return x + dense(c.hidden_size, "mlp.Wo", c.mlp_bias)(ACTIVATIONS[c.hidden_activation](inner) * gate)


class ModernBert(nn.Module):
    """ModernBERT, from token ids to last hidden states.

    Attributes:
        config: Settings of the model.
    """

    config: ModernBertConfig

    @nn.compact
    def __call__(self, ids: Array, valid: Array, token_types: Array | None = None) -> Array:
        """Normalised embeddings, then the layers and a final normalisation.

        Args:
            ids: Token ids [B, T] int32.
            valid: [B, T] bool, false at padding, which is on the right.
            token_types: Not used.

        Returns:
            Last hidden states [B, T, d].
        """
        c = self.config
        x = nn.Embed(c.vocab_size, c.hidden_size, name="embeddings.tok_embeddings")(ids)
        x = norm(c.norm_eps, "embeddings.norm", c.norm_bias)(x)
        for n, local in enumerate(c.local):
            x = Layer(c, n == 0, local, name=f"layers.{n}")(x, valid)
        return norm(c.norm_eps, "final_norm", c.norm_bias)(x)


def build_modernbert(settings: Settings) -> ModernBert:
    """The module that a config.json of model_type modernbert describes, in its older or newer spelling.

    Older: `global_attn_every_n_layers`, `global_rope_theta`, `local_rope_theta`; newer: `layer_types` and
    `rope_parameters`.

    Args:
        settings: The values of config.json.

    Returns:
        The module.

    Raises:
        ValueError: A setting that is not implemented or out of range, naming file and key.
    """
    theta, local_theta = _thetas(settings)
    config = ModernBertConfig(
        vocab_size=settings.whole("vocab_size", 50368),
        hidden_size=settings.whole("hidden_size", 768),
        intermediate_size=settings.whole("intermediate_size", 1152),
        num_attention_heads=settings.whole("num_attention_heads", 12),
        hidden_activation=settings.text("hidden_activation", "gelu", tuple(ACTIVATIONS)),
        max_position_embeddings=settings.whole("max_position_embeddings", 8192),
        norm_eps=settings.positive("norm_eps", 1e-5),
        norm_bias=settings.flag("norm_bias", False),
        attention_bias=settings.flag("attention_bias", False),
        mlp_bias=settings.flag("mlp_bias", False),
        window=settings.whole("local_attention", 128) // 2,
        local=_local(settings),
        theta=theta,
        local_theta=local_theta,
    )
    settings.multiple("hidden_size", config.hidden_size, "num_attention_heads", 2 * config.num_attention_heads)
    return ModernBert(config)


def _local(settings: Settings) -> tuple[bool, ...]:
    layers = settings.whole("num_hidden_layers", 22, most=256)
    kinds = settings.values.get("layer_types")
    if kinds is None:
        every = settings.whole("global_attn_every_n_layers", 3)
        return tuple(n % every != 0 for n in range(layers))
    known = ("full_attention", "sliding_attention")
    if not isinstance(kinds, list) or len(kinds) != layers or any(kind not in known for kind in kinds):
        raise settings.wrong("layer_types", kinds, f"{layers} of {' and '.join(known)}")
    return tuple(kind == "sliding_attention" for kind in kinds)


def _thetas(settings: Settings) -> tuple[float, float]:
    """Base of the rotary angles of global and of local layers."""
    settings.only("rope_scaling", None)
    theta = settings.positive("global_rope_theta", 160_000.0)
    thetas = [
        theta,
        settings.positive("local_rope_theta", 10_000.0 if "local_rope_theta" not in settings.values else theta),
    ]
    newer = settings.values.get("rope_parameters")
    if newer is not None:
        for n, kind in enumerate(("full_attention", "sliding_attention")):
            inner = settings.inside("rope_parameters").inside(kind)
            inner.only("rope_type", "default")
            thetas[n] = inner.positive("rope_theta", thetas[n])
    return thetas[0], thetas[1]
