"""`python -m sims`: the list, one study, all of them, the page of findings, bad input."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sims import __main__ as index
from sims.common import page
from sims.common.finding import Finding, Number, Rows, load_findings, save_findings, verdict_of_cases

DOCS = Path(index.__file__).parents[1] / "docs"
STUDY = '''"""Claim: {claim}.

How it is tested.
"""
import sys

import xarray as xr
from matplotlib.figure import Figure

from sims.common.finding import Finding, Number, Rows
from sims.common.study import Study


def run(quick):
    {run}
    return {{"world": xr.Dataset({{"x": ("stream", [1.0, 2.0 + quick])}})}}


def findings(result):
    mean = float(result["world"]["x"].mean())
    number = Number("mean of x", mean, "kJ")
    return [Finding("Evenness", "two is | even", "supported", f"x is {{mean}}.", (number,), Rows(("a",), (("1",),)))]


main = Study("{name}", __doc__, run, lambda r: [], lambda r: Figure(), findings, "less").main
if __name__ == "__main__":
    sys.exit(main())
'''


def test_lists_every_study_with_its_claim(capsys: pytest.CaptureFixture[str]) -> None:
    assert index.main([]) == 0
    text = capsys.readouterr().out
    files = {path.stem for path in index.FOLDER.iterdir() if not path.stem.startswith("_")}
    assert set(index.studies()) == files >= {"regret_vs_v", "speed"}
    for name, claim in index.studies().items():
        assert name in text and len(claim) > 40


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of studies: one finds something, one finds nothing, one fails."""
    package = tmp_path / "sims" / "studies"
    package.mkdir(parents=True)
    (package / "_part.py").write_text("")
    (package / "even.py").write_text(STUDY.format(claim="two is even", name="even", run="pass"))
    (package / "mute.py").write_text('"""Claim: silence."""\nprint("nothing")\n')
    (package / "wrong.py").write_text('"""Claim: one is even."""\nraise SystemExit(3)\n')
    monkeypatch.setattr(index, "FOLDER", package)
    monkeypatch.setattr(index, "_module", lambda name: f"studies.{name}")
    monkeypatch.setenv("PYTHONPATH", f"{package.parent}:{DOCS.parent}")
    return package


def test_all_goes_on_after_a_failure_and_names_what_failed(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, docs = tmp_path / "out", tmp_path / "docs"
    assert index.main(["--all", "--quick", "--out", str(out), "--docs", str(docs)]) == 1
    text = (docs / "findings.md").read_text()
    assert "| two is \\| even | **supported** | mean of x: 2 kJ | [Evenness](#evenness) |" in text
    assert "## Evenness\n\n**Claim (supported):** two is | even\n\nx is 2.0.\n\n![Evenness](figures/even.png)" in text
    assert "How it is tested." in text and "`python -m sims even --quick`" in text and "Small versions" in text
    assert "**mute failed**: wrote no findings" in text and "**wrong failed**: exit code 3" in text
    assert (docs / "figures" / "even.png").is_file() and "failed: mute, wrong" in capsys.readouterr().out
    assert "![Evenness](even/even.png)" in (out / "findings.md").read_text()

    (folder / "even.py").write_text(STUDY.format(claim="two is even", name="even", run="raise SystemExit(9)"))
    assert index.main(["--all", "--quick", "--out", str(out)]) == 1
    assert "x is 2.0." in (out / "findings.md").read_text()  # taken as it is
    assert index.main(["--all", "--from", str(out), "--out", str(tmp_path / "again")]) == 1
    assert "x is 2.0." in (tmp_path / "again" / "findings.md").read_text()  # made again without running


def test_verdicts_of_cases() -> None:
    cases = {(3, 0, 3): "supported", (1, 2, 3): "partly", (2, 0, 3): "partly", (0, 1, 3): "refuted"}
    cases |= {(0, 0, 3): "undecided", (0, 0, 0): "undecided"}
    assert {key: verdict_of_cases(*key) for key in cases} == cases


def test_findings_are_read_back_as_they_were_saved(tmp_path: Path) -> None:
    numbers = Number("a", 0.5), Number("b", 3, "kJ"), Number("c", float("inf"))
    result = Finding("S", "claim", "partly", "Text.", numbers, Rows(("x", "y"), (("1", "2"),)))
    about, (back,) = load_findings(save_findings([result], tmp_path / "f.json", {"study": "s"}))
    assert about == {"study": "s"} and back._replace(numbers=()) == result._replace(numbers=())
    assert [number.text() for number in back.numbers] == ["0.5", "3 kJ", "not measured"]
    with pytest.raises(ValueError, match="found 0 numbers, expected 1 to 3"):
        save_findings([result._replace(numbers=())], tmp_path / "f.json", {})
    with pytest.raises(ValueError, match="2 columns"):
        save_findings([result._replace(table=Rows(("x", "y"), (("1",),)))], tmp_path / "f.json", {})


def test_the_page_in_docs_has_every_study_with_its_figure() -> None:
    text = (DOCS / "findings.md").read_text(encoding="utf-8")
    assert text.startswith(page.HEAD)
    figures = set(re.findall(r"!\[[^\]]*\]\(figures/(\w+)\.png\)", text))
    assert figures == set(index.studies()) and all((DOCS / "figures" / f"{name}.png").is_file() for name in figures)
    headings = {page.anchor(heading) for heading in re.findall(r"^## (.*)$", text, re.M)}
    links = re.findall(r"\]\(#([^)]*)\)", text)
    assert set(links) == headings and text.count("**Claim (") == len(headings)
    assert "--quick" not in text.removeprefix(page.HEAD) and " failed**" not in text


@pytest.mark.parametrize("arguments", [["nonsense"], ["speed", "--all"], ["--quick", "--from", "x"]])
def test_bad_input_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert index.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("sims: ") and error.count("\n") == 1 and arguments[0] in error


def test_a_study_without_a_finished_run_to_show_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert index.main(["four_models", "--from", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "four_models.nc, expected the NetCDF of a finished run" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
