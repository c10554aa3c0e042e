"""Prices: cached and reasoning tokens, the lists of LiteLLM and OpenRouter, a CSV whose prices change."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from messjax import traces
from messjax.traces.costs import make_costs

TABLE = "q,i,m,s,in,cached,out,reasoning,at\n" + "".join(
    f"x{n},{n},{m},1,100,{c},50,{r},2026-0{n + 1}-01T00:00:00Z\n"
    for n in range(2)
    for m, c, r in (("a", 40, 20), ("b", "", ""))
)
COLUMNS = (
    "prompt=q,id=i,model=m,score=s,input_tokens=in,cached_tokens=cached,output_tokens=out,reasoning_tokens=reasoning"
)


def recording(folder: Path, columns: str = COLUMNS, table: str = TABLE) -> traces.Recording:
    (folder / "t.csv").write_text(table)
    return traces.read(folder / "t.csv", "plain", traces.Options(columns=traces.parse_columns(columns)))


def costs(recording: traces.Recording, given: str) -> np.ndarray:
    return make_costs(recording, traces.parse_rule("tokens", given, "", "", recording))[0] * 1e6


@pytest.mark.parametrize(
    ("price", "expected"),
    [("2", 300), ("1/3", 250), ("1/.5/3", 60 + 20 + 150), ("1/.5/3/10", 60 + 20 + 90 + 200)],
)
def test_one_to_four_numbers(price, expected, tmp_path):
    np.testing.assert_allclose(costs(recording(tmp_path), f"a={price},b=0")[:, 0], expected)


def test_more_cached_than_input_is_refused(tmp_path):
    with pytest.raises(ValueError, match="row 2: model 'a' has 140 cached tokens of 100 input tokens"):
        costs(recording(tmp_path, table=TABLE.replace(",40,", ",140,")), "a=1,b=1")


def test_lists_of_publishers(tmp_path):
    litellm = {
        "sample_spec": {"mode": "chat"},
        "a": {"input_cost_per_token": 1e-6, "output_cost_per_token": 3e-6, "cache_read_input_token_cost": 5e-7},
        "b": {"input_cost_per_token": 0, "output_cost_per_token": 1e-6},
        "other": {"input_cost_per_token": 1, "output_cost_per_token": 1},
    }
    openrouter = {
        "data": [
            {"id": "a", "pricing": {"prompt": "0.000001", "completion": "0.000003", "internal_reasoning": "0.00001"}},
            {"id": "b", "pricing": {"prompt": "0", "completion": "0.000001"}},
            {"id": "auto", "pricing": {"prompt": "-1", "completion": "-1"}},
        ]
    }
    for content, first in ((litellm, 60 + 20 + 150), (openrouter, 100 + 90 + 200)):
        path = tmp_path / "prices.json"
        path.write_text(json.dumps(content))
        np.testing.assert_allclose(costs(recording(tmp_path), str(path)), [[first, 50]] * 2)
    path.write_text('{"a": {"price": 1}}')
    with pytest.raises(ValueError, match=r"found records of 'price', expected .*input_cost_per_token \(LiteLLM\)"):
        costs(recording(tmp_path), str(path))


def test_prices_that_change(tmp_path):
    path = tmp_path / "prices.csv"
    path.write_text("model,input,output,from\na,1,3,2025-01-01\na,2,6,2026-01-15\nb,1,1,\n")
    dated = recording(tmp_path, f"{COLUMNS},time=at")
    np.testing.assert_allclose(costs(dated, str(path)), [[250, 150], [500, 150]])
    with pytest.raises(ValueError, match="prices change in time: give the column of time"):
        costs(recording(tmp_path), str(path))
    path.write_text("model,input,output,from\na,1,3,2026-01-15\nb,1,1,\n")
    with pytest.raises(ValueError, match="row 2: 'a' has no price yet"):
        costs(dated, str(path))
    path.write_text("model,input\na,1\n")
    with pytest.raises(ValueError, match="found columns 'model', 'input', expected one named 'output'"):
        costs(dated, str(path))


def test_latency_as_cost(tmp_path):
    table = "q,i,m,s,t\nx,0,a,1,2.5\nx,0,b,0,1\ny,1,a,1,400\ny,1,b,1,1\n"
    seen = recording(tmp_path, "prompt=q,id=i,model=m,score=s,latency=t", table)
    trace = traces.prepare(seen, traces.CostRule("latency"))
    assert (trace.models, trace.cost_unit) == (("b", "a"), "s")
    assert trace.cost.tolist() == [[1, 2.5], [1, 400]]
    assert trace.paid == "largest" and any("takes the largest of their latencies" in note for note in trace.notes)
    in_turn = traces.prepare(seen, traces.CostRule("latency-in-turn"))
    assert in_turn.paid == "sum" and any("takes the sum of their latencies" in note for note in in_turn.notes)
    assert in_turn.cost.tolist() == trace.cost.tolist()
    constant = traces.CostRule("constant", {"a": (1.0,), "b": (2.0,)})
    assert traces.prepare(seen, constant).paid == "sum"
    (found,) = [each for each in traces.lint(seen) if each.check == "long latencies"]
    assert found.message == "up to 400 s: are they seconds? a 1"
