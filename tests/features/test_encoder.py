"""Encoding texts: order, batches, memory, progress, interruption, and the cache on disk."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

pytest.importorskip("tokenizers", reason="tokenizers is not installed: pip install 'messjax[encoders]'")
pytest.importorskip("safetensors", reason="safetensors is not installed: pip install 'messjax[encoders]'")

import pyarrow.parquet as pq
from support import encoders

from messjax.features import encoder, layers, tokens
from messjax.features.backbone import pooled
from messjax.features.store import Rows, Store, keys_of

SMALL = encoders.BERT | {"num_hidden_layers": 1}
pytestmark = pytest.mark.filterwarnings("ignore:.*were cut:UserWarning")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> encoder.Encoder:
    return encoder.load(encoders.write(tmp_path_factory.mktemp("bert"), SMALL))


@pytest.fixture(scope="module")
def texts() -> list[str]:
    rng = np.random.default_rng(0)
    words = " ".join(encoders.TEXTS).split()
    return [" ".join(rng.choice(words, size=rng.integers(0, 12))) + f" {n % 50}" for n in range(90)]


@pytest.fixture(scope="module")
def rows(model: encoder.Encoder, texts: list[str]) -> np.ndarray:
    return encoder.encode(model, texts, cache=False, batch_tokens=160)


def files(cache: Path) -> list[Path]:
    return sorted(cache.glob("*/*.parquet"))


def test_a_row_depends_on_its_own_text_only(model: encoder.Encoder, texts: list[str], rows: np.ndarray) -> None:
    assert rows.shape == (90, 16) and rows.dtype == np.float32 and rows.flags.c_contiguous
    order = np.random.default_rng(1).permutation(90)
    again = encoder.encode(model, [texts[n] for n in order], cache=False, batch_tokens=160, block=7)
    np.testing.assert_allclose(again, rows[order], atol=1e-5)
    alone = encoder.encode(model, texts[5:6], cache=False, batch_tokens=160)
    np.testing.assert_allclose(alone, rows[5:6], atol=1e-5)
    wide = encoder.encode(model, texts[:9], cache=False, batch_tokens=1)
    np.testing.assert_allclose(wide, rows[:9], atol=1e-5)


class Lazy:
    """Texts that come from somewhere else: a length, an iterator, nothing kept."""

    def __init__(self, texts: list[str], length: int | None = None) -> None:
        self.texts, self.length = texts, len(texts) if length is None else length

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[str]:
        return iter(self.texts)


def test_any_iterable(model: encoder.Encoder, texts: list[str], rows: np.ndarray, tmp_path: Path) -> None:
    for given in (Lazy(texts), np.array(texts), iter(texts), tuple(texts)):
        result = encoder.encode(model, given, cache=tmp_path, block=20, batch_tokens=160)
        np.testing.assert_allclose(result, rows, atol=1e-5)
    assert encoder.encode(model, [], cache=tmp_path).shape == (0, 16)
    assert encoder.encode(model, iter([]), cache=False).shape == (0, 16)
    for length in (89, 91):
        with pytest.raises(ValueError, match=f"texts has length {length} but gives"):
            encoder.encode(model, Lazy(texts, length), cache=tmp_path, block=20)


def test_out(model: encoder.Encoder, texts: list[str], rows: np.ndarray, tmp_path: Path) -> None:
    out = np.lib.format.open_memmap(tmp_path / "rows.npy", mode="w+", dtype=np.float32, shape=rows.shape)
    assert encoder.encode(model, texts, cache=tmp_path, out=out, batch_tokens=160) is out
    out.flush()
    np.testing.assert_allclose(np.load(tmp_path / "rows.npy"), rows, atol=1e-5)
    with pytest.raises(ValueError, match=r"out is float32 \(90, 16\), expected float32 \(3, 16\)"):
        encoder.encode(model, texts[:3], cache=tmp_path, out=out)


def test_progress(model: encoder.Encoder, texts: list[str], tmp_path: Path) -> None:
    """Never back, up to all of them, whether computed or known."""
    for _ in range(2):
        label: list[tuple[int, int]] = []
        encoder.encode(
            model,
            texts,
            cache=tmp_path,
            block=40,
            batch_tokens=160,
            progress=lambda *each, label=label: label.append(each),
        )
        assert label == sorted(label) and label[-1] == (90, 90) and {total for _, total in label} == {90}
    label = []
    encoder.encode(model, iter(texts), cache=tmp_path, block=40, progress=lambda *each: label.append(each))
    assert label[-1] == (90, 90)


def test_cut_texts_are_counted(model: encoder.Encoder, tmp_path: Path) -> None:
    """At max_tokens nothing is cut yet; what is cut equals the shorter text; the cache remembers both."""
    longest = "? " * 38
    given = [longest, longest + "?", "?"]
    for computed in (3, 0):
        result = encoder.embed(model, given, cache=tmp_path, batch_tokens=160)
        assert result.cut.tolist() == [False, True, False] and result.tokens.tolist() == [40, 40, 3]
        assert result.computed == computed
    np.testing.assert_allclose(result.rows[0], result.rows[1], atol=1e-5)
    with pytest.warns(UserWarning, match="1 of 3 texts have more than 40 tokens and were cut"):
        encoder.encode(model, given, cache=tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encoder.encode(model, given[:1], cache=tmp_path)


def test_any_string(model: encoder.Encoder) -> None:
    """Empty ones, lone surrogates, NUL, scripts the tokenizer has never seen."""
    rows = encoder.encode(
        model, ["", "\ud800", "\ufffd", "a\x00b", "日本語", "x" * 5000], cache=False, batch_tokens=160
    )
    assert np.isfinite(rows).all()
    np.testing.assert_allclose(rows[1], rows[2], atol=1e-5)
    assert (keys_of(["\ud800"]) != keys_of(["\ufffd"])).any()


def test_rows_without_tokens_are_zeros(model: encoder.Encoder) -> None:
    ids, lengths = np.zeros((2, 16), np.int32), np.array([0, 3], np.int32)
    for pooling in ("cls", "mean"):
        result = np.asarray(pooled(model.params, ids, lengths, model.module, pooling, "highest"))
        assert not result[0].any() and result[1].any()


def test_programs_are_few(model: encoder.Encoder, texts: list[str]) -> None:
    """One per width at most, and none for other texts, other numbers of texts, or a model loaded again."""
    pooled.clear_cache()
    again = encoder.load(model.folder)
    for given in (texts, texts[:31], texts[::-1], [text * 2 for text in texts]):
        encoder.encode(model, given, cache=False, batch_tokens=160)
        encoder.encode(again, given, cache=False, batch_tokens=160)
    assert pooled._cache_size() <= len(tokens.widths(40)) == 4


def test_batches_cover_every_text_once() -> None:
    ids = [np.ones(n % 41, np.int32) for n in range(100)]
    result = list(tokens.batches(ids, 40, 160))
    assert sorted(np.concatenate([batch.members for batch in result])) == list(range(100))
    for batch in result:
        assert batch.ids.shape == (160 // batch.ids.shape[1], batch.ids.shape[1]) and batch.ids.shape[
            1
        ] in tokens.widths(40)
        np.testing.assert_array_equal((batch.ids > 0).sum(axis=1), batch.lengths)
    assert tokens.widths(1).tolist() == [1] and tokens.widths(100).tolist() == [16, 24, 32, 48, 64, 96, 100]


@pytest.mark.parametrize("window", [None, 3, 40])
def test_attention_in_blocks_is_attention(window: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    q, k, v = jax.random.normal(jax.random.key(0), (3, 2, 32, 2, 4))
    valid = jnp.arange(32) < jnp.array([[32], [13]])
    whole = np.asarray(jax.jit(partial(layers.attention, window=window))(q, k, v, valid))
    monkeypatch.setattr(layers, "SPAN", 8)
    parts = np.asarray(jax.jit(partial(layers.attention, window=window))(q, k, v, valid))
    np.testing.assert_allclose(parts[valid], whole[valid], atol=1e-6)


@pytest.mark.parametrize("config", [encoders.BERT, encoders.MODERNBERT], ids=["bert", "modernbert"])
def test_lowers_for_every_platform(config: dict[str, object], tmp_path: Path) -> None:
    loaded = encoder.load(encoders.write(tmp_path, config))
    shapes = jax.ShapeDtypeStruct((4, 32), jnp.int32), jax.ShapeDtypeStruct((4,), jnp.int32)
    made = export.export(pooled, platforms=["cpu", "cuda", "tpu"])(
        loaded.params, *shapes, loaded.module, loaded.pooling, loaded.precision
    )
    assert made.platforms == ("cpu", "cuda", "tpu") and made.out_avals[0].shape == (4, 16)


def test_only_new_texts_are_computed(
    model: encoder.Encoder, texts: list[str], rows: np.ndarray, tmp_path: Path
) -> None:
    first = encoder.embed(model, texts[:60], cache=tmp_path, batch_tokens=160, block=25)
    assert first.computed == len(set(texts[:60])) and len(files(tmp_path)) == 3
    again = encoder.embed(model, texts + texts, cache=tmp_path, batch_tokens=160, block=25)
    assert again.computed == len(set(texts[60:]) - set(texts[:60]))
    np.testing.assert_allclose(again.rows, np.concatenate([rows, rows]), atol=1e-5)
    np.testing.assert_array_equal(again.rows[:60], first.rows)
    assert not list(tmp_path.glob("*/.*.part"))
    table = pq.read_table(files(tmp_path)[0])
    assert table.column_names == ["key", "tokens", "cut", "embedding"]
    assert table.schema.metadata[b"encoder"].decode() == model.digest


def test_equal_texts_are_computed_once(model: encoder.Encoder) -> None:
    result = encoder.embed(model, ["no", "model", "no", "no"], cache=False, batch_tokens=160)
    assert result.computed == 2
    np.testing.assert_array_equal(result.rows[[0, 0]], result.rows[[2, 3]])


def test_other_encoders_have_other_rows(model: encoder.Encoder, tmp_path: Path) -> None:
    """Pooling, length, weights, tokenizer, settings, precision: each makes it another encoder."""
    write, path = encoders.write, model.folder
    others = [
        encoder.load(path, "cls"),
        encoder.load(path, max_tokens=39),
        encoder.load(path, precision="default"),
        encoder.load(write(tmp_path / "weights", SMALL, seed=1)),
        encoder.load(write(tmp_path / "settings", SMALL | {"layer_norm_eps": 1e-5})),
    ]
    assert len({model.digest, *(other.digest for other in others)}) == 6
    assert encoder.load(path).digest == model.digest
    for each in (model, *others[:2]):
        assert encoder.embed(each, ["no"], cache=tmp_path / "cache", batch_tokens=160).computed == 1
    assert len(list((tmp_path / "cache").iterdir())) == 3


def test_cache_folder(model: encoder.Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The platform's by default, none when switched off, a ValueError where there can be none."""
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(tmp_path / name))
    encoder.encode(model, ["no"], cache=False, batch_tokens=160)
    assert not list(tmp_path.iterdir())
    encoder.encode(model, ["no"], batch_tokens=160)
    assert len(files(tmp_path / "messjax" / "embeddings")) == 1
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"cache folder .*file.*expected a folder to write"):
        encoder.encode(model, ["no"], cache=tmp_path / "file")


