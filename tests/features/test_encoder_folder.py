"""A folder that is not what it should be: one ValueError that names the file, what was found and what was expected."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tokenizers", reason="tokenizers is not installed: pip install 'messjax[encoders]'")
pytest.importorskip("safetensors", reason="safetensors is not installed: pip install 'messjax[encoders]'")

from safetensors.numpy import load_file, save_file
from support import encoders

from messjax.features import encoder


@pytest.fixture(scope="module", params=["bert", "modernbert"])
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = {"bert": encoders.BERT, "modernbert": encoders.MODERNBERT}[request.param]
    return encoders.write(tmp_path_factory.mktemp(request.param), config)


@pytest.fixture
def folder(source: Path, tmp_path: Path) -> Path:
    return shutil.copytree(source, tmp_path / "model")


def write(path: Path, value: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def settings(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    write(path, json.loads(path.read_text(encoding="utf-8")) | changes)


def tensors(folder: Path, change: Callable[[dict[str, np.ndarray]], object]) -> None:
    path = folder / "model.safetensors"
    result = load_file(path)
    change(result)
    save_file(result, path)


def test_a_whole_folder(folder: Path) -> None:
    loaded = encoder.load(folder)
    assert loaded.pooling == {"bert": "mean", "modernbert": "cls"}[loaded.model_type]
    assert loaded.dim == 16 and loaded.max_tokens == {"bert": 40, "modernbert": 64}[loaded.model_type]


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_missing_broken_and_truncated_files(name: str, folder: Path) -> None:
    raw = (folder / name).read_bytes()
    for content in (b"", raw[: len(raw) // 2], raw[:7], b"\xff\xfe\x00", b"[1, 2]", b"[" * 100_000, b'{"a": NaN}'):
        (folder / name).write_bytes(content)
        with pytest.raises(ValueError, match=name):
            encoder.load(folder)
    (folder / name).unlink()
    with pytest.raises(ValueError, match=f"{name}: .*no such file|{name}: No such file"):
        encoder.load(folder)
    (folder / name).mkdir()
    with pytest.raises(ValueError, match=name):
        encoder.load(folder)


def test_the_folder_itself(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"config.json is a file, expected a folder with config.json"):
        encoder.load(folder / "config.json")
    with pytest.raises(ValueError, match="elsewhere does not exist, expected a folder"):
        encoder.load(folder / "elsewhere")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ValueError, match=r"model.safetensors: no such file, .* has config.json, pytorch_model.bin"):
        encoder.load(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "gpt2"}, "model_type is 'gpt2', expected one of bert, roberta, xlm-roberta, modernbert"),
        ({"model_type": None}, "model_type is '', expected one of bert"),
        ({"hidden_size": "16"}, "hidden_size is '16', expected a whole number from 1 to"),
        ({"num_hidden_layers": 10**9}, "num_hidden_layers is 1000000000, expected a whole number"),
        ({"num_attention_heads": 3}, r"hidden_size is 16, expected a multiple of \d \(num_attention_heads is 3\)"),
        ({"vocab_size": True}, "vocab_size is True"),
        ({"hidden_act": "prelu", "hidden_activation": "prelu"}, "is 'prelu', expected one of gelu"),
        ({"layer_norm_eps": 0, "norm_eps": -1e-5}, "eps is .*expected a positive number"),
        ({"layer_norm_eps": 10**400, "norm_eps": 10**400}, "eps is 10+.*expected a positive number"),
        ({"num_hidden_layers": 3}, "model.safetensors does not fit config.json: .*2.*weight is missing"),
        ({"num_hidden_layers": 1}, "model.safetensors does not fit config.json: .*1.*has no place in the model"),
        (
            {"intermediate_size": 25},
            r"is F32 \[.*24.*\], expected floats \[.*25|is F32 \[48, 16\], expected floats \[50, 16\]",
        ),
    ],
)
def test_settings(changes: dict[str, Any], message: str, folder: Path) -> None:
    settings(folder, **changes)
    with pytest.raises(ValueError, match=message) as error:
        encoder.load(folder)
    assert "config.json" in str(error.value)


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        ("bert", {"position_embedding_type": "relative_key"}, 'expected "absolute": nothing else is implemented'),
        ("bert", {"is_decoder": True}, "is_decoder is True, expected false"),
        ("bert", {"model_type": "roberta", "pad_token_id": 40}, "max_position_embeddings is 40, expected more than 41"),
        ("modernbert", {"layer_types": ["full_attention"]}, "layer_types is .*, expected 2 of full_attention and"),
        ("modernbert", {"layer_types": {"0": 1}}, "layer_types is"),
        ("modernbert", {"norm_bias": 1}, "norm_bias is 1, expected true or false"),
        ("modernbert", {"rope_parameters": 3}, "rope_parameters is 3, expected an object"),
        ("modernbert", {"rope_scaling": {"type": "linear"}}, "rope_scaling is .*nothing else is implemented"),
        ("modernbert", {"rope_parameters": {"full_attention": {"rope_type": "yarn"}}},
         "rope_parameters.full_attention.rope_type is 'yarn', expected \"default\""),
    ],
)  # fmt: skip
def test_settings_of_one_family(kind: str, changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    folder = encoders.write(tmp_path, {"bert": encoders.BERT, "modernbert": encoders.MODERNBERT}[kind])
    settings(folder, **changes)
    with pytest.raises(ValueError, match=message):
        encoder.load(folder)


def test_every_wrong_tensor_is_named(folder: Path) -> None:
    names = sorted(name for name in load_file(folder / "model.safetensors") if "orm.weight" in name)

    def change(result: dict[str, np.ndarray]) -> None:
        del result[names[0]]
        result[names[1]] = np.zeros(3, np.float32)
        result[names[2]] = result[names[2]].astype(np.int32)

    tensors(folder, change)
    with pytest.raises(ValueError, match=r"model.safetensors does not fit config.json") as error:
        encoder.load(folder)
    assert f"{names[0]} is missing" in str(error.value)
    assert f"{names[1]} is F32 [3], expected floats [16]" in str(error.value)
    assert f"{names[2]} is I32 [16], expected floats [16]" in str(error.value)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers(value: float, folder: Path) -> None:
    def change(result: dict[str, np.ndarray]) -> None:
        next(iter(result.values())).flat[:2] = value

    tensors(folder, change)
    with pytest.raises(
        ValueError, match=r"model.safetensors: .* has 2 NaN or infinite entries of \d+, expected numbers"
    ):
        encoder.load(folder)


def test_heads(folder: Path) -> None:
    """Known ones say nothing, others are named in a warning; neither changes the parameters."""
    plain = encoder.load(folder)
    tensors(folder, lambda result: result.update({"classifier.weight": np.zeros((2, 16), np.float32)}))
    encoder.load(folder)
    tensors(folder, lambda result: result.update({"my_head.weight": np.zeros((2, 16), np.float32)}))
    with pytest.warns(UserWarning, match="not used, for they belong to no head that is known: my_head.weight"):
        other = encoder.load(folder)
    ids = np.full((1, 5), 7, np.int32)
    np.testing.assert_array_equal(
        encoder.hidden_states(plain, ids, ids > 0), encoder.hidden_states(other, ids, ids > 0)
    )


def test_prefixes_precisions_and_old_names(folder: Path) -> None:
    """With a prefix, in float64, a LayerNorm's tensors called gamma and beta: the same parameters."""
    plain = encoder.load(folder)

    def change(result: dict[str, np.ndarray]) -> None:
        for name in list(result):
            array = result.pop(name).astype(np.float64)
            name = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
            result["model." + name] = array

    tensors(folder, change)
    ids = np.full((1, 5), 7, np.int32)
    mine = np.asarray(encoder.hidden_states(encoder.load(folder), ids, ids > 0))
    np.testing.assert_array_equal(mine, encoder.hidden_states(plain, ids, ids > 0))
    assert mine.dtype == np.float32


