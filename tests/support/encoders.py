"""Small random encoders in folders as models are published, for several test files; made without torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from messjax.features import bert, folder, modernbert

TEXTS = [
    "Which model should answer this request?",
    "Route it to the cheapest one that satisfies the service level.",
    "What is the integral of x squared from zero to one?",
    "no",
    "",
    "Die größte Zahl, die ich kenne, ist 1984; the largest number I know is 27.",
    "a virtual queue " * 12,
    "explain the queue, the controls, the costs and the predictor of this policy in a few words " * 3,
]
BERT = {
    "model_type": "bert", "vocab_size": 120, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 24, "max_position_embeddings": 40,
}  # fmt: skip
MODERNBERT = {
    "model_type": "modernbert", "vocab_size": 120, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 24, "max_position_embeddings": 64, "local_attention": 8,
}  # fmt: skip


def write_tokenizer(path: Path, size: int = 120) -> None:
    """A WordPiece tokenizer of at most `size` tokens, learned from TEXTS, that puts [CLS] and [SEP] around a text."""
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))  # type: ignore[call-arg]
    made.normalizer = normalizers.BertNormalizer()  # type: ignore[assignment]
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()  # type: ignore[assignment]
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    made.train_from_iterator(TEXTS, trainers.WordPieceTrainer(vocab_size=size, special_tokens=special))
    ends = [(token, made.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    made.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, ends)  # type: ignore[assignment]
    made.save(str(path))


def tensors(config: dict[str, Any], seed: int = 0) -> dict[str, np.ndarray]:
    """Random tensors of every parameter of a config's module, under their published names."""
    family = modernbert.build_modernbert if config["model_type"] == "modernbert" else bert.build_bert
    module = family(folder.Settings(Path("config.json"), config))
    ids = jnp.zeros((1, 4), jnp.int32)
    shapes = jax.eval_shape(module.init, jax.random.key(0), ids, ids == 0)
    rng, made = np.random.default_rng(seed), {}
    for keys, leaf in jax.tree_util.tree_flatten_with_path(shapes)[0]:
        array = (rng.normal(size=leaf.shape) * 0.4 + ("scale" in str(keys[-1]))).astype(np.float32)
        made[folder.published_name(keys)] = np.ascontiguousarray(array.T if "kernel" in str(keys[-1]) else array)
    return made


def write(path: Path, config: dict[str, Any], seed: int = 0) -> Path:
    """A folder with config.json, tokenizer.json and model.safetensors."""
    path.mkdir(parents=True, exist_ok=True)
    (path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    write_tokenizer(path / "tokenizer.json", config["vocab_size"])
    save_file(tensors(config, seed), path / "model.safetensors")
    return path
