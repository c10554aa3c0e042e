"""The page of a folder: complete, one file without a request, hostile names as text, and alive in a browser."""

from __future__ import annotations

import base64
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from messjax import report, results
from messjax.cli import __main__ as cli
from messjax.report import answers, collected, program

pytest.importorskip("altair")
pytest.importorskip("vl_convert")
HOSTILE = ["<script>alert(1)</script>", "[bold]", "a\x1b[31mb", "</script><b>", "'\"&"]
VERDICTS = ["holds", "violated", "undecided"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Runs of five policies on two V and two alpha, verdicts, terms, a recommendation and a figure."""
    where = tmp_path_factory.mktemp("results")
    rng = np.random.default_rng(0)
    shape = (5, 2, 2, 3)
    data = {name: (("policy", "V", "alpha", "stream"), rng.random(shape))
            for name in ("cost", "cost_exploit", "satisfaction", "queue_last")}  # fmt: skip
    data["optimal_cost"], data["gamma"] = ("alpha", [0.1, 0.2]), ("alpha", [2.0, 3.0])
    coords = {"policy": HOSTILE, "V": [1.0, 10.0], "alpha": [0.6, 0.7], "c": 0.1}
    results.save(xr.Dataset(data, coords=coords, attrs={"cost_unit": "<USD>"}), where / "simulate.nc")
    rows = [
        {"statement": f"T{n}", "case": HOSTILE[n % 5], "V": 1.0 + n, "measured": float(n), "measured_lower": n - 1.0}
        | {"measured_upper": None, "bound": 10.0, "verdict": VERDICTS[n % 3], "reason": ""}
        for n in range(9)
    ]
    (where / "verdicts.json").write_text(json.dumps({"rows": rows}), encoding="utf-8")
    said = {"text": "Use <b>this</b>", "reasons": ["because"], "candidates": [{"candidate": "</td>", "cost": 1.0}]}
    (where / "recommendation.json").write_text(json.dumps(said), encoding="utf-8")
    run = {"command": "messjax simulate --zoo '<x>'", "finished": True, "code": {"jax": "1"}}
    (where / "simulate.run.json").write_text(json.dumps(run), encoding="utf-8")
    (where / "small.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>", encoding="utf-8")
    (where / "big.svg").write_text(f"<svg>{'x' * 4_000_000}</svg>", encoding="utf-8")
    (where / "bad.json").write_text("{", encoding="utf-8")
    terms = xr.Dataset(
        {"cost_gap_terms": (("V", "limit", "term"), np.ones((2, 3, 2)))},
        coords={"V": [1.0, 10.0], "limit": ["mean", "lower", "upper"], "term": ["noise", "exploration"]},
    )
    results.save(terms, where / "terms.nc")
    report.write_report(where)
    return where


class Elements(HTMLParser):
    """The tags of a page with their attributes, and its visible text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.tags and self.tags[-1][0] not in ("script", "style"):
            self.texts.append(data)


def parsed(folder: Path) -> Elements:
    page = Elements()
    page.feed((folder / "report.html").read_text(encoding="utf-8"))
    return page


def test_the_page_is_one_small_file_that_asks_for_nothing(folder):
    page, found = (folder / "report.html"), parsed(folder)
    assert 900_000 < page.stat().st_size <= 3_000_000
    links = [each[name] for _, each in found.tags for name in ("src", "href") if each.get(name)]
    assert links and all(link.startswith("data:") for link in links)
    policy = next(each["content"] for tag, each in found.tags if each.get("http-equiv"))
    assert "default-src 'none'" in policy and "http" not in policy
    assert "big" in "".join(found.texts) and len([tag for tag, _ in found.tags if tag == "img"]) == 1


def test_hostile_names_are_text(folder):
    found = parsed(folder)
    tags = [tag for tag, _ in found.tags]
    assert tags.count("script") == 3 and tags.count("b") == 0
    text = "".join(found.texts)
    assert "<script>alert(1)</script>" in text and r"a\x1b[31mb" in text and "Use <b>this</b>" in text
    specs = re.search(r"id='specs'>(.*?)</script>", (folder / "report.html").read_text(encoding="utf-8"), re.S)
    assert set(json.loads(specs[1])) == {
        *("cost", "satisfaction", "queue", "trade_off", "ledgers", "decomposition", "bounds", "matrix"),
    }


def test_words_come_first_and_every_record_is_a_row(folder):
    page = (folder / "report.html").read_text(encoding="utf-8")
    places = [page.index(f"id='{name}'") for name in ("words", "runs", "controls", "points", "verdicts", "figures")]
    assert places == sorted(places)
    found = collected.collect(folder)
    assert (len(found.points), len(found.verdicts), len(found.terms)) == (5 * 2 * 2, 9, 4)
    assert page.count("<tr data-") == 29 and "bad.json" in page
    first = found.points[0]
    cost = results.load(folder / "simulate.nc")["cost"]
    assert first["cost"] == pytest.approx(float(cost[0, 0, 0].mean())) and first["V_gamma"] == 2.0
    assert first["cost_lower"] < first["cost"] < first["cost_upper"]


def test_an_empty_folder_and_missing_packages_are_one_line(tmp_path, capsys, monkeypatch):
    assert cli.main(["report", str(tmp_path)]) == 2
    assert "found no results" in capsys.readouterr().err
    assert cli.main(["report", str(tmp_path / "none")]) == 2
    assert "found no folder" in capsys.readouterr().err
    monkeypatch.setattr("messjax.report.page.find_spec", lambda name: None)
    assert cli.main(["report", str(tmp_path)]) == 2
    assert "messjax[report]" in capsys.readouterr().err


def test_the_command_says_where_the_page_is(tmp_path, capsys, monkeypatch):
    (tmp_path / "simulate.run.json").write_text("{}", encoding="utf-8")  # nothing to draw
    assert cli.main(["report", str(tmp_path), "--out", str(tmp_path / "page.html")]) == 0
    assert capsys.readouterr().out == f"open {(tmp_path / 'page.html').resolve()}\n"
    assert "What was run" in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_page_lives_in_a_browser(folder):
    """Sorts, filters, moves all figures with V, without an error of the console or a request."""
    browsers = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium")
    with browsers.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        asked, errors = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto((folder / "report.html").as_uri())
        page.wait_for_selector("body[data-ready]", timeout=60_000)
        rows = page.locator(".rows", has_text="All verdicts")
        rows.locator("th button", has_text="measured").first.click()
        rows.locator("th button", has_text="measured").first.click()
        assert rows.locator("tbody tr td").nth(0).inner_text() == "T8"
        rows.locator(".filter").fill("violated")
        assert rows.locator("output").inner_text() == "3 of 9 rows"
        points = page.locator(".rows", has_text="Every point")
        page.locator("#slide_V").focus()
        marks = page.locator("#figure_trade_off path[aria-roledescription=point]")
        before = marks.count()
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(300)
        assert page.locator("#chosen_V").input_value() == "1.0" and marks.count() == before // 2 == 10
        assert points.locator("output").inner_text() == "10 of 20 rows"
        with page.expect_download() as download:
            points.locator(".download").click()
        lines = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
        assert len(lines) == 11 and lines[0].startswith("policy,alpha,V")
        browser.close()
    assert errors == [] and not [url for url in asked if url.startswith("http")]


def test_figures_are_the_files(folder):
    page = (folder / "report.html").read_text(encoding="utf-8")
    code = re.search(r"src='data:image/svg\+xml;base64,([^']+)'", page)[1]
    assert base64.b64decode(code) == (folder / "small.svg").read_bytes()


def test_verdicts_of_a_sweep_are_named_by_what_was_swept(tmp_path):
    numbers = (("statement", "V"), np.array([[1.0, 2.0]]))
    data = dict.fromkeys(("measured", "measured_lower", "measured_upper", "bound"), numbers)
    data["verdict"] = (("statement", "V"), np.array([["holds", "violated"]]))
    judged = xr.Dataset(data, coords={"statement": ["T1 queue"], "V": [1.0, 5.0], "alpha": 0.7})
    results.save(judged, tmp_path / "verdicts.nc")
    results.save(judged.rename(statement="row").drop_vars("row"), tmp_path / "table.nc")  # without names: not shown
    rows = collected.collect(tmp_path).verdicts
    assert [(row["statement"], row["case"], row["V"]) for row in rows] == [("T1 queue", f"V = {V}", V) for V in (1, 5)]
    assert [row["verdict"] for row in rows] == ["holds", "violated"] and rows[1]["measured"] == 2.0


PROOFS = {
    "config": "messjax-proofs --quick",
    "scope": {"T1 <queue>": "holds on 2 cases"},
    "rows": [
        {"statement": "T1 <queue>", "case": case, "V": V, "measured": 1.0, "measured_lower": 0.5, "measured_upper": 1.5}
        | {"bound": 2.0, "looseness": 2.0, "verdict": verdict, "reason": "", "assumptions": "A1 A2"}
        for case, V, verdict in (("a", 1.0, "holds"), ("b", 5.0, "undecided"))
    ],
    "lemmas": {"lemmas": [{"lemma": "L1 step", "source": "L1", "status": "proved", "seconds": 0.1, "wrong": [
        {"name": "with equality", "refuted": True, "counterexample": "s = 1/2"}]}]},
    "matrix": {
        "surprises": ["A3 T1: fails unneeded"],
        "cells": [
            {"broken": broken, "statement": "T1 <queue>", "verdict": verdict, "needed": needed, "breaks": 2}
            for broken, verdict, needed in [
                ("A1", "violated", True), ("A3", "violated", False), ("none", "holds", 0), ("A4", "not tested", False)
            ]
        ],
    },
    "search": {"weakened": [{"statement": "T1 x .5", "instance": "i", "row": {"verdict": "violated", "bound": 1.0}}],
               "planted": [{"weakening": "I1, W", "share": 0.9, "margin": -0.1, "true_margin": 0.0}]},
}  # fmt: skip


def test_a_run_of_proofs_is_a_page_with_words_statements_matrix_lemmas_and_searches(tmp_path):
    (tmp_path / "verdicts.json").write_text(json.dumps(PROOFS), encoding="utf-8")
    found = collected.collect(tmp_path)
    lines = found.words[0][1].splitlines()
    assert lines[0].startswith("Of 1 statements tried on 2 cases, no statement is violated.")
    assert lines[1] == "z3 proved 1 of 1 lemmas and refuted 1 of 1 false ones."
    assert "3 cells tested, of which 1 were not expected: A3 T1: fails unneeded; 0 more are not app" in lines[2]
    assert lines[2].endswith("1 not tested.")
    assert lines[3] == "Searches refuted 1 of 1 weakened bounds and 1 of 1 planted falsehoods."
    outcomes = [cell["outcome"] for cell in found.cells]
    assert outcomes == ["fails, as it may: it needs the assumption", "fails, unneeded", "not refuted", "not tested"]
    tables = {each.name: each.rows for each in found.tables}
    assert tables["statements"] == [
        {"statement": "T1 <queue>", "needs": "A1 A2", "verdict": "undecided", "scope": "holds on 2 cases",
         "least bound / measured": 2.0, "cases violated": 0, "cases undecided": 1, "cases holds": 1,
         "cases not applicable": 0}
    ]  # fmt: skip
    assert set(tables) == {"statements", "lemmas", "searches for counterexamples", "planted falsehoods"}
    page = report.write_report(tmp_path).read_text(encoding="utf-8")
    order = ("id='words'", "<h2>Statements", "id='cells'", "id='verdicts'", "<h2>Lemmas")
    places = [page.index(text) for text in order]
    assert places == sorted(places) and "<queue>" not in page and "T1 &lt;queue&gt;" in page
    assert page.index("undecided</td>", page.index("All verdicts")) < page.index(
        "holds</td>", page.index("All verdicts")
    )


def test_checks_of_assumptions_and_a_matrix_alone_are_pages(tmp_path):
    check = {"assumption": "A1", "what": "drift", "statistic": 0.1, "verdict": "rejected", "detail": "large"}
    content = {"command": "messjax-proofs assumptions x", "verdicts": {"A1": "rejected"}, "checks": [check]}
    content["conclusions"] = ["Verdicts: A1 rejected."]
    (tmp_path / "assumptions.json").write_text(json.dumps(content), encoding="utf-8")
    (tmp_path / "matrix.json").write_text(json.dumps({"command": "m", "matrix": PROOFS["matrix"]}), encoding="utf-8")
    found = collected.collect(tmp_path)
    assert found.words[0][1].splitlines() == ["Rejected on this trace: A1.", "Verdicts: A1 rejected."]
    assert [run["command"] for run in found.runs] == ["messjax-proofs assumptions x", "m"]
    assert len(found.cells) == 4 and found.tables[0].rows == [check]
    assert "id='figure_assumptions'" in report.write_report(tmp_path).read_text(encoding="utf-8")


def grid(**axes: list[float]) -> xr.Dataset:
    """Costs and satisfactions of a router and two single models over a grid; of the models at no point another."""
    shape = tuple(len(each) for each in axes.values())
    number = np.linspace(0.0, 0.2, int(np.prod(shape))).reshape(*shape, 1)
    cost = np.stack([0.3 + number, np.full_like(number, 0.9), np.full_like(number, 0.1)])
    satisfaction = np.stack([0.6 + number, np.full_like(number, 0.9), np.full_like(number, 0.5)])
    dims = ("policy", *axes, "stream")
    data = {
        name: (dims, np.repeat(each, 3, axis=-1)) for name, each in (("cost", cost), ("satisfaction", satisfaction))
    }
    return xr.Dataset(data, coords={"policy": ["MESS+", "only big", "only small"], "alpha": 0.7, "f": 1.0} | axes)


def test_all_controls_of_a_grid_are_offered_and_those_with_one_value_stated(tmp_path):
    results.save(grid(V=[1.0, 10.0], a=[0.25, 0.5], c=[0.1, 1.0]), tmp_path / "replay.nc")
    found = collected.collect(tmp_path)
    assert len(found.points) == 3 * 8 and {row["a"] for row in found.points} == {0.25, 0.5}
    page = report.write_report(tmp_path).read_text(encoding="utf-8")
    assert all(f"id='chosen_{name}'" in page for name in ("V", "a", "c")) and "id='chosen_f'" not in page
    assert "everywhere: alpha = 0.7, f = 1" in page and page.count("<tr data-") == 8 + 2
    specs = json.loads(re.search(r"id='specs'>(.*?)</script>", page, re.S)[1])
    assert "chosen_a" in json.dumps(specs["cost"]["layer"] or specs["cost"])


def test_a_replay_says_in_words_what_keeps_alpha_and_costs_least(tmp_path):
    results.save(grid(V=[1.0, 10.0, 20.0]), tmp_path / "replay.nc")
    first, caution = collected.collect(tmp_path).words[0][1].splitlines()
    assert first == (
        "alpha = 0.7: of the policies whose mean satisfaction is at least alpha, MESS+ (V = 10) costs least, 0.4 cost "
        "per request at a satisfaction of 0.7000. The cheapest single model that keeps it, only big, costs 2.25 times "
        "as much."
    )
    assert "messjax recommend" in caution
    none = answers.of_points([{"policy": "only a", "alpha": 0.9, "cost": 1.0, "satisfaction": 0.5}], "USD")
    assert none[0].endswith("in this run; only a comes nearest, 1 USD per request at a satisfaction of 0.5000.")
    assert answers.of_points([{"policy": "MESS+", "alpha": 0.9, "cost": 1.0, "satisfaction": 0.5}], "USD") == []


def test_terms_of_a_cost_gap_are_told_apart_by_every_control(tmp_path):
    dims, shape = ("V", "alpha", "limit", "term"), (2, 2, 3, 2)
    coords = {
        "V": [1.0, 5.0],
        "alpha": [0.6, 0.7],
        "limit": ["mean", "lower", "upper"],
        "term": ["noise", "exploration"],
    }
    results.save(xr.Dataset({"cost_gap_terms": (dims, np.ones(shape))}, coords=coords), tmp_path / "terms.nc")
    rows = collected.terms_of(results.load(tmp_path / "terms.nc"))
    assert len({row["point"] for row in rows}) == 4 and rows[0]["point"] == "MESS+, V = 1, alpha = 0.6"
    assert rows[0]["alpha"] == 0.6 and len(rows) == 8


def test_a_bench_says_how_policies_fared_beside_the_static_mix(tmp_path):
    rows = [
        {"setting": setting, "policy": policy, "target": "alpha 0.8", "scenario": "stationary", "gain": gain}
        | {"satisfaction": 0.8, "cost": 1.0, "verdict": verdict}
        for setting, policy, gain, verdict in (
            ("tuned", "B", -0.1, "kill"), ("tuned", "A", 0.2, "keep"), ("tuned", "A", 0.0, "undecided"),
            ("default", "A", -9.0, "kill"),
        )
    ]  # fmt: skip
    (tmp_path / "bench.json").write_text(json.dumps({"records": rows}), encoding="utf-8")
    found = collected.collect(tmp_path)
    assert found.words[0][1] == (
        "Of 3 comparisons of tuned policies with the static mix of two models that costs as much, 1 say keep (more "
        "satisfaction, targets kept), 1 kill (less) and 1 are undecided. Most often kept: A (1)."
    )
    tables = {each.name: each.rows for each in found.tables}
    first = tables["policies beside the static mix"][0]
    assert (first["policy"], first["keep"], first["kill"], first["mean gain in satisfaction"]) == ("A", 1, 0, 0.1)
    page = report.write_report(tmp_path).read_text(encoding="utf-8")
    heads = page[page.index("<h2>Routers on one protocol") :].split("<tbody>")[0]
    assert heads.index(">policy<") < heads.index(">verdict<") < heads.index(">cost<")


def test_a_bench_of_thousands_of_rows_is_a_page_of_three_megabytes(tmp_path):
    names = [
        "setting",
        "policy",
        "target",
        "scenario",
        "track",
        "cost",
        "satisfaction",
        "gain",
        "gain_lower",
        "gain_upper",
    ]
    names += ["violation_mean", *(f"measure {n}" for n in range(20))]
    texts = {"setting": "tuned", "policy": "MESS+", "target": "budget 0.1", "scenario": "price falls", "track": "floor"}
    rows = [{name: texts.get(name, 0.1234567890123 + n) for name in names} | {"verdict": "keep"} for n in range(3_500)]
    (tmp_path / "bench.json").write_text(json.dumps({"records": rows}), encoding="utf-8")
    page = report.write_report(tmp_path)
    assert page.stat().st_size <= 3_000_000
    text = page.read_text(encoding="utf-8")
    assert text.count("<tr><td>MESS+</td>") == 3_501 and "measure 3" not in text and ">gain lower<" in text
    assert "20 further columns are in the files of the folder" in text


def test_the_program_of_a_page_is_bundled_once_and_anew_where_what_was_kept_is_damaged(tmp_path, monkeypatch):
    made = []

    def bundle(offered):
        made.append(offered)
        return f"draw();\r\n{offered}"

    monkeypatch.setattr("vl_convert.javascript_bundle", bundle)
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda *_, **__: str(tmp_path))
    for _ in range(2):
        program.bundled.cache_clear()  # as in another process
        assert program.bundled("window.x = x;") == "draw();\r\nwindow.x = x;"
    assert len(made) == 1
    (kept,) = (tmp_path / "pages").iterdir()
    kept.write_bytes(kept.read_bytes()[:-3])
    program.bundled.cache_clear()
    assert program.bundled("window.x = x;").endswith("= x;") and len(made) == 2
    program.bundled.cache_clear()