@pytest.mark.parametrize(
    ("content", "pooling"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True, "include_prompt": True}, "mean"),
        ({"pooling_mode": "cls", "embedding_dimension": 16}, "cls"),
        ({"pooling_mode_max_tokens": True}, None),
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True}, None),
        ({"pooling_mode": "lasttoken"}, None),
        ({}, None),
    ],
)
def test_pooling_of_sentence_transformers(content: dict[str, Any], pooling: str | None, folder: Path) -> None:
    write(folder / "1_Pooling" / "config.json", content)
    if pooling is not None:
        assert encoder.load(folder).pooling == pooling
    else:
        with pytest.raises(ValueError, match=r"1_Pooling.*expected cls or mean: choose with `pooling`"):
            encoder.load(folder)
    assert encoder.load(folder, "cls").pooling == "cls"


def test_lengths(folder: Path) -> None:
    """The least of what is asked and what is possible; sentence-transformers' advice where nothing is asked."""
    write(folder / "tokenizer_config.json", {"model_max_length": 30})
    assert encoder.load(folder).max_tokens == 30
    write(folder / "sentence_bert_config.json", {"max_seq_length": 20})
    assert encoder.load(folder).max_tokens == 20
    assert encoder.load(folder, max_tokens=25).max_tokens == 25
    assert encoder.load(folder, max_tokens=500).max_tokens == 30
    write(folder / "tokenizer_config.json", {"model_max_length": 1e30})
    assert encoder.load(folder, max_tokens=500).max_tokens in (40, 64)
    write(folder / "sentence_bert_config.json", {"max_seq_length": "long"})
    with pytest.raises(ValueError, match="sentence_bert_config.json: max_seq_length is 'long'"):
        encoder.load(folder)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pooling": "max"}, "pooling is 'max', expected one of cls, mean"),
        ({"precision": "fp8"}, "precision is 'fp8', expected one of highest, high, default"),
        ({"max_tokens": 0}, "max_tokens is 0, expected at least 1"),
        ({"max_tokens": 2}, "max_tokens is 2, expected more than the 2 special tokens of .*tokenizer.json"),
    ],
)
def test_options(options: dict[str, Any], message: str, folder: Path) -> None:
    with pytest.raises(ValueError, match=message):
        encoder.load(folder, **options)


