"""`python -m sims`: the list, one script, all of them, findings put together, bad input."""

from __future__ import annotations

from pathlib import Path

import pytest

from sims import __main__ as index


def test_lists_every_script_with_its_claim(capsys: pytest.CaptureFixture[str]) -> None:
    assert index.main([]) == 0
    text = capsys.readouterr().out
    files = {path.stem for path in index.FOLDER.iterdir() if not path.stem.startswith("_")}
    assert set(index.scripts()) == files >= {"regret_vs_v", "speed"}
    for name, claim in index.scripts().items():
        assert name in text and len(claim) > 40


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three scripts of our own: one finds something, one finds nothing, one fails."""
    package = tmp_path / "sims" / "studies"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").write_text("")
    (package / "_part.py").write_text("")
    head = '"""Claim: {}.\n\nMore.\n"""\nimport sys\n'
    (package / "found.py").write_text(head.format("two is even") + 'print("finding: 2 % 2 = 0", sys.argv[1:])\n')
    (package / "mute.py").write_text(head.format("silence") + 'print("nothing")\n')
    (package / "wrong.py").write_text(head.format("one is even") + "sys.exit(3)\n")
    monkeypatch.setattr(index, "FOLDER", package)
    return tmp_path


def test_all_goes_on_after_a_failure_and_says_what_failed(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert index.main(["--all", "--quick", "--out", str(tmp_path / "out")]) == 1
    result = (tmp_path / "out" / "findings.md").read_text()
    assert "two is even" in result and "finding: 2 % 2 = 0 ['--quick', '--out'," in result
    assert "failed with exit code 3" in result and "said no finding" in result and "_part" not in result
    assert "failed: mute, wrong" in capsys.readouterr().out

    (folder / "sims" / "studies" / "found.py").write_text('"""Claim: two is even."""\nraise SystemExit(9)\n')
    assert index.main(["--all", "--quick", "--resume", "--out", str(tmp_path / "out")]) == 1
    again = (tmp_path / "out" / "findings.md").read_text()
    assert "finding: 2 % 2 = 0 ['--quick', '--out'," in again and "exit code 9" not in again


def test_long_findings_become_lists() -> None:
    assert index._listed("finding: one thing") == ["finding: one thing"]
    assert index._listed("finding: a (b; c) d; e [f; g] | h") == ["- finding: a (b; c) d", "- e [f; g]", "- h"]


def test_the_docs_have_every_script_its_claim_and_its_figure() -> None:
    docs = Path(index.__file__).parents[1] / "docs"
    text = (docs / "findings.md").read_text(encoding="utf-8")
    for name, claim in index.scripts().items():
        assert f"## {name}\n\n{claim}\n" in text and (docs / "figures" / f"{name}.png").is_file()


@pytest.mark.parametrize("arguments", [["nonsense"], ["speed", "--all"]])
def test_bad_input_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert index.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("sims: ") and error.count("\n") == 1 and arguments[0] in error
