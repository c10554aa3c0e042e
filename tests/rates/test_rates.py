"""proofs_check.rates: verdicts where T >> V gamma*, what is measured on each world, T8, tables and figures."""

from __future__ import annotations

import jax
import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure
from rich.console import Console

from messjax import predictors, theory
from messjax.meters import folds, standard_meters
from messjax.statistics import intervals
from proofs_check import __main__ as program
from proofs_check import rates
from proofs_check.rates import draw, exponent, measure, slope, worlds

pytestmark = pytest.mark.long

SMALL = measure.Size(streams=64, horizon=12_001, V=(10.0, 30.0, 100.0), T_factors=(1, 2, 4), learned=1_024)


def power_law(power: float, noise: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    x = np.array([1.0, 2.0, 4.0, 8.0])
    return x, x[:, None] ** power * (1.0 + noise * np.random.default_rng(0).uniform(-1, 1, (4, 50)))


@pytest.mark.parametrize(
    ("power", "noise", "gate", "text"),
    [
        (-1.0, 0.01, 50.0, "agrees"),
        (-1.0, 0.01, float("nan"), "agrees"),
        (-1.0, 0.01, slope.GATE - 0.1, "gated"),
        (-0.8, 0.01, 50.0, "differs"),
        (-1.2, 0.01, 50.0, "differs"),
        (-0.9, 0.9, 50.0, "undecided"),
    ],
)
def test_a_slope_is_judged_by_its_whole_interval_and_behind_the_gate(power, noise, gate, text):
    x, samples = power_law(power, noise)
    one = slope.fit("T0", "y", "x", x, samples, -1.0, gate=gate)
    assert one.verdict == text
    assert one.slope_lower <= one.slope <= one.slope_upper


def test_a_root_makes_standard_deviations_of_squares():
    x, samples = power_law(1.0, 0.1)
    square, root = (slope.fit("T6", "y", "x", x, samples, 0.5, root=r) for r in (1.0, 2.0))
    assert root.slope == pytest.approx(square.slope / 2) and root.slope_upper == pytest.approx(square.slope_upper / 2)
    np.testing.assert_allclose(root.y**2, square.y)
    assert root.verdict == "agrees" and square.verdict == "differs"


def test_only_the_last_points_are_fitted_where_so_many_are_used():
    x, samples = power_law(-1.0)
    samples[:2] = samples[2]
    assert slope.fit("T8", "y", "x", x, samples, -1.0, used=2).slope == pytest.approx(-1.0)
    assert slope.fit("T8", "y", "x", x, samples, -1.0).slope != pytest.approx(-1.0, abs=0.3)


# --- worlds ---------------------------------------------------------------------------------------------------


def test_the_price_of_each_world_is_what_it_says():
    assert worlds.kinked().gamma == pytest.approx(2.0) and worlds.close_calls().gamma == pytest.approx(2.0)
    assert worlds.smooth().best.largest_alpha > worlds.smooth().alpha


def test_excess_has_the_mean_of_the_adjusted_regret():
    """Little noise, the same mean as average cost - C* + gamma* violation: exploration and a wrong predictor in it."""
    world = worlds.close_calls()
    run = measure.simulate_world(
        jax.random.key(5), world, predictors.noisy(world.stream, 0.2), 2_000, 256, V=20.0, c=0.5,
        meter=folds.zip_meters(
            worlds.excess(world), worlds.explored_excess(world), standard_meters.standard()
        ),
    )  # fmt: skip
    plain = run["cost"] - world.best.cost + world.gamma * run["violation"]
    off = intervals.interval((plain - run["excess"]).values, 0.999)
    assert off.lower <= 0 <= off.upper and off.upper - off.lower < 0.01 < float(run["excess"].mean())
    share = intervals.interval(run["explored_excess"].values * 2_000 / run["explored"].values, 0.999)
    assert share.lower <= world.explored_excess <= share.upper and share.upper - share.lower < 0.02


# --- rates ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def measured():
    parts = (measure.attraction, measure.gaps, measure.violations, measure.errors)  # the others: the slow test below
    return [one for key, part in zip(measure.keys(3), parts, strict=False) for one in part(key, SMALL)]


def test_no_rate_differs_and_the_short_horizon_is_gated(measured):
    text = {one.what: one.verdict for one in measured}
    assert "differs" not in text.values(), text
    assert text["E[Q], horizon too short"] == "gated"
    judged = {what for what, verdict in text.items() if verdict == "agrees"}
    assert {"violation", "Q_{T+1} / T", "error, noisy, q = 1/2", "cost gap, V = sqrt(T)"} <= judged
    assert any(what.startswith("E[Q]") for what in judged) and any(what.startswith("s.d.") for what in judged)


def test_rates_become_rows_of_the_verdict_table(measured):
    """Those of T6 among them: they hold, the short horizon is not judged, and a wrong prediction is violated."""
    rows = {(row.statement, row.case.split(", slope")[0]): row for row in rates.rows(measured, sweeps())}
    assert rows["T6 rate", "E[Q], one type (kink)"].verdict == "holds"
    assert rows["T6 rate", "E[Q], horizon too short"].verdict == "not applicable"
    assert "violated" not in {row.verdict for row in rows.values()}
    kink = next(one for one in measured if one.what.startswith("s.d. of Q"))
    wrong = slope.row(kink._replace(predicted=0.5))
    assert wrong.p_violated_asymptotic < 1e-6 and wrong.margin_upper < 0
    (bound,), (loss,) = ([row for key, row in rows.items() if key[1].startswith(what)] for what in ("T2, p", "loss, p"))
    assert (
        bound.bound == pytest.approx(1 / 3) and bound.verdict != "not applicable" and loss.verdict == "not applicable"
    )
    far = exponent.row(sweeps()[0]._replace(a_min=0.9, a_lower=0.89, a_upper=0.91))
    assert far.p_violated_asymptotic < 1e-6


def test_without_the_gate_the_short_horizon_would_have_misled(measured):
    (short,) = [one for one in measured if one.what == "E[Q], horizon too short"]
    assert slope.verdict(short.slope_lower, short.slope_upper, short.predicted) == "differs"


def test_noisy_errors_are_known_exactly(measured):
    for name, q in (("noisy, q = 1/3", 1 / 3), ("noisy, q = 1/2", 1 / 2)):
        (one,) = [each for each in measured if each.what == f"error, {name}"]
        np.testing.assert_allclose(one.y, 0.3 * one.x**-q, rtol=2e-4)


def test_a_wrong_prediction_is_found_out(measured):
    """The spread at a kink against sqrt(V), the smooth one against a constant: each is not the other's rate."""
    kink, smooth = (one for one in measured if one.what.startswith("s.d. of Q"))
    assert slope.verdict(kink.slope_lower, kink.slope_upper, 0.5, kink.gate) == "differs"
    assert slope.verdict(smooth.slope_lower, smooth.slope_upper, 0.0, smooth.gate) == "differs"


# --- T8 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("q", [1 / 3, 1 / 2])
def test_balanced_puts_the_least_of_the_model_at_a_star(q):
    """Summed term by term here, by quadrature there."""
    T = 5_000
    c = exponent.balanced(q, 1.0, 0.3, 4.0, 0.7, T)
    t, a = np.arange(1, T + 1), np.linspace(0.1, 0.6, 101)
    p = theory.exploration_probability(t=t, c=c, a=a[:, None])
    seen = np.cumsum(p, 1) - p
    loss = (0.7 * p + 4.0 * (1 - p) * 0.3 * (1 + seen) ** -q).mean(1)
    assert a[np.argmin(loss)] == pytest.approx(theory.T8_exponent(q=q), abs=0.02)


def test_the_least_of_a_curve_is_found_with_an_interval():
    a = np.arange(0.1, 0.61, 0.1)
    noise = np.random.default_rng(1).normal(size=(len(a), 400))
    least, lower, upper = exponent.lowest(a, np.exp(2 * (a[:, None] - 0.34) ** 2) + 0.02 * noise)
    assert lower <= 0.34 <= upper and lower < least < upper and upper - lower < 0.1


def test_T2_is_least_at_a_star_and_the_smooth_loss_is_not(measured):
    learning = {one.what.removeprefix("error, "): one for one in measured}
    e = np.array(measure.ERRORS)
    cost = slope.fit("T8", "loss by errors", "e", e, np.repeat(1.7 * e[:, None] ** 2, 2, 1), 2.0)  # sets c, no more
    a, key = np.arange(0.1, 0.701, 0.1), jax.random.key(9)
    plans = exponent.plans(learning)
    (bound,) = [plan for plan in plans if plan.what == "T2" and plan.name == "noisy, q = 1/2"]
    one = exponent._sweep(key, bound, cost, a, 24_000, 32)
    assert one.gate >= slope.GATE and one.a_star == pytest.approx(1 / 3, abs=1e-3)
    assert abs(one.a_min - one.a_star) < 0.05  # a factor 2.1 of the constants at this T
    np.testing.assert_allclose(one.y, one.exploration + one.prediction)
    (loss,) = [plan for plan in plans if plan.world.margin == 1.0 and plan.name == "noisy, q = 1/2"]
    other = exponent._sweep(key, loss, cost, a, 24_000, 32)
    assert other.verdict == "outside" and other.a_lower > other.a_star + 0.1


# --- what is shown --------------------------------------------------------------------------------------------


def sweeps() -> list[rates.Sweep]:
    a = np.array([0.1, 0.3, 0.5])
    numbers = {"q": 0.5, "q_lower": 0.5, "q_upper": 0.5, "c": 0.3, "T": 1_000, "streams": 8, "gate": 30.0, "a": a,
               "y": 2 + a, "lower": 1.9 + a, "upper": 2.1 + a, "exploration": a, "prediction": 0 * a + 2, "a_min": 0.3,
               "a_lower": 0.2, "a_upper": 0.4, "a_star": 1 / 3, "verdict": "inside",
               "off": 1.5, "seconds": 0.0}  # fmt: skip
    return [
        rates.Sweep(predictor="p", world="w", what=what, power=power, a_power=0.5, **numbers)
        for what, power in (("T2", 1.0), ("loss", 2.0))
    ]


def test_tables_print_gate_and_verdict(measured, capsys):
    Console(width=220, highlight=False).print(rates.table(measured))
    Console(width=220, highlight=False).print(rates.exponent_table(sweeps()))
    shown = capsys.readouterr().out
    for one in measured:
        assert one.what in shown
    assert "1.0, too short" in shown and "gated" in shown and "no queue" in shown and "inside" in shown


def test_figures_are_drawn_with_every_rate(measured):
    drawn = rates.figure(measured), rates.t6_figure(measured), rates.t8_figure(sweeps(), measured)
    assert all(isinstance(one, Figure) for one in drawn)
    labels = "".join(
        text.get_text() for one in drawn for axis in one.axes if axis.get_legend() for text in axis.get_legend().texts
    )
    for one in measured:
        assert draw._short(one.what) in labels
    assert len(drawn[2].axes) == 2  # unused panels are gone


def test_bad_options_are_one_line(capsys):
    assert program.main(["rates", "--seed", "-1"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.slow
def test_the_program_writes_its_figures(tmp_path, capsys):
    assert program.main(["rates", "--quick", "--out", str(tmp_path)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        f"proof_{name}.{kind}" for name in ("rates", "t6", "t8") for kind in ("png", "svg")
    )
    shown = capsys.readouterr().out
    assert "differs" not in shown and shown.count("agrees") >= 15 and shown.count("inside") >= 3


def test_a_queue_that_moves_on_a_lattice_is_averaged_over_all_its_phases():
    """F5: of Q_t with period 10, 40 checkpoints of 80,003 see three phases; the mean of the second half sees all."""
    phases, T = np.array([0.76, 0.91, 0.89, 0.82, 0.73, 0.84, 0.80, 0.72, 0.86, 0.84]) * 5.0, 80_003
    Q = phases[np.arange(1, T + 1) % 10]

    def curves(checkpoints):
        t = np.arange(1, checkpoints + 1) * T // checkpoints
        values = {"queue_last_curve": Q[t - 1], "queue_mean_curve": (np.cumsum(Q) / np.arange(1, T + 1))[t - 1]}
        data = {name: (("V", "stream", "t"), curve[None, None]) for name, curve in values.items()}
        return xr.Dataset(data, coords={"t": t})

    mean, square = measure.second_half(curves(measure.PHASES))
    assert mean == pytest.approx(phases.mean(), rel=1e-4) and square == pytest.approx(phases.var(), rel=0.02)
    few = curves(40)["queue_last_curve"].values[..., 20:]
    assert abs(few.mean() - phases.mean()) > 0.2 and few.var() < 0.1 * phases.var()
