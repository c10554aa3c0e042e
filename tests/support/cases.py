"""Copies of the cases of `shared/cases`, in which their commands run in this process.

The folder of cases lies next to the checkout, or is named by `MESSJAX_CASES`. Where a case is about reading, `replay`
reads only; where it is about what is printed and written, `support.stand_in_engine` plays the engine.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from matplotlib.figure import Figure
from support import stand_in_engine

from messjax import plot, traces
from messjax.cli import __main__ as cli
from messjax.cli import options, replay_command
from messjax.evaluation import comparison

DEFAULT = Path(__file__).resolve().parents[2].parent / "shared" / "cases"
FOLDER = Path(os.environ.get("MESSJAX_CASES", DEFAULT))


class Ran(NamedTuple):
    """Exit codes of the commands of a case, what they printed, and the trace that the last `replay` has read."""

    codes: list[int]
    out: str
    err: str
    trace: traces.Trace | None

    @property
    def words(self) -> str:
        """Everything printed, without the lines of tables and their wrapping."""
        return " ".join(re.sub(r"[^\S ]|[─-╿|]", " ", self.out + self.err).split())

    def has(self, *words: str, code: int = 0) -> None:
        assert set(self.codes) == {code}, (self.codes, self.words)
        for word in words:
            assert re.search(word, self.words), f"{word!r} is not in: {self.words}"


class Case:
    """A copy of a case's folder, in which its command can be run, with more options perhaps."""

    def __init__(self, name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.monkeypatch = folder / name, monkeypatch
        shutil.copytree(FOLDER / name, self.folder)
        for path in self.folder.rglob("*"):  # what was a link to a folder where links are not kept
            path.chmod(0o755 if path.is_dir() else 0o644)
            if path.is_file() and path.stat().st_size < 200 and (path.parent / path.read_text("latin-1")).is_dir():
                target = path.read_text()
                path.unlink()
                path.symlink_to(target, target_is_directory=True)
        monkeypatch.chdir(self.folder)

    def commands(self) -> list[list[str]]:
        """The arguments of each `messjax` in cmd.txt, without redirections."""
        line = (self.folder / "cmd.txt").read_text(encoding="utf-8")
        line = re.sub(r'"\$\(cat (\S+)\)"', lambda found: shlex.quote(Path(found[1]).read_text().strip()), line)
        words = shlex.split(line, posix=True)
        found: list[list[str]] = []
        reading = False
        for word in words:
            end = word.endswith(";")
            if word == "messjax":
                found.append([])
                reading = True
            elif word in ("|", ">", ";"):
                reading = False
            elif reading:
                found[-1].append(word.rstrip(";"))
            reading = reading and not end
        return found

    def run(
        self,
        *more: str,
        encoding: str = "utf-8",
        without: tuple[str, ...] = (),
        whole: bool = False,
        of: tuple[str, ...] = (),
    ) -> Ran:
        """Runs the commands; `replay` reads its trace and does nothing with it, unless it is to be run as a whole.

        More options are for the commands `of`, by default all.
        """
        seen: list[traces.Trace] = []
        streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True) for _ in range(2)]
        with self.monkeypatch.context() as patch:
            if not whole:
                patch.setattr(replay_command, "run", lambda args: seen.append(options.read_trace(args)))
            patch.setattr(sys, "stdout", streams[0])
            patch.setattr(sys, "stderr", streams[1])
            arguments = [[word for word in words if word not in without] for words in self.commands()]
            added = [more if not of or words[0] in of else () for words in arguments]
            codes = [cli.main(["--no-cache", *words, *each]) for words, each in zip(arguments, added, strict=True)]
        out, err = (stream.buffer.getvalue().decode(encoding) for stream in streams)  # type: ignore[attr-defined]
        assert "Traceback" not in err
        return Ran(codes, out, err, seen[-1] if seen else None)

    def shown(self, *more: str, scored: bool = False) -> tuple[Ran, dict[str, Figure]]:
        """Runs the commands with the engine's stand-in: what they print, and the figures by name, which are not saved.

        The predictor is measured where it is to be `scored`. More options are for `replay` and `simulate`.
        """
        figures: dict[str, Figure] = {}
        with self.monkeypatch.context() as patch:
            patch.setattr(comparison, "sweep", stand_in_engine.sweep)
            if not scored:
                patch.setattr(replay_command, "_predictor_metrics", lambda *_: None)
            patch.setattr(plot, "save", lambda figure, stem: figures.update({stem.name: figure}) or [])
            return self.run(*more, whole=True, of=("replay", "simulate")), figures

    def recording(self, **more: object) -> traces.Recording:
        """What the command reads, for a look at its numbers."""
        (words,) = self.commands()
        columns = words[words.index("--columns") + 1] if "--columns" in words else ""
        chosen = traces.Options(columns=traces.parse_columns(columns) if columns else {}, **more)  # type: ignore[arg-type]
        path = words[2] if words[0] == "trace" else words[1]
        return traces.read(self.folder / path, "auto", chosen)
