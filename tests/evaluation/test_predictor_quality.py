"""Scores by hand, and the predictor path of a replay: the same one that `sweep` walks, scored as NumPy would."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.step_recorder import recorder

from messjax import features, plot, policies, predictors, results, streams
from messjax.engine.grid_sweep import sweep
from messjax.engine.simulation import component_keys
from messjax.evaluation import predictor as quality
from messjax.evaluation.predictor.scoring_program import program
from messjax.predictors import learning
from messjax.statistics import scoring_rules
from messjax.traces import read_routellm
from messjax.types import Controls, Distribution, Outcome

pytestmark = pytest.mark.long  # each compiles programs of its own

T, K, BINS, C = 120, 4, 5, np.array([0.3, 2.0])
KEY = jax.random.key(5)


# --- scores by hand -----------------------------------------------------------------------------------------------


def test_log_loss_and_brier_by_hand():
    # s_hat .8: -log .8 = .223144 for a success, -log .2 = 1.609438 for a failure, their mean for half a success.
    s_hat, s = np.array([0.8, 0.8, 0.8]), np.array([1.0, 0.0, 0.5])
    np.testing.assert_allclose(scoring_rules.log_loss(s_hat, s), [0.223144, 1.609438, 0.916291], atol=1e-6)
    np.testing.assert_allclose(scoring_rules.brier(s_hat, s), [0.04, 0.64, 0.09])
    np.testing.assert_allclose(
        scoring_rules.log_loss(jnp.asarray(s_hat), s), scoring_rules.log_loss(s_hat, s), rtol=1e-6
    )
    # Certain and wrong is -log 1e-6 = 13.8155, also beyond [0, 1].
    np.testing.assert_allclose(
        scoring_rules.log_loss(np.array([0.0, 1.0, -0.3]), np.array([1.0, 0.0, 1.0])), 13.8155, atol=1e-4
    )


def test_calibration_by_hand():
    # Ten requests: six predicted .2 each with two satisfied, four .9 each with three. |1.2 - 2| + |3.6 - 3| = 1.4: .14.
    count, predicted, observed = [6, 0, 4], [1.2, 0, 3.6], [2, 0, 3]
    squared = [2 * 0.64 + 4 * 0.04, 0, 3 * 0.01 + 0.81]
    result = scoring_rules.calibration(count, predicted, observed, squared)
    assert result.error == pytest.approx(0.14)
    # By chance sqrt(2 / pi * 1.44) + sqrt(2 / pi * .84) = .957461 + .731276, over ten.
    assert result.chance == pytest.approx(0.1688737, abs=1e-6)
    assert np.isnan(scoring_rules.calibration([0, 0], [0, 0], [0, 0], [0, 0]).error)


def test_the_error_of_a_calibrated_predictor_is_what_chance_says():
    rng = np.random.default_rng(0)
    s_hat = rng.uniform(size=(2000, 300))
    s = (rng.random(s_hat.shape) < s_hat).astype(float)
    member = (s_hat * 10).astype(int)[..., None] == np.arange(10)
    sums = [(member * x[..., None]).sum(axis=1) for x in (np.ones_like(s), s_hat, s, (s_hat - s) ** 2)]
    result = scoring_rules.calibration(*sums)
    assert result.error.mean() == pytest.approx(result.chance.mean(), rel=0.05)
    assert result.error.mean() > 0.05  # although nothing is wrong: the bias


@settings(max_examples=50, deadline=None)
@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_the_scores_are_proper(mu, other):
    def expected(score, p):
        return mu * score(np.array(p), np.array(1.0)) + (1 - mu) * score(np.array(p), np.array(0.0))

    for score in (scoring_rules.log_loss, scoring_rules.brier):
        assert expected(score, mu) <= expected(score, other) + 1e-12


# --- the path of a replay -------------------------------------------------------------------------------------------


def trace(num: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(num, 3)).astype(np.float32)
    s = (rng.random((num, 2)) < 1 / (1 + np.exp(-(2.5 * x[:, :1] + [0.0, 1.0])))).astype(np.float32)
    s[::7] = np.round(s[::7] * 0.5 + 0.25, 6)  # some scores between 0 and 1
    return x, s, np.tile([1.0, 5.0], (num, 1))


@pytest.fixture(scope="module")
def replayed():
    """(quality, what `sweep` recorded of the same replay, held-out requests): three orders, two c."""
    x, s, e = trace(T + 90)
    served, held = quality.split(jax.random.key(1), len(x), 90 / (T + 90))
    stream, predictor = streams.replay(x[served], s[served], e[served]), predictors.linear(3, 2)
    result = quality.over_time(
        KEY, predictor=predictor, stream=stream, horizon=T, c=C, num_streams=3,
        held_out=quality.HeldOut(x[held], s[held]), checkpoints=K, bins=BINS, models=("small", "large"),
    )  # fmt: skip
    path = sweep(
        KEY, Controls(V=1.0, alpha=0.5, c=C), policy=policies.mess_plus(predictor), stream=stream, horizon=T,
        num_streams=3, meter=recorder("explore", "s_hat", "s"), checkpoints=T,
    )  # fmt: skip
    return result, path, (x[served], x[held], s[held])


def expected(s_hat, s, base):
    """The six readings [M] of requests [n, M] by NumPy, and the bins."""
    member = np.clip((s_hat * BINS).astype(int), 0, BINS - 1)[..., None] == np.arange(BINS)
    count, p, o, q = ((member * w[..., None]).sum(axis=0) for w in (np.ones_like(s), s_hat, s, (s_hat - s) ** 2))
    ece = scoring_rules.calibration(count, p, o, q)
    base_losses = scoring_rules.log_loss(base, s), scoring_rules.brier(base, s)
    means = (v.mean(axis=0) for v in (scoring_rules.log_loss(s_hat, s), (s_hat - s) ** 2, *base_losses))
    names = ("log_loss", "brier", "base_log_loss", "base_brier")
    return dict(zip(names, means, strict=True)) | {"calibration_error": ece.error, "calibration_chance": ece.chance}


def test_passed_requests_are_those_of_the_replay_predicted_before_they_are_learned_from(replayed):
    result, path, _ = replayed
    for i, stream in np.ndindex(2, 3):
        own = {name: path[f"{name}_curve"].isel(c=i, stream=stream).values for name in ("explore", "s_hat", "s")}
        explore, s_hat, s = own["explore"].astype(bool), own["s_hat"].astype(float), own["s"].astype(float)
        before = np.cumsum(explore) - explore
        base = (np.cumsum(s * explore[:, None], axis=0) - s * explore[:, None] + 0.5) / (before[:, None] + 1)
        one = result.isel(c=i, stream=stream)
        np.testing.assert_array_equal(one["learned"], np.cumsum(explore)[T // K - 1 :: T // K])
        for k in range(K):
            part = slice(k * T // K, (k + 1) * T // K)
            for name, value in expected(s_hat[part], s[part], base[part]).items():
                np.testing.assert_allclose(
                    one[name].sel(on="passed").isel(t=k), value, rtol=2e-5, atol=1e-6, err_msg=name
                )


def test_held_out_requests_are_scored_by_what_was_learned_so_far(replayed):
    result, path, (served, x, s) = replayed
    stream, i, predictor = 1, 1, predictors.linear(3, 2)
    state, seen, update = predictor.init(KEY), [], jax.jit(predictor.update)
    own = {name: path[f"{name}_curve"].isel(c=i, stream=stream).values for name in ("explore", "s")}
    key_world = component_keys(jax.random.fold_in(KEY, stream))[0]
    order = np.asarray(streams.replay(served, np.zeros((T, 2)), np.ones((T, 2))).init(jax.random.fold_in(key_world, 0)))
    for t in range(T):
        if own["explore"][t]:
            labels = jnp.asarray(own["s"][t], jnp.float32)
            state = update(state, jnp.asarray(served[order[t]]), Outcome(labels, jnp.ones(2, bool)))
            seen.append(own["s"][t])
        if (t + 1) % (T // K) == 0:
            s_hat = np.asarray(jax.vmap(predictor.predict, (None, 0))(state, jnp.asarray(x)), np.float64)
            base = (np.sum(seen, axis=0) + 0.5) / (len(seen) + 1) + np.zeros_like(s_hat)
            one = result.isel(c=i, stream=stream, t=(t + 1) // (T // K) - 1).sel(on="held out")
            for name, value in expected(s_hat, s.astype(np.float64), base).items():
                np.testing.assert_allclose(one[name], value, rtol=1e-4, atol=1e-5, err_msg=name)


def test_the_dataset_is_described_and_its_bins_add_up(replayed):
    result, _, (_, x, _) = replayed
    assert dict(result["log_loss"].sizes) == {"on": 2, "c": 2, "stream": 3, "t": K, "model": 2}
    assert list(result["t"].values) == [30, 60, 90, 120] and list(result["model"].values) == ["small", "large"]
    assert all({"long_name", "units"} <= array.attrs.keys() for array in result.data_vars.values())
    assert result["requests"].values.tolist() == [[30] * K, [len(x)] * K]
    totals = result["bin_count"].sum("bin")
    assert (totals.sel(on="held out") == len(x)).all() and (totals.sel(on="passed") == 30).all()
    overall = (result["bin_count"] * (result["bin_observed"] - result["bin_predicted"])).fillna(0)
    error = np.abs(overall).sum("bin") / totals
    np.testing.assert_allclose(error, result["calibration_error"].isel(t=-1, drop=True), atol=1e-6)
    assert result.attrs["held_out"] == len(x) and result.attrs["horizon"] == T


def test_learning_beats_the_base_rate_on_a_learnable_trace_and_values_compile_nothing_anew():
    x, s, e = trace(2400, seed=4)
    served, held = quality.split(jax.random.key(0), len(x), 0.25)
    predictor = predictors.linear(3, 2, tx=learning.sgd(0.02, weight_decay=1e-4))

    def run(key, c, horizon):
        return quality.over_time(
            key, predictor=predictor, stream=streams.replay(x[served], s[served], e[served]), horizon=horizon, c=c,
            num_streams=4, held_out=quality.HeldOut(x[held], s[held]), checkpoints=6,
        )  # fmt: skip

    result, before = run(KEY, 1.0, 1800), program._cache_size()
    assert "c" not in result.dims
    gain = (result["base_log_loss"] - result["log_loss"]).mean("model").sel(on="held out")
    assert (gain.isel(t=-1) > 0.1).all() and (gain.isel(t=-1) > gain.isel(t=0)).all()
    assert (result["log_loss"].sel(on="passed").isel(t=-1) < result["base_log_loss"].sel(on="passed").isel(t=-1)).all()
    run(jax.random.key(8), 0.5, 600)  # another key, c and horizon: nothing of the program's memory depends on them
    assert program._cache_size() == before


def test_blocks_and_the_absence_of_held_out_requests_change_nothing():
    distribution = Distribution(np.array([0.5, 0.5]), np.array([[1.0, 2.0]] * 2), np.array([[0.2, 0.8], [0.6, 0.9]]))
    options = {"stream": streams.types(distribution), "horizon": 200, "num_streams": 4, "checkpoints": 2, "bins": 4}
    one = quality.over_time(KEY, predictor=predictors.tabular(2, 2), **options)
    many = quality.over_time(KEY, predictor=predictors.tabular(2, 2), block=2, **options)
    for name in one.data_vars:
        np.testing.assert_allclose(one[name], many[name], rtol=1e-5, atol=1e-6, err_msg=str(name))
    assert list(one["on"].values) == ["passed"]


def test_a_split_serves_every_request_or_holds_it_out():
    served, held = quality.split(jax.random.key(3), 50, 0.3)
    assert len(held) == 15 and sorted([*served, *held]) == list(range(50))
    assert (np.diff(served) > 0).all() and (np.diff(held) > 0).all()
    assert not np.array_equal(held, quality.split(jax.random.key(4), 50, 0.3)[1])


def test_the_figure_shows_means_intervals_and_reliability(replayed, tmp_path):
    result = replayed[0]
    shown = quality.summary(result)
    np.testing.assert_allclose(shown["log_loss"].sel(limit="mean"), result["log_loss"].mean(("model", "stream")))
    weight = result["bin_count"] / result["bin_count"].sum("stream")
    pooled = (weight * result["bin_observed"]).sum("stream").where(result["bin_count"].sum("stream") > 0)
    np.testing.assert_allclose(shown["bin_observed"].sel(limit="mean"), pooled, atol=1e-9)
    inside = shown["bin_observed"].transpose("limit", ...).values
    known = np.isfinite(inside[1])
    assert known.any() and (inside[1][known] <= inside[2][known]).all()
    for name, dataset in {"grid": result, "one": result.isel(c=0, stream=[0]).sel(on=["passed"])}.items():
        figure = plot.predictor_quality(quality.summary(dataset), title=name)
        assert [axis.get_title(loc="left")[:3] for axis in figure.axes] == ["(a)", "(b)", "(c)", "(d)"]
        assert all(path.stat().st_size > 10_000 for path in plot.save(figure, tmp_path / name))
    assert results.load(results.save(result, tmp_path / "quality.nc")).equals(result)


GOOD = {"horizon": 20, "num_streams": 2, "checkpoints": 2}
X, S, E = trace(20)
BAD = {
    "a": {"a": [0.2, 0.3]},
    "c": {"c": -1.0},
    "num_streams": {"num_streams": 0},
    "checkpoints": {"checkpoints": 0},
    "bins": {"bins": 0},
    "block": {"block": 0},
    "horizon": {"horizon": 21},
    "models": {"models": ("one",)},
    "held_out": {"held_out": quality.HeldOut(X[:, :2], S)},
    "held_out ": {"held_out": quality.HeldOut(X, 2 * S)},
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_names_the_argument(name):
    with pytest.raises(ValueError, match=f"^{name.strip()}: "):
        quality.over_time(KEY, predictor=predictors.linear(3, 2), stream=streams.replay(X, S, E), **GOOD | BAD[name])


@pytest.mark.parametrize("fraction", [0.0, 1.0, np.nan, 0.01])
def test_a_split_that_leaves_nothing_is_refused(fraction):
    with pytest.raises(ValueError, match="^fraction: "):
        quality.split(KEY, 20, fraction)


def test_the_real_trace_has_a_head_that_learns_a_little(traces):
    trace = read_routellm(traces / "routellm_mmlu", {"mixtral": 0.24, "gpt-4": 24.7})
    x = features.hashed_ngrams(trace.prompts, dim=64)
    served, held = quality.split(jax.random.key(0), len(x), 0.2)
    result = quality.over_time(
        jax.random.key(7), predictor=predictors.linear(64, 2, tx=learning.sgd(0.02)), horizon=len(served), c=1.0,
        stream=streams.replay(x[served], trace.satisfaction[served], trace.cost[served]), num_streams=4,
        held_out=quality.HeldOut(x[held], trace.satisfaction[held]), models=trace.models,
    )  # fmt: skip
    last = result.isel(t=slice(-5, None)).mean(("stream", "t", "model"))
    for on in ("passed", "held out"):
        assert float(last["log_loss"].sel(on=on)) < float(last["base_log_loss"].sel(on=on))
        assert float(last["brier"].sel(on=on)) < float(last["base_brier"].sel(on=on))
