"""Small inputs as users have them, each with the command that they would type and what should come of it.

The folder of cases lies next to the checkout, or is named by `MESSJAX_CASES`. Commands run in this process. Where a
case is about reading, `replay` reads only.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from messjax import traces
from messjax.cli import __main__ as cli
from messjax.cli import options, replay_command
from messjax.traces.costs import make_costs

DEFAULT = Path(__file__).resolve().parents[2].parent / "shared" / "cases"
FOLDER = Path(os.environ.get("MESSJAX_CASES", DEFAULT))
LATER = {  # about the tables and figures of a replay, a mixture, or a zoo: to be checked once these are there
    "export_table",
    "few_seeds_figure",
    "optimum_many_models",
    "own_router_choice",
    "predictor_never_learned",
    "replay_many_models",
    "zoo_of_my_own",
}


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
        assert self.codes == [code], (self.codes, self.words)
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

    def run(self, *more: str, encoding: str = "utf-8", without: tuple[str, ...] = ()) -> Ran:
        """Runs the commands; `replay` reads its trace and does nothing with it."""
        seen: list[traces.Trace] = []
        streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True) for _ in range(2)]
        with self.monkeypatch.context() as patch:
            patch.setattr(replay_command, "run", lambda args: seen.append(options.read_trace(args)))
            patch.setattr(sys, "stdout", streams[0])
            patch.setattr(sys, "stderr", streams[1])
            arguments = [[word for word in words if word not in without] for words in self.commands()]
            codes = [cli.main(["--no-cache", *words, *more]) for words in arguments]
        out, err = (stream.buffer.getvalue().decode(encoding) for stream in streams)  # type: ignore[attr-defined]
        assert "Traceback" not in err
        return Ran(codes, out, err, seen[-1] if seen else None)

    def recording(self, **more: object) -> traces.Recording:
        """What the command reads, for a look at its numbers."""
        (words,) = self.commands()
        columns = words[words.index("--columns") + 1] if "--columns" in words else ""
        chosen = traces.Options(columns=traces.parse_columns(columns) if columns else {}, **more)  # type: ignore[arg-type]
        path = words[2] if words[0] == "trace" else words[1]
        return traces.read(self.folder / path, "auto", chosen)


def alpaca_draws(case: Case) -> None:
    case.run().has("wrote out.parquet")
    trace = traces.read_parquet(case.folder / "out.parquet")
    assert set(np.unique(trace.satisfaction)) == {0.0, 0.5, 1.0}


def arena_battles(case: Case) -> None:
    case.run().has("battles of an arena: two models per request and which one is preferred", code=2)


def bad_line_at_end(case: Case) -> None:
    case.run().has(r"table.jsonl, line 40: found broken JSON .*--on-bad skip", code=2)
    case.run("--on-bad", "skip").has("plain")
    assert case.recording(on_bad="skip").score.shape == (20, 2)


def broken_pipe(case: Case) -> None:
    case.run().has("lint of table.csv")  # tests/cli/test_hostile_names.py closes the pipe


def columns_pattern(case: Case) -> None:
    case.run().has("models 12 ")
    recording = case.recording()
    assert recording.models == tuple(f"m{m}" for m in range(12))
    assert recording.cost is not None and (recording.cost == 0.001).all()
    case.run("--exclude", "m1*").has("models 9 ")


def cp1252_csv(case: Case) -> None:
    case.run().has("is not UTF-8: found 0xe9 at byte .*--encoding cp1252", code=2)
    case.run("--encoding", "cp1252").has("plain")
    assert "Café" in case.recording(encoding="cp1252").texts[0]


def dash_for_missing(case: Case) -> None:
    case.run().has("missing cells", "no score, in 1 of 20 requests", code=1)


def empty_prompt(case: Case) -> None:
    case.run().has("empty prompts", "--on-bad skip", code=1)
    case.run("--on-bad", "skip", "--missing", "drop").has("handled empty prompts")


def epochs(case: Case) -> None:
    case.run().has("doubled cells", "--repeats mean")
    averaged = traces.averaged(case.recording())
    assert averaged.score.shape == (10, 2) and ((averaged.score > 0) & (averaged.score < 1)).any()
    assert averaged.score.min() >= 0 and averaged.score.max() <= 1
    case.run("--repeats", "mean").has("count in the mean of the cell")


def float_ids(case: Case) -> None:
    case.run().has("requests 20 ")
    assert case.recording().ids[12] == "12"


def git_lfs_pointer(case: Case) -> None:
    case.run().has("annotations.json is a Git LFS pointer, .*`git lfs pull`", code=2)


def handled_is_not(case: Case) -> None:
    case.run().has("error scores outside", code=1)
    case.run("--scores", "clip", without=("--scores", "rescale=1:10")).has("handled scores outside")


def inspect_letters(case: Case) -> None:
    case.run().has("--score-words C=1,I=0,P=0.5,N=0", code=2)
    case.run("--score-words", "C=1,I=0,P=.5,N=0").has("plain")
    assert set(np.unique(case.recording(score_words={"C": 1, "I": 0, "P": 0.5, "N": 0}).score)) <= {0, 0.5, 1}


def ipynb_checkpoints(case: Case) -> None:
    case.run().has("requests 20 ")
    (found,) = [each for each in case.recording().findings if each.check == "copies left out"]
    assert found.examples == (".ipynb_checkpoints",)


def json_array(case: Case) -> None:
    case.run().has("plain", "requests 20 ", "models 2 ")


def key_shown_with_nul(case: Case) -> None:
    ran = case.run()
    ran.has("one id, several texts", "row 3: '0'")
    assert r"\x00" not in ran.out and r"\0" not in ran.out


def latency_as_cost(case: Case) -> None:
    case.run().has("cost, s ", "latency, s")
    recording = case.recording()
    cost, unit = make_costs(recording, traces.CostRule("latency"))
    assert unit == "s" and recording.latency is not None
    np.testing.assert_array_equal(cost, recording.latency)


def lint_counts_of_zero(case: Case) -> None:
    ran = case.run()
    assert " 0, " not in " ".join(re.findall(r"(?:missing|free) \S+ .*?--", ran.words)), ran.words
    assert "and 5 more" not in ran.words


def litellm_empty_request_id(case: Case) -> None:
    case.run().has(r"log.csv, row \d+ .*'request_id': the cell is empty.*--on-bad skip", code=2)
    case.run("--on-bad", "skip").has("plain")


def litellm_price_map(case: Case) -> None:
    case.run().has("USD")
    cost, _ = make_costs(case.recording(), price_rule(case.folder / "prices.json"))
    np.testing.assert_allclose(cost[0], [30 * 1.5e-7 + 20 * 6e-7, 30 * 1e-7 + 20 * 3e-7], rtol=1e-12)


def price_rule(path: Path) -> traces.CostRule:
    prices = traces.read_prices(str(path))
    return traces.CostRule("tokens", prices.of_model, "", prices.since, prices.from_file)


def lm_eval_read(case: Case) -> None:
    case.run().has("lm_eval", "models 2 ", "org__large")


def lm_eval_predict_only(case: Case) -> None:
    case.run().has("not scored .--predict_only.", code=2)


def lm_eval_symlinked_runs(case: Case) -> None:
    case.run().has("lm_eval", "llama-8b", "llama-70b")


def lone_surrogate(case: Case) -> None:
    case.run().has("bad texts", "half of a surrogate pair", "--on-bad skip", code=1)
    case.run("--on-bad", "skip", "--missing", "drop").has("handled bad texts")


def messages_as_list(case: Case) -> None:
    case.run().has("plain", "input tokens")
    recording = case.recording()
    assert recording.texts[0] == "Be brief.\n\nWhat is 3 plus 11?"
    assert recording.input_tokens is not None and recording.input_tokens[0].tolist() == [20, 20]


def nested_arms(case: Case) -> None:
    case.run().has("plain", "gsm8k 12")
    recording = case.recording()
    assert recording.cost is not None
    assert recording.score[0].tolist() == [0.7, 0.9] and recording.cost[0].tolist() == [0.0001, 0.003]
    pattern = traces.Options(columns=traces.parse_columns("prompt=prompt,score:*=arms.*.reward,cost:*=arms.*.cost"))
    again = traces.read(case.folder / "rewards.jsonl", "auto", pattern)
    np.testing.assert_array_equal(again.score, recording.score)
    assert traces.detect(case.folder / "rewards.jsonl").name == "paretobandit"


def one_file_per_model(case: Case) -> None:
    case.run().has("openai_gpt-4o", "anthropic_claude-3-haiku", "requests 12 ")


def one_sided_log(case: Case) -> None:
    ran = case.run()
    ran.has("decision log", "needs the scores of all models", "propensities", code=1)
    assert "--missing zero or" not in ran.words and "or --missing zero" not in ran.words


def one_sided_log_zero(case: Case) -> None:
    case.run().has("a decision log: .*never asked as failures", code=2)
    ran = case.run(without=("--missing", "zero"))
    ran.has("a decision log", code=2)


def output_tokens_only(case: Case) -> None:
    case.run().has("USD")
    rule = traces.CostRule("tokens", {"small": (0.0, 0.6), "large": (0.0, 10.0)})
    recording = case.recording()
    assert recording.output_tokens is not None
    np.testing.assert_allclose(make_costs(recording, rule)[0], recording.output_tokens * [0.6e-6, 1e-5], rtol=1e-12)


def promptfoo_csv(case: Case) -> None:
    case.run().has("openai:gpt-4o-mini", "anthropic:messages:haiku")
    assert case.recording().score[:3].tolist() == [[0, 0], [1, 1], [0, 1]]


def reasoning_tokens(case: Case) -> None:
    case.run().has("USD")
    rule = traces.CostRule("tokens", {"small": (1, 0.1, 2), "large": (2, 0.2, 8)})
    cost, _ = make_costs(case.recording(), rule)
    np.testing.assert_allclose(cost[0], [(15 + 1.5 + 80) / 1e6, (30 + 3 + 320) / 1e6], rtol=1e-12)


def routerarena_constant_tokens(case: Case) -> None:
    case.run().has("constant token counts", "same number of input tokens for prompts of .* characters")


def routerarena_predictions(case: Case) -> None:
    case.run().has("predictions of a router .*a decision log.*answers of all models", code=2)


def semicolon_csv(case: Case) -> None:
    case.run().has("plain", "requests 10 ")
    assert case.recording().score[0].tolist() == [0.5, 1.0]


def space_in_model_names(case: Case) -> None:
    case.run().has("names alike", "differ by case or space only", code=1)


def stdout_ascii(case: Case) -> None:
    ran = case.run(encoding="ascii")
    assert ran.codes == [0, 0] and "small-" in ran.out and ran.out.isascii()
    assert case.run(encoding="cp1252").codes == [0, 0]


def subset_of_models(case: Case) -> None:
    ran = case.run()
    ran.has("note: cost: recorded")
    assert ran.trace is not None and set(ran.trace.models) == {"a-small", "b-large"}


def timestamps(case: Case) -> None:
    ran = case.run()
    ran.has("note: cost: recorded")
    assert ran.trace is not None and list(ran.trace.ids) == [str(n) for n in reversed(range(30))]


def unused_header_twice(case: Case) -> None:
    case.run().has("plain", "requests 10 ")


SAME = {"lm_eval_gz": lm_eval_read, "lm_eval_json_extension": lm_eval_read}
NAMES = sorted(path.name for path in FOLDER.iterdir() if path.is_dir()) if FOLDER.is_dir() else ["no_cases"]


@pytest.mark.parametrize("name", NAMES)
def test_a_case_ends_as_its_user_expects(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not FOLDER.is_dir():
        pytest.skip(f"no cases in {FOLDER}: set MESSJAX_CASES to their folder")
    if name in LATER:
        pytest.skip("about what comes after reading")
    check: Callable[[Case], None] = SAME.get(name) or globals()[name]
    check(Case(name, tmp_path, monkeypatch))
