"""sims/regret_vs_v: what it writes, its gate, and that its table shows the run's own numbers."""

from pathlib import Path

import pytest

from messjax import results, verdicts
from sims import regret_vs_v


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out")
    assert regret_vs_v.main(["--quick", "--out", str(out)]) == 0
    return out


def test_writes_figure_and_data(run: Path) -> None:
    for suffix in ("png", "svg", "nc"):
        assert (run / f"regret_vs_v.{suffix}").stat().st_size > 10_000


def test_no_bound_is_violated_and_the_oracle_is_always_judged(run: Path) -> None:
    dataset = results.load(run / "regret_vs_v.nc")
    assert "violated" not in dataset["verdict"].values
    assert (dataset["verdict"].sel(policy="oracle") == "holds").all()
    assert dataset.sizes["stream"] >= 1000


def test_table_shows_the_dataset(run: Path) -> None:
    dataset = results.load(run / "regret_vs_v.nc")
    table = regret_vs_v.table(dataset)
    rows = list(zip(*(column.cells for column in table.columns), strict=True))
    assert len(rows) == dataset["verdict"].size
    at = dataset.sel(policy="oracle", statement="T2 cost gap", V=3.0)
    cells = next(row for row in rows if row[:3] == ("oracle", "T2 cost gap", "3"))
    assert float(cells[3]) == pytest.approx(float(dataset["cost_gap"].sel(policy="oracle", V=3.0).mean()), rel=1e-3)
    assert float(str(cells[5]).removeprefix("<= ")) == pytest.approx(float(at["bound"]), rel=1e-3)


def test_full_setting_is_what_the_claim_needs() -> None:
    setting = regret_vs_v.FULL
    assert setting.num_streams >= 1000
    assert max(setting.V) / min(setting.V) >= 100


def test_the_gate_names_the_ratio(run: Path) -> None:
    dataset = results.load(run / "regret_vs_v.nc")
    ratio = dataset.attrs["horizon"] / float(dataset["V"].max() * dataset["gamma"])
    assert ratio > 20
    lines = regret_vs_v.gate(dataset)
    assert f"ratio {ratio:.0f}" in lines[0]
    assert len(lines) == 1 + dataset.sizes["policy"]


def test_judge_refuses_what_the_statements_are_not_about(run: Path) -> None:
    dataset = results.load(run / "regret_vs_v.nc").drop_dims(["statement", "term"])
    llama = regret_vs_v.zoo.get("llama3")
    law = regret_vs_v.streams.graded(llama.mean_cost(), llama.mean_accuracy())
    verdicts.judge(dataset, law)
    with pytest.raises(ValueError, match="another law"):
        verdicts.judge(dataset, law._replace(cost=law.cost / 100))
    dataset.attrs["policy"] = dataset.attrs["policy"].replace("mess_plus.choose", "greedy.choose")
    with pytest.raises(ValueError, match="about MESS"):
        verdicts.judge(dataset, law)
