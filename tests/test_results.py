"""Results: dimensions, units, provenance, saving, intervals, and readings worked by hand on a four-request trace."""

from __future__ import annotations

import json

import jax
import numpy as np
import pytest
import xarray as xr
from scipy import stats as scipy_stats
from support.step_recorder import recorder, steps

from messjax import policies, predictors, results, streams, theory
from messjax.engine import grid_sweep
from messjax.meters import folds, ledgers, standard_meters
from messjax.theory import optimum
from messjax.types import Controls, Distribution

LAW = Distribution(np.array([0.5, 0.5]), np.array([[1.0, 4.0], [2.0, 6.0]]), np.array([[0.4, 0.9], [0.6, 0.8]]))
STREAM = streams.types(LAW)


def grid(policy=None, alpha=(0.6, 0.7), **more):
    return grid_sweep.sweep(
        jax.random.key(2), Controls(V=[1.0, 2.0, 4.0], alpha=list(alpha), c=0.3), stream=STREAM, horizon=20,
        policy=policies.mess_plus(predictors.oracle(STREAM)) if policy is None else policy,
        num_streams=5, checkpoints=4, models=("small", "large"), cost_unit="kJ", **more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def dataset() -> xr.Dataset:
    return grid()


def test_dimensions_coordinates_and_units(dataset):
    assert dict(dataset.sizes) == {"V": 3, "alpha": 2, "stream": 5, "model": 2, "t": 4}
    assert dataset["cost"].dims == ("V", "alpha", "stream") and dataset["calls"].dims[-1] == "model"
    assert dataset["served_curve"].dims == ("V", "alpha", "stream", "t", "model")
    assert dataset["V"].values.tolist() == [1, 2, 4] and dataset["model"].values.tolist() == ["small", "large"]
    assert (
        dataset["t"].values.tolist() == [5, 10, 15, 20] and dataset["c"].item() == 0.3 and dataset["a"].item() == 0.25
    )
    assert dataset["optimal_cost"].dims == ("alpha",)
    units = {name: array.attrs["units"] for name, array in dataset.data_vars.items()}  # every reading has one
    assert units["cost"] == units["cost_curve"] == units["gamma"] == units["adjusted_regret"] == "kJ"
    assert units["queue_last"] == units["explored"] == "requests" and units["violation"] == "1"
    assert all(array.attrs["long_name"] for array in dataset.data_vars.values())


def test_provenance(dataset):
    attrs = dataset.attrs
    assert attrs["version_jax"] == jax.__version__ and attrs["version_numpy"] == np.__version__
    assert {"git_commit", "version_messjax", "version_python", "device", "created", "seconds", "key"} <= attrs.keys()
    assert attrs["horizon"] == 20 and attrs["num_streams"] == 5 and attrs["cost_unit"] == "kJ"
    assert "algorithm.choose" in attrs["policy"] and "known_means" in attrs["policy"]
    assert json.loads(attrs["policy_kinds"]) == {"": "mess_plus"} and json.loads(attrs["engine_reason"]) == {"": "fast"}
    assert attrs["stream_kind"] == "iid" and attrs["feedback_kind"] == "complete" and "complete" in attrs["feedback"]
    assert "types" in attrs["stream"] and attrs["key"].endswith("[0, 2]") and attrs["optimum_kind"] == "exact"


def test_save_and_load(dataset, tmp_path):
    path = results.save(dataset, tmp_path / "new" / "run.nc")
    assert results.load(path).identical(dataset) and [f.name for f in path.parent.iterdir()] == ["run.nc"]


@pytest.mark.parametrize("level", [0.8, 0.99])
def test_summary_against_scipy(dataset, level):
    summary = results.summary(dataset, level)
    values = dataset["cost"].values
    low, high = scipy_stats.t.interval(level, 4, values.mean(-1), values.std(-1, ddof=1) / np.sqrt(5))
    for name, wanted in (("mean", values.mean(-1)), ("lower", low), ("upper", high)):
        np.testing.assert_allclose(summary["cost"].sel(limit=name).values, wanted, rtol=1e-12)
    assert summary["calls"].dims == ("limit", "V", "alpha", "model") and summary.attrs["level"] == level
    assert summary["optimal_cost"].identical(dataset["optimal_cost"])


def test_summary_where_there_is_nothing_to_summarise(dataset):
    one = results.summary(dataset.isel(stream=[0]))["cost"]
    np.testing.assert_array_equal(one.sel(limit="mean").values, dataset["cost"].isel(stream=0).values)
    assert one.sel(limit=["lower", "upper"]).isnull().all()
    blank = dataset.assign(S=dataset["S"].where(dataset["stream"] != 3))
    assert results.summary(blank)["S"].isnull().all() and results.summary(blank)["cost"].notnull().all()


@pytest.fixture(scope="module")
def together() -> xr.Dataset:
    return grid({"oracle": policies.mess_plus(predictors.oracle(STREAM)), "large": policies.single(1)})


def test_policies_side_by_side_are_the_runs_of_each(dataset, together):
    assert together["cost"].dims[0] == "policy" and together["policy"].values.tolist() == ["oracle", "large"]
    for name in ("cost", "satisfaction", "queue_last", "calls", "gamma", "adjusted_regret", "served_curve", "sla_from"):
        array = together[name].sel(policy="oracle") if "policy" in together[name].dims else together[name]
        np.testing.assert_array_equal(array.values, dataset[name].values, err_msg=name)
    large = together.sel(policy="large")
    assert (large["served"].sel(model="large") == 20).all() and (large["explored"] == 0).all()
    assert "policy" not in together["gamma"].dims and "oracle = " in together.attrs["policy"]


def test_concat_keeps_runs_apart_and_the_law_once(dataset, together):
    large = together.sel(policy="large", drop=True)
    joined = results.concat({"first": dataset, "second": large})
    assert joined["policy"].values.tolist() == ["first", "second"] and joined.attrs["horizon"] == 20
    np.testing.assert_array_equal(joined["cost"].sel(policy="second").values, large["cost"].values)
    assert joined["optimal_cost"].dims == joined["gamma"].dims == ("alpha",)
    with pytest.raises(ValueError, match="V"):  # another grid is refused, not filled with NaN
        results.concat({"first": dataset, "second": large.isel(V=slice(2))})


def test_adjusted_regret_is_T5_and_the_gap_that_of_the_law(dataset):
    for i, alpha in enumerate(dataset["alpha"].values):
        at, best = dataset.isel(alpha=i), optimum.solve(STREAM.distribution(), alpha)
        np.testing.assert_allclose(at["cost_gap"], at["cost"] - best.cost, rtol=1e-12)
        known = theory.BoundInputs(T=20, C_star=best.cost, gamma=best.gamma, alpha=alpha)
        sums = {"cost_sum": 20 * at["cost"], "satisfaction_sum": 20 * at["satisfaction"]}
        wanted = theory.T5_adjusted_regret(known, **sums)
        np.testing.assert_allclose(at["adjusted_regret"], wanted, atol=1e-9)
        np.testing.assert_allclose(at["violation"], alpha - at["satisfaction"], atol=1e-15)


def test_a_meter_of_ones_own_needs_no_ledger():
    run = grid_sweep.sweep(
        jax.random.key(0), Controls(), policy=policies.single(0), stream=STREAM, horizon=5, num_streams=1,
        meter=standard_meters.virtual_queue(),
    )  # fmt: skip
    assert "queue_last" in run
    assert not {"violation", "cost_gap", "adjusted_regret"} & set(run.data_vars)


def test_curves_end_at_the_finals(dataset):
    curves = [name for name in map(str, dataset.data_vars) if name.endswith("_curve")]
    assert len(curves) >= 15
    for name in curves:
        last = dataset[name].isel(t=-1).values
        np.testing.assert_array_equal(last, dataset[name.removesuffix("_curve")].values, err_msg=name)
    assert (dataset["served_curve"].sum("model") == dataset["t"]).all()


def test_checkpoints_need_not_divide_the_horizon_and_curves_may_be_few():
    run = grid_sweep.sweep(
        jax.random.key(0), Controls(), policy=policies.single(0), stream=STREAM, horizon=10, num_streams=1,
        checkpoints=3, meter=ledgers.ledger(), curves=("served",),
    )  # fmt: skip
    assert run["t"].values.tolist() == [3, 6, 10]
    assert run["served_curve"].isel(stream=0, model=0).values.tolist() == [3, 6, 10] and "cost_curve" not in run


# --- four requests by hand ------------------------------------------------------------------------------------

COST = np.array([[1.0, 2.0, 4.0], [1.0, 3.0, 5.0], [2.0, 3.0, 4.0], [1.0, 2.0, 8.0]])
LABELS = np.array([[0.0, 1.0, 1.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 1.0, 1.0]])


def by_hand(policy, alpha=0.6, V=1.0, c=0.0):
    run = grid_sweep.sweep(
        jax.random.key(0), Controls(V=V, alpha=alpha, c=c), policy=policy, num_streams=1, horizon=4, checkpoints=4,
        stream=streams.replay(np.zeros((4, 2)), LABELS, COST, order="file"),
    )  # fmt: skip
    return run.isel(stream=0)


def test_both_ledgers_when_everything_is_explored():
    run = by_hand(policies.mess_plus(predictors.linear(2, 3)), c=100.0)
    assert run["cost"] == (7 + 9 + 9 + 11) / 4 and run["cost_exploit"] == 0
    assert (
        run["calls"].values.tolist() == [4, 4, 4]
        and run["served"].values.tolist() == [0, 0, 4]
        and run["explored"] == 4
    )
    assert run["satisfaction"] == 0.75  # model 3: 1, 0, 1, 1
    np.testing.assert_allclose(run["queue_last_curve"], [0, 0.6, 0.2, 0])  # alpha - s: -.4, +.6, -.4, -.4
    assert run["queue_max"] == 0.6 and run["queue_mean"] == pytest.approx((0 + 0 + 0.6 + 0.2) / 4)
    assert run["exploration_queue"] == pytest.approx(0.8)  # p_t = 1


def test_both_ledgers_when_nothing_is_explored():
    # s_hat = 1/2 for all, so the cheapest model is served throughout: 0, 1, 0, 1.
    run = by_hand(policies.mess_plus(predictors.linear(2, 3)))
    assert run["cost"] == run["cost_exploit"] == 5 / 4 and run["explored"] == 0
    assert run["calls"].values.tolist() == run["served"].values.tolist() == [4, 0, 0] and run["satisfaction"] == 0.5
    np.testing.assert_allclose(run["queue_last_curve"], [0.6, 0.2, 0.8, 0.4])
    assert run["exploration_queue"] == 0 and np.isnan(run["S"])  # a trace knows no mu


@pytest.mark.parametrize(
    ("model", "alpha", "wanted"),
    [
        (0, 0.6, [2, 3, 4, 5]),  # running means 0, 1/2, 1/3, 1/2: never
        (0, 0.5, [2, 2, 4, 4]),  # 1/2 at t = 2 and 4: met again, exactly at alpha
        (1, 0.6, [1, 1, 1, 1]),  # 1, 1, 2/3, 3/4: from the first request on
        (2, 0.6, [1, 3, 3, 3]),  # 1, 1/2, 2/3, 3/4: lost once
        (2, 0.75, [1, 3, 4, 4]),
    ],
)
def test_sla_from_by_hand(model, alpha, wanted):
    assert by_hand(policies.single(model), alpha=alpha)["sla_from_curve"].values.tolist() == wanted


def test_the_quantities_of_the_theory_from_the_recorded_steps():
    run = grid_sweep.sweep(
        jax.random.key(6), Controls(V=1.0, alpha=0.7, c=1.5), stream=STREAM, horizon=60, num_streams=1, checkpoints=60,
        policy=policies.mess_plus(predictors.noisy(STREAM, 0.3, q=0.5)),
        meter=folds.zip_meters(
            recorder("p", "Q", "s_hat", "mu"), standard_meters.theory(), standard_meters.virtual_queue()
        ),
    )  # fmt: skip
    path, result = steps(run), run.isel(stream=0)
    Q, p, e = path["Q"], path["p"], np.abs(path["s_hat"] - path["mu"]).max(axis=1)
    assert p[0] == 1 > p[-1]
    assert Q.max() > 1
    wanted = {
        "S": ((1 - p) * Q * e).sum(),
        "exploration_queue": (p * Q).sum(),
        "error_mean": e.mean(),
        "error_last": e[-1],
        "error_max": e[p < 1].max(),
        "queue_mean": Q.mean(),
        "queue_max": max(path["Q"].max(), result["queue_last"].item()),
    }
    for name, value in wanted.items():
        np.testing.assert_allclose(result[name], value, rtol=1e-5, err_msg=name)
    assert result["error_max"] < e[0]  # the first request could not exploit: its error does not count