def test_a_tokenizer_of_another_model(folder: Path) -> None:
    settings(folder, vocab_size=50)

    def change(result: dict[str, np.ndarray]) -> None:
        name = next(name for name in result if name.endswith(("word_embeddings.weight", "tok_embeddings.weight")))
        result[name] = result[name][:50].copy()

    tensors(folder, change)
    loaded = encoder.load(folder)
    with pytest.raises(ValueError, match=r"tokenizer.json gives token \d+, but config.json has vocab_size 50"):
        encoder.encode(loaded, encoders.TEXTS, cache=False)


def test_missing_packages(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("messjax.features.backbone.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"need tokenizers and safetensors: pip install 'messjax\[encoders\]'"):
        encoder.load(folder)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_mutated_files(name: str, folder: Path) -> None:
    """Bytes changed, cut out or doubled at random: an encoder, or one ValueError; no other exception."""
    raw, rng = (folder / name).read_bytes(), np.random.default_rng(0)
    refused = 0
    for _ in range(25):
        at, size = int(rng.integers(len(raw))), int(rng.integers(1, 9))
        noise = bytes(rng.integers(0, 256, size, np.uint8))
        new = [noise, b"", raw[at : at + size] * 2, b"-1", b"9" * 20][rng.integers(5)]
        (folder / name).write_bytes(raw[:at] + new + raw[at + size :])
        try:
            encoder.load(folder)
        except ValueError as error:
            assert name in str(error) or "config.json" in str(error)
            refused += 1
    assert refused > 5


def test_importing_messjax_imports_no_tokenizer() -> None:
    """Neither messjax nor its features need the extra's packages, or the time they take."""
    code = "import sys, messjax, messjax.features; print([name for name in sys.modules if name in %r])"
    names = ("tokenizers", "safetensors", "pyarrow", "torch", "transformers")
    result = subprocess.run([sys.executable, "-c", code % (names,)], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