def test_a_full_disk_costs_the_cache_only(
    model: encoder.Encoder, texts: list[str], rows: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.warns(UserWarning, match="No space left on device: nothing is kept") as warned:
        result = encoder.encode(model, texts, cache=tmp_path, block=20, batch_tokens=160)
    assert len(warned) == 1 and not list(tmp_path.glob("*/*"))
    np.testing.assert_allclose(result, rows, atol=1e-5)


def damaged(path: Path, how: str) -> None:
    raw = path.read_bytes()
    if how == "truncated":
        path.write_bytes(raw[: len(raw) // 2])
    elif how == "garbage":
        path.write_bytes(b"no parquet" * 100)
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "a bit of an embedding":
        place = raw.index(pq.read_table(path)["embedding"][3].values.to_numpy().tobytes())
        path.write_bytes(raw[:place] + bytes([raw[place] ^ 64]) + raw[place + 1 :])
    else:
        pq.write_table(pq.read_table(path).drop_columns(["cut"]), path)


@pytest.mark.parametrize("how", ["truncated", "garbage", "empty", "a bit of an embedding", "other columns"])
def test_a_broken_file_is_one_warning(
    how: str, model: encoder.Encoder, texts: list[str], rows: np.ndarray, tmp_path: Path
) -> None:
    encoder.encode(model, texts, cache=tmp_path, block=45, batch_tokens=160)
    broken = files(tmp_path)[0]
    damaged(broken, how)
    with pytest.warns(
        UserWarning, match=f"cache file .*{broken.name} is removed, its texts are computed again"
    ) as warned:
        result = encoder.embed(model, texts, cache=tmp_path, block=45, batch_tokens=160)
    assert len(warned) == 1 and not broken.exists() and 0 < result.computed < 90
    np.testing.assert_allclose(result.rows, rows, atol=1e-5)
    assert encoder.embed(model, texts, cache=tmp_path, block=45).computed == 0


def test_an_interrupted_run_keeps_what_was_done(model: encoder.Encoder, texts: list[str], tmp_path: Path) -> None:
    """Whole blocks, and of the block it was in the batches that were finished."""

    def stop(done: int, total: int) -> None:
        if done > 50:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encoder.encode(model, texts, cache=tmp_path, block=30, batch_tokens=160, progress=stop)
    assert [len(pq.read_table(path)) for path in files(tmp_path)].count(30) == 1
    left = encoder.embed(model, texts, cache=tmp_path, batch_tokens=160).computed
    assert 30 <= left <= 40


def test_store_finds_among_many_files(tmp_path: Path) -> None:
    """Every key finds its row whatever file it is in; others find none; collisions are told apart."""
    rng = np.random.default_rng(0)
    keys = rng.integers(0, 256, (300, 32), np.uint8)
    keys[:90, :8] = keys[0, :8]  # one first half, different second halves
    rows = Rows(rng.normal(size=(300, 3)).astype(np.float32), np.arange(300, dtype=np.int32), rng.random(300) < 0.5)
    store = Store(tmp_path, 3, {"a": "b"})
    for part in np.array_split(rng.permutation(300), 17):
        store.add(keys[part], Rows(*(column[part] for column in rows)))
    for opened in (store, Store(tmp_path, 3, {"a": "b"})):
        assert (opened.find(rng.integers(0, 256, (50, 32), np.uint8)) == -1).all()
        wanted = rng.permutation(300)[:200]
        numbers = opened.find(keys[wanted])
        numbers[::7] = -1
        target = Rows(np.zeros((200, 3), np.float32), np.full(200, -1, np.int32), np.zeros(200, bool))
        opened.fill(numbers, target)
        np.testing.assert_array_equal(target.tokens, np.where(numbers < 0, -1, wanted))
        np.testing.assert_array_equal(target.embedding, rows.embedding[wanted] * (numbers >= 0)[:, None])


@pytest.mark.parametrize(
    ("texts", "options", "message"),
    [
        ("a text", {}, "single string"),
        (["a", "b", None], {"block": 2}, r"texts\[2\] is a NoneType, expected a string"),
        (["a"], {"block": 0}, "block is 0, expected at least 1"),
        (["a"], {"batch_tokens": 0}, "batch_tokens is 0"),
    ],
)
def test_errors(model: encoder.Encoder, texts: list[str], options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        encoder.encode(model, texts, cache=False, **({"batch_tokens": 160} | options))  # type: ignore[arg-type]


def test_embeddings_that_overflow_are_refused(model: encoder.Encoder, tmp_path: Path) -> None:
    """Finite weights may still make infinities: never a silent NaN."""
    huge = model._replace(params=jax.tree.map(lambda x: x * 1e30, model.params))
    with pytest.raises(ValueError, match="the embedding of 'no' is not finite"):
        encoder.encode(huge, ["no"], cache=tmp_path, batch_tokens=160)
    assert not files(tmp_path)
