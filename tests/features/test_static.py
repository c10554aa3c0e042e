"""Static embeddings: means of rows, unknown tokens, cut texts, weights and mappings, folders that are wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tokenizers", reason="tokenizers is not installed: pip install 'messjax[encoders]'")
from safetensors.numpy import save_file
from support import encoders
from tokenizers import Tokenizer

from messjax.cli import __main__ as cli
from messjax.cli import command_parser
from messjax.features import static


def write(path: Path, config: dict | None = None, **more: np.ndarray) -> Path:
    """A folder as model2vec writes it, with a random table of 8 features."""
    path.mkdir(parents=True, exist_ok=True)
    encoders.write_tokenizer(path / "tokenizer.json")
    size = Tokenizer.from_file(str(path / "tokenizer.json")).get_vocab_size()
    table = np.random.default_rng(0).normal(size=(size, 8)).astype(np.float32)
    save_file({"embeddings": table} | more, path / "model.safetensors")
    about = {"model_type": "model2vec", "normalize": True} if config is None else config
    (path / "config.json").write_text(json.dumps(about), encoding="utf-8")
    return path


def test_a_row_is_the_mean_of_its_known_tokens(tmp_path):
    model = static.load(write(tmp_path, {"normalize": False}))
    found = static.embed(model, [*encoders.TEXTS, "\N{SNOWMAN}"])
    raw = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    for text, row, count in zip(encoders.TEXTS, found.rows, found.tokens, strict=False):
        ids = [each for each in raw.encode(text, add_special_tokens=False).ids if each != raw.token_to_id("[UNK]")]
        wanted = model.table[ids].mean(axis=0) if ids else np.zeros(8)
        np.testing.assert_allclose(row, wanted, atol=1e-6)
        assert count == len(ids)
    assert not found.rows[-1].any() and found.tokens[-1] == 0 and not found.cut.any()
    assert found.rows.dtype == np.float32 and found.rows.shape == (len(encoders.TEXTS) + 1, model.dim)


def test_norms_lengths_weights_and_mappings_are_those_of_the_folder(tmp_path):
    unit = static.embed(static.load(write(tmp_path / "unit")), encoders.TEXTS)
    norms = np.linalg.norm(unit.rows, axis=1)
    np.testing.assert_allclose(norms[unit.tokens > 0], 1.0, atol=1e-6)
    short = static.load(write(tmp_path / "short", {"max_length": 3}))
    assert short.max_tokens == 3 and static.embed(short, ["the queue of the model", "no"]).cut.tolist() == [True, False]
    size = len(short.row)
    rng = np.random.default_rng(1)
    small = rng.normal(size=(5, 4)).astype(np.float16)
    parts = {"embeddings": small, "mapping": rng.integers(0, 5, size), "weights": rng.random(size)}
    model = static.load(write(tmp_path / "mapped", {}, **parts))
    ids = model.tokenizer.encode("the queue", add_special_tokens=False).ids
    wanted = (small[parts["mapping"][ids]].astype(float) * parts["weights"][ids][:, None]).mean(axis=0)
    np.testing.assert_allclose(static.embed(model, ["the queue"]).rows[0], wanted, rtol=1e-5)


def test_blocks_and_progress_change_nothing(tmp_path, monkeypatch):
    model, seen = static.load(write(tmp_path)), []
    whole = static.embed(model, encoders.TEXTS)
    monkeypatch.setattr(static, "_BLOCK", 3)
    parts = static.embed(model, encoders.TEXTS, progress=lambda done, total: seen.append((done, total)))
    np.testing.assert_allclose(parts.rows, whole.rows, atol=1e-6)
    assert seen == [(3, 8), (6, 8), (8, 8)] and static.embed(model, []).rows.shape == (0, 8)


@pytest.mark.parametrize("kind", ["plain", "normalized", "mapped", "int8"])
def test_rows_agree_with_model2vec(kind, tmp_path):
    peer = pytest.importorskip("model2vec", reason="model2vec is not installed: pip install 'messjax[agreement]'")
    rng, more = np.random.default_rng(2), {}
    size = len(static.load(write(tmp_path / "size")).row)
    if kind == "mapped":
        more = {"embeddings": rng.normal(size=(7, 4)).astype(np.float32), "mapping": rng.integers(0, 7, size)}
        more["weights"] = rng.random(size)
    if kind == "int8":
        more = {"embeddings": rng.integers(-127, 128, (size, 4)).astype(np.int8)}
    folder = write(tmp_path / kind, {"model_type": "model2vec", "normalize": kind == "normalized"}, **more)
    wanted = peer.StaticModel.from_pretrained(folder).encode(encoders.TEXTS)
    np.testing.assert_allclose(static.embed(static.load(folder), encoders.TEXTS).rows, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "tokenizer.json").unlink(), "tokenizer.json: No such file"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"x" * 9), "not a complete safetensors file"),
        (
            lambda folder: save_file({"x": np.ones(2)}, folder / "model.safetensors"),
            r"found x \[2\], expected embeddings",
        ),
        (
            lambda folder: write(folder, None, embeddings=np.ones((3, 2))),
            "embeddings is for 3 tokens, but tokenizer.json",
        ),
        (
            lambda folder: write(folder, None, embeddings=np.full((120, 2), np.nan)),
            "embeddings has 240 NaN or infinite",
        ),
        (lambda folder: write(folder, {"normalize": 3}), "normalize is 3, expected true or false"),
        (lambda folder: write(folder, {"max_length": 0}), "max_length is 0, expected a whole number"),
    ],
)
def test_a_wrong_folder_is_one_error_that_names_the_file(damage, message, tmp_path):
    folder = write(tmp_path)
    damage(folder)
    with pytest.raises(ValueError, match=message) as error:
        static.load(folder)
    assert str(tmp_path) in str(error.value)
    with pytest.raises(ValueError, match="does not exist, expected a folder with tokenizer.json"):
        static.load(tmp_path / "none")


def test_a_mapping_beyond_the_table_is_refused(tmp_path):
    size = len(static.load(write(tmp_path)).row)
    write(tmp_path, None, embeddings=np.ones((2, 3)), mapping=np.full(size, 2))
    with pytest.raises(ValueError, match="mapping has row 2, expected 0 to 1"):
        static.load(tmp_path)


def test_two_words_of_features_are_one_value():
    parse = command_parser.build().parse_args
    args = parse(["replay", "--features", "static", "a folder", "x.csv", "--alpha", "0.7"])
    assert args.features == "static a folder" and str(args.path) == "x.csv"
    assert parse(["replay", "x.csv", "--features=folder", "--alpha", "0.7"]).features == "folder"


def test_the_command_line_takes_static_embeddings_and_says_what_is_wrong(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = write(tmp_path / "static")
    assert cli.main(["trace", "demo", "demo.parquet"]) == 0
    for words, message in (
        (["--features", "static"], "--features static: found no folder"),
        (["--features", str(folder)], f"holds static embeddings, expected --features static {folder}"),
        (["--features", "static", str(folder), "--pooling", "mean"], "--pooling: static embeddings are averaged"),
    ):
        assert cli.main(["replay", "demo.parquet", "--alpha", "0.75", *words, "--out", str(tmp_path / "bad")]) == 2
        assert message in capsys.readouterr().err
    words = ["--features", "static", str(folder), "--seeds", "2", "--held-out", "0"]
    assert cli.main(["replay", "demo.parquet", "--alpha", "0.75", *words, "--out", str(tmp_path / "out")]) == 0
    assert f'features = "static {folder}"' in (tmp_path / "out" / "replay.toml").read_text(encoding="utf-8")
