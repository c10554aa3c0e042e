"""sims/regret_vs_v: what it writes, its gate, that its table shows the run's own numbers; the parts of sims/speed."""

from pathlib import Path

import jax
import jax.numpy as jnp
import pytest
import xarray as xr

from messjax import theory
from sims.common import study as common_study
from sims.studies import regret_vs_v
from sims.studies.speed import findings, machine, runs, study


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out")
    assert regret_vs_v.main(["--quick", "--out", str(out)]) == 0
    return out


@pytest.mark.long
def test_writes_figure_and_data(run: Path) -> None:
    for suffix in ("png", "svg", "nc"):
        assert (run / f"regret_vs_v.{suffix}").stat().st_size > 10_000


@pytest.mark.long
def test_no_bound_is_violated_and_the_oracle_is_always_judged(run: Path) -> None:
    dataset = common_study.load_worlds(run / "regret_vs_v.nc")["llama3"]
    assert "violated" not in dataset["verdict"].values
    assert (dataset["verdict"].sel(policy="oracle") == "holds").all()
    assert dataset.sizes["stream"] >= 1000


@pytest.mark.long
def test_table_shows_the_dataset(run: Path) -> None:
    dataset = common_study.load_worlds(run / "regret_vs_v.nc")["llama3"]
    table = regret_vs_v.table(dataset)
    rows = list(zip(*(column.cells for column in table.columns), strict=True))
    assert len(rows) == dataset["verdict"].sel(statement=[each.name for each in theory.OF_A_SWEEP]).size
    loose = regret_vs_v.looseness_tables(dataset)[0]
    cells = {column.header: list(column.cells) for column in loose.columns}
    wanted = float(dataset["looseness"].sel(policy="oracle", statement="T2'", V=3.0))
    assert float(cells["T2'"][1]) == pytest.approx(wanted, rel=5e-3) and cells["T2"][1] > cells["T2'"][1]
    at = dataset.sel(policy="oracle", statement="T2 cost gap", V=3.0)
    cells = next(row for row in rows if row[:3] == ("oracle", "T2 cost gap", "3"))
    assert float(cells[3]) == pytest.approx(float(dataset["cost_gap"].sel(policy="oracle", V=3.0).mean()), rel=1e-3)
    assert float(str(cells[5]).removeprefix("<= ")) == pytest.approx(float(at["bound"]), rel=1e-3)


def test_full_setting_is_what_the_claim_needs() -> None:
    setting = regret_vs_v.FULL
    assert setting.num_streams >= 1000
    assert max(setting.V) / min(setting.V) >= 100


@pytest.mark.long
def test_the_gate_names_the_ratio(run: Path) -> None:
    dataset = common_study.load_worlds(run / "regret_vs_v.nc")["llama3"]
    ratio = dataset.attrs["horizon"] / float(dataset["V"].max() * dataset["gamma"])
    assert ratio > 20
    lines = regret_vs_v.gate(dataset)
    assert f"ratio {ratio:.0f}" in lines[0]
    assert len(lines) == 1 + dataset.sizes["policy"]


@pytest.mark.long
def test_judge_refuses_what_the_statements_are_not_about(run: Path) -> None:
    dataset = common_study.load_worlds(run / "regret_vs_v.nc")["llama3"].drop_dims(["statement", "term"])
    llama = regret_vs_v.zoo.get("llama3")
    distribution = regret_vs_v.streams.graded(llama.mean_cost(), llama.mean_accuracy())
    theory.judge(dataset, distribution)
    with pytest.raises(ValueError, match="another law"):
        theory.judge(dataset, distribution._replace(cost=distribution.cost / 100))


# --- speed: its arithmetic and its finding; what it measures is run by .ci/run --------------------------------------


def speeds(rates: dict[tuple[str, str], float], quick: bool = False) -> xr.Dataset:
    tasks = [runs.Task(workload, who) for workload, who in rates]
    measured = [runs.Measured(rate, 1.0, 2.0, 0.5, 0.7, 1.2) for rate in rates.values()]
    command = f"python -m sims speed{' --quick' if quick else ''}"
    return study.dataset(tasks, measured).assign_attrs(config=command)


def test_every_ratio_is_compared_with_its_target() -> None:
    rates = {("W1", "messjax"): 1000.0, ("W1", "Python loop"): 0.4, ("W1", "plain JAX"): 100.0, ("W1", "C++"): 3000.0}
    result = speeds(rates | {("W2 x 12", "messjax"): 50.0, ("W2", "Python loop"): 0.01})
    (one,) = findings.conclude(result)
    rows = {row[:2]: row[2:] for row in one.table.rows}
    assert rows["W1", "Python loop"] == ("2,500", "2000", "reached")
    assert rows["W1", "plain JAX"] == ("10", "15", "not reached") and rows["W1", "C++"] == ("0.33", "0.25", "reached")
    assert rows["W1", "Numba"] == ("(not measured)", "2", "not measured")
    assert rows["W2 x 12", "Python loop"][0] == "5,000"  # against the loop that serves one point of the grid
    assert len(rows) == len(findings.TARGETS) and one.verdict == "partly" and one.numbers[2].text() == "3 of 4"
    assert findings.conclude(speeds(rates, quick=True))[0].verdict == "undecided"


def test_a_small_measurement_of_ours_and_of_a_loop() -> None:
    ours = runs.run(runs.Task("W1", "messjax", 8, 40))
    loop = runs.run(runs.Task("W1", "Python loop", 2, 40))
    assert ours is not None and loop is not None
    assert ours.decisions == 320 and loop.decisions == 80
    assert 0 < ours.seconds < ours.first and 0 < ours.satisfaction < 1 and 1 < ours.cost < 7


def test_operations_are_counted_through_loops() -> None:
    def program(x: jax.Array, rounds: jax.Array | int) -> jax.Array:
        x = jax.lax.fori_loop(
            0, rounds, lambda i, y: y * 2.0 + 1.0, x
        )  # two operations on each of 8 numbers, and i + 1
        return jnp.dot(x, x)

    known = machine.count(jax.make_jaxpr(lambda x: program(x, 5))(jnp.ones(8)).jaxpr, ())
    assert known.operations == 5 * (2 * 8 + 1) + 2 * 8
    label = machine.count(jax.make_jaxpr(program)(jnp.ones(8), 5).jaxpr, (10.0,))
    assert label.operations == 10 * (2 * 8 + 1) + 2 * 8
