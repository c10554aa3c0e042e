"""`messjax.deploy`: the exported router decides as the simulated policy did, request by request, with NumPy alone."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import threading
import time
import types
import typing
from pathlib import Path

import numpy as np
import pytest

from messjax import features
from messjax.deploy import Router, heads
from messjax.deploy.coins import coin
from messjax.evaluation.recommendation import candidates, decision, export, kinds, runs
from messjax.evaluation.recommendation import requests as requests_
from messjax.evaluation.recommendation.requests import Parts, Requests
from sims.common import worlds

SEED = 5


def parts_of(num: int = 900, seed: int = 0) -> Parts:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(num, 6)).astype(np.float32) / np.float32(2.5)
    logit = np.array([0.2, 0.9, 1.9]) + 3.0 * x[:, :1] * np.array([1.2, 1.0, 0.4])
    s = (rng.random(logit.shape) < 1.0 / (1.0 + np.exp(-logit))).astype(np.float64)
    cost = np.array([1.0, 5.0, 25.0]) * rng.uniform(0.5, 1.5, size=(num, 1))
    return requests_.split(Requests(x, s, cost, np.full(num, "all"), np.arange(num)), 1)


def replay(router: Router, judging: Requests, rows: np.ndarray) -> tuple[np.ndarray, list[float]]:
    served, seconds = [], []
    for row in rows:
        began = time.perf_counter()
        made = router.route(costs=judging.cost[row], features=judging.features[row])
        seconds.append(time.perf_counter() - began)
        served.append(made.number)
        outcome = dict(zip(router.models, judging.satisfaction[row], strict=True))
        router.feedback(made.id, outcome if made.explore else judging.satisfaction[row, made.number])
    return np.array(served), seconds


def rule_of(family, g: int, parts: Parts, models: tuple[str, ...]) -> tuple[dict, dict]:
    rule, arrays = export.rule_of(family, g, models, parts.judging.cost.mean(axis=0), SEED)
    d = parts.judging.features.shape[1]
    return rule, arrays | {"centre": np.zeros(d), "components": np.eye(d)}


def check_decisions(parts: Parts, models: tuple[str, ...], alpha: float, kinds: tuple[str, ...]) -> None:
    num = len(parts.judging.rows)
    rows = requests_.orders(num, num, 1, np.random.default_rng(2))
    for family in candidates.families(parts, models, alpha, num, kinds):
        g = len(family.settings) // 2
        simulated = family.play(g, parts.judging, rows, SEED).served[0]
        rule, arrays = rule_of(family, g, parts, models)
        made, seconds = replay(Router(json.loads(json.dumps(rule)), arrays), parts.judging, rows[0])
        print(f"{family.name}: {1e6 * np.quantile(seconds, 0.1):.0f} to {1e6 * np.median(seconds):.0f} microseconds")
        assert np.array_equal(made, simulated), (family.name, int((made != simulated).sum()))


NUMPY_ONLY = (kinds.SINGLE, kinds.MIXTURE, kinds.THRESHOLD, kinds.KNN, kinds.OFFLINE)


def test_an_exported_policy_decides_as_the_simulated_one():
    check_decisions(parts_of(), ("a", "b", "c"), 0.72, (*NUMPY_ONLY, kinds.SERVED))


@pytest.mark.long
def test_every_other_exported_policy_decides_as_the_simulated_one():
    check_decisions(parts_of(), ("a", "b", "c"), 0.72, (kinds.PLAIN, kinds.TRAINED))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["MMLU", "RouterArena", "AlpacaEval"])
def test_decisions_are_equal_on_recorded_traces(name):
    trace, alpha = worlds.trace(name), worlds._RECORDED[name][-1]
    if trace is None:
        pytest.skip("no recorded traces")
    x = features.hashed_ngrams(trace.prompts, dim=256)
    every = Requests(x, trace.satisfaction, trace.cost, np.array(list(trace.groups)), np.arange(len(x)))
    parts = requests_.split(every, 7)
    projection = requests_.project(parts.training.features)
    parts = Parts(*(part._replace(features=projection(part.features)) for part in parts))
    check_decisions(parts, trace.models, alpha, kinds.NAMES)


def test_coins_are_those_of_the_engine():
    rule, _ = export.rule_of(candidates._single(0, "a", 2), 0, ("a", "b"), np.ones(2), SEED, stream=3)
    expected = runs.coins(SEED, 4, 50)[3]
    assert [np.float32(coin(rule["key"], t)) for t in range(1, 51)] == expected.tolist()


@pytest.fixture
def folder(tmp_path):
    """An exported policy that learns from what it serves."""
    return exported_as(kinds.SERVED, tmp_path)


def exported_as(kind: str, where: Path) -> Path:
    parts = parts_of(200)
    family = candidates.families(parts, ("a", "b", "c"), 0.72, 100, (kind,))[0]
    g = int(np.argmax([each.get("c", 0.0) for each in family.settings]))
    export.write_files(*rule_of(family, g, parts, ("a", "b", "c")), where / "router")
    return where / "router"


def test_a_recommendation_is_exported_with_its_evidence_and_loads_without_jax(tmp_path):
    wanted = (kinds.MIXTURE, kinds.OFFLINE)
    projection = requests_.Projection(np.zeros(6), np.eye(6))
    result = decision.recommend(
        parts_of(2_000), ("a", "b", "c"), alpha=0.72, cost_unit="USD", wanted=wanted, tolerance=0.03
    )
    export.write(result, projection, tmp_path, SEED)
    rule = json.loads((tmp_path / "router.json").read_text())
    assert rule["evidence"]["text"].startswith("Use offline router")
    assert rule["versions"]["version_numpy"] == np.__version__
    code = (
        "import sys; from messjax.deploy import Router; "
        f"router = Router.load({str(tmp_path)!r}); made = router.route('What is 2 + 2?'); "
        "router.feedback(made.id, 1.0); "
        "print(sorted(sys.modules.keys() & {'jax', 'scipy', 'xarray', 'matplotlib', 'pyarrow', 'rich'}))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_state_is_kept_and_restored(folder):
    first, x = Router.load(folder), np.random.default_rng(0).normal(size=(60, 6)).astype(np.float32)
    for row in x[:30]:
        first.feedback(first.route(features=row).id, 0.0)
    path = first.save()
    assert path.name == "state.npz" and not list(folder.glob("*.part"))
    second = Router.load(folder)
    path.unlink()
    assert second.queue == first.queue > 0
    for row in x[30:]:
        one, other = first.route(features=row), second.route(features=row)
        assert one == other
        for router, made in ((first, one), (second, other)):
            router.feedback(made.id, 1.0)


def test_threads_lose_no_feedback(folder):
    router = Router.load(folder)
    start = router.queue
    alpha = router.rule["alpha"]

    def work() -> None:
        for _ in range(200):
            router.feedback(router.route(features=np.zeros(6, np.float32)).id, 0.0)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert router.queue == pytest.approx(start + 800 * alpha, abs=1e-9)
    assert router.route(features=np.zeros(6, np.float32)).id == 801


def test_bad_input_is_refused(folder, tmp_path):
    router = Router.load(folder)
    made = router.route(features=np.zeros(6, np.float32))
    with pytest.raises(ValueError, match=r"numbers in \[0, 1\]"):
        router.feedback(made.id, 1.5)
    router.feedback(made.id, 1.0)
    with pytest.raises(ValueError, match="found no request 1 that waits"):
        router.feedback(made.id, 1.0)
    with pytest.raises(ValueError, match="expected 3 finite numbers"):
        router.route("text", [1.0, 2.0], features=np.zeros(6))
    with pytest.raises(ValueError, match=r"found no router\.json"):
        Router.load(tmp_path)


def test_neighbours_are_the_nearest_and_of_equally_near_ones_the_earlier():
    rng = np.random.default_rng(0)
    known = rng.integers(0, 3, size=(200, 2)).astype(np.float32)  # many ties
    satisfaction = rng.uniform(size=(200, 3))
    head = heads.Neighbours(known, satisfaction, 17)
    for x in rng.integers(0, 3, size=(30, 2)).astype(np.float32):
        nearest = np.argsort(((known - x) ** 2).sum(axis=1), kind="stable")[:17]
        np.testing.assert_allclose(head.predict(x), satisfaction[nearest].mean(axis=0), rtol=1e-12)


@pytest.mark.parametrize("kind", [kinds.SERVED, kinds.PLAIN])
def test_the_fastapi_example_runs(kind, tmp_path, monkeypatch):
    """The page's own code, with a stand-in for FastAPI that keeps the handlers by path; PLAIN explores request 1."""
    page = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text(encoding="utf-8")
    code = next(code for code in re.findall(r"^```py\n(.*?)^```", page, re.S | re.M) if "FastAPI" in code)
    handlers = {}

    class FastAPI:
        def __init__(self, lifespan):
            handlers["lifespan"] = lifespan(self)

        def post(self, path):
            return lambda handler: handlers.setdefault(path, handler)

    async def a_day():
        async with handlers["lifespan"]:
            made = json.loads(json.dumps(handlers["/route"](prompt="What is 2 + 2?")))
            assert made["id"] == 1 and made["model"] in made["ask"]
            assert made["ask"] == (["a", "b", "c"] if kind == kinds.PLAIN else [made["model"]])
            scores = dict.fromkeys(made["ask"], 0.0)
            type_ = typing.get_type_hints(handlers["/feedback/{id}"])["satisfied"]
            given = scores if len(scores) > 1 else 0.0
            assert isinstance(given, (float, typing.get_origin(typing.get_args(type_)[1])))
            handlers["/feedback/{id}"](id=1, satisfied=given)
            with pytest.raises(ValueError, match="found no request 1"):
                handlers["/feedback/{id}"](id=1, satisfied=given)

    exported_as(kind, tmp_path)
    monkeypatch.setitem(sys.modules, "fastapi", types.SimpleNamespace(FastAPI=FastAPI))
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "example", "exec"), {"__name__": "example"})
    asyncio.run(a_day())
    assert Router.load("router").queue > 0 and (tmp_path / "router" / "state.npz").is_file()


def test_a_decision_is_quick(folder):
    router, x = Router.load(folder), np.zeros(6, np.float32)
    seconds = []
    for _ in range(300):
        began = time.perf_counter()
        router.route(features=x)
        seconds.append(time.perf_counter() - began)
    assert np.quantile(seconds, 0.1) < 100e-6  # what it takes where nothing else runs: docs/deploy.md
