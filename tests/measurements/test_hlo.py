"""python -m sims hlo: counts of a made-up program and of real ones, the C++'s needs, the table, bad input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sims import __main__ as index
from sims.measurements import hlo, hlo_needs, kernel_costs, record
from sims.measurements.hlo_text import Kernel, Program
from sims.reference import workloads

TEXT = """HloModule made_up, is_scheduled=true

FileNames
1 "/somewhere/loop.py"
2 "/somewhere/counter_prng.py"

FunctionNames
1 "run_chunk"
2 "block"

FileLocations
1 {file_name_id=1 function_name_id=1 line=1 end_line=1 column=1 end_column=2}
2 {file_name_id=2 function_name_id=2 line=1 end_line=1 column=1 end_column=2}

StackFrames
1 {file_location_id=1 parent_frame_id=1}
2 {file_location_id=2 parent_frame_id=2}

%fused (param_0: f32[24,8], param_1: s32[]) -> f32[8] {
  %param_0 = f32[24,8]{1,0} parameter(0)
  %param_1 = s32[] parameter(1)
  %zero = s32[] constant(0)
  %slice = f32[1,8]{1,0} dynamic-slice(%param_0, %param_1, %zero), dynamic_slice_sizes={1,8}
  %row = f32[8]{0} bitcast(%slice)
  %twice = f32[8]{0} add(%row, %row), metadata={op_name="add" stack_frame_id=2}
  ROOT %exp = f32[8]{0} exponential(%twice), metadata={op_name="exp" stack_frame_id=1}
}

%update (param_0.1: f32[24,8], param_1.1: f32[1,8], param_2.1: s32[]) -> f32[24,8] {
  %param_0.1 = f32[24,8]{1,0} parameter(0)
  %param_1.1 = f32[1,8]{1,0} parameter(1)
  %param_2.1 = s32[] parameter(2)
  %zero.1 = s32[] constant(0)
  ROOT %put = f32[24,8]{1,0} dynamic-update-slice(%param_0.1, %param_1.1, %param_2.1, %zero.1)
}

%body (arg: (s32[], f32[24,8], f32[8,4])) -> (s32[], f32[24,8], f32[8,4]) {
  %arg = (s32[], f32[24,8]{1,0}, /*index=2*/f32[8,4]{1,0}) parameter(0)
  %i = s32[] get-tuple-element(%arg), index=0
  %x = f32[24,8]{1,0} get-tuple-element(%arg), index=1
  %w = f32[8,4]{1,0} get-tuple-element(%arg), index=2
  %copy.1 = s32[] copy(%i)
  %read = f32[8]{0} fusion(%x, %copy.1), kind=kLoop, calls=%fused, metadata={op_name="exp" stack_frame_id=1}
  %as_row = f32[1,8]{1,0} bitcast(%read)
  %dot.1 = f32[24,4]{1,0} dot(%x, %w), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  %written = f32[24,8]{1,0} fusion(%x, %as_row, %copy.1), kind=kLoop, calls=%update
  ROOT %out = (s32[], f32[24,8]{1,0}, /*index=2*/f32[8,4]{1,0}) tuple(%copy.1, %written, %w)
}

%condition (arg.1: (s32[], f32[24,8], f32[8,4])) -> pred[] {
  %arg.1 = (s32[], f32[24,8]{1,0}, /*index=2*/f32[8,4]{1,0}) parameter(0)
  %i.1 = s32[] get-tuple-element(%arg.1), index=0
  ROOT %below = pred[] compare(%i.1, %i.1), direction=LT
}

ENTRY %main (start: (s32[], f32[24,8], f32[8,4])) -> (s32[], f32[24,8], f32[8,4]) {
  %start = (s32[], f32[24,8]{1,0}, /*index=2*/f32[8,4]{1,0}) parameter(0)
  ROOT %while.1 = (s32[], f32[24,8]{1,0}, /*index=2*/f32[8,4]{1,0}) while(%start), condition=%condition, body=%body, \
metadata={op_name="while" stack_frame_id=1}, backend_config={"known_trip_count":{"n":"24"}}
}
"""


def kernels(text: str) -> dict[str, Kernel]:
    return {kernel.name: kernel for kernel in Program(text).kernels()}


def operations(kernel: Kernel) -> tuple[float, float]:
    return tuple(np.sum([*kernel.work.values(), (0.0, 0.0)], axis=0))


def test_kernels_of_a_made_up_program() -> None:
    found = kernels(TEXT)
    assert list(found) == ["copy.1", "read", "dot.1", "written", "below"]
    # A row of x and the index come in, a row goes out; of an update in place only the row.
    sizes = {"copy.1": 4 + 4, "read": 8 * 4 + 4 + 8 * 4, "dot.1": 4 * (24 * 8 + 8 * 4 + 24 * 4), "below": 4 + 4 + 1}
    assert {name: found[name].bytes for name in sizes} == sizes and found["written"].bytes == 2 * 8 * 4 + 4
    assert operations(found["read"]) == (16, 8) and operations(found["dot.1"]) == (2 * 8 * 24 * 4, 0)
    assert operations(found["copy.1"]) == operations(found["written"]) == (0, 0)


def test_parts_follow_the_code_that_wrote_each_operation() -> None:
    found = Program(TEXT).kernels()
    assert kernels(TEXT)["copy.1"].stack == ("loop.py:run_chunk",), "a copy belongs to its loop"
    executed = {"copy.1": 24, "read": 24, "dot.1": 0, "written": 12}
    result = hlo.parts(found, executed, {"read": 24e-9}, decisions=48.0)
    assert set(result) == {"random", "decide"}
    assert result["random"]["operations"] == 24 * 8 / 48, "the addition that a kernel of the loop has swallowed"
    own = result["decide"]
    assert own == pytest.approx({
        "kernels": 60 / 48, "bytes": (24 * 8 + 24 * 68 + 12 * 68) / 48, "operations": 24 * 8 / 48,
        "exponentials": 24 * 8 / 48, "ns": 0.5,
    })  # fmt: skip


def test_a_text_without_computations_and_an_unknown_type_are_refused() -> None:
    with pytest.raises(ValueError, match="HLO: found no computation"):
        Program("HloModule nothing\n")
    with pytest.raises(ValueError, match="HLO: found the type 'f4e2m1fn'|HLO: found the type"):
        Program(TEXT.replace("f32[", "q7[")).kernels()


def test_a_real_loop_runs_as_often_as_it_says() -> None:
    def step(i: jax.Array, carry: tuple) -> tuple:
        x, y = carry
        return x * np.float32(0.5), y + x[i]

    rounds = 37
    function = jax.jit(lambda x: jax.lax.fori_loop(0, rounds, step, (x, jnp.zeros((4_096,)))))
    x = jnp.ones((64, 4_096), jnp.float32)
    program = function.lower(x).compile()
    found = Program(program.as_text()).kernels()
    counts, seconds = hlo.executions(lambda: program(x), {kernel.name for kernel in found})
    large = [kernel for kernel in found if sum(pair[0] for pair in kernel.work.values()) >= 4_096]
    assert sorted(sum(pair[0] for pair in kernel.work.values()) // 4_096 for kernel in large) == [1, 64]
    assert [counts[kernel.name] for kernel in large] == [rounds, rounds]
    assert all(seconds[kernel.name] > 0 for kernel in large)
    sizes = sorted(kernel.bytes // (4 * 4_096) for kernel in large)
    assert sizes == [3, 128], "x in and out; y and a row of x in, y out"


def test_the_micro_benchmark_has_a_kernel_for_every_array() -> None:
    assert kernel_costs.kernels_of(kernel_costs._program(1)) == 1
    assert kernel_costs.kernels_of(kernel_costs._program(kernel_costs.KERNELS)) == kernel_costs.KERNELS


def test_what_the_cpp_needs_by_hand() -> None:
    """A head of two features and two models of which somebody always learns; a replay that always explores."""
    two = workloads.w2(16, 10, features=2)
    two = two._replace(weights=two.weights[:2], bias=two.bias[:2], cost=two.cost[:2], c=1.0, a=0.0)
    found = hlo_needs.w2(two)
    # Three blocks of 120 for four words and the coin; eleven for a pair of normals; three uniforms.
    assert found.random == 3 * 120 + 11 + 3 * 3 and found.transcendental == 3 + 4
    assert found.other == (2 * 4 + 2 * 6 + 2 * 8) + 1 + (6 + 12 + 4 + 6 * 9) + (31 + 6 + 6)
    three = workloads.w3(1, rows=8, features=16, V=(1.0,), alpha=(0.5,), c=(1.0,))._replace(a=0.0)
    found = hlo_needs.w3(three)
    assert found.random == 16 * 123 and found.transcendental == 16
    predict, learn, serve = 3 * (32 + 65) + 48, 32 + 3 * (5 + 112) + 3, 16 * (31 + 12 + 9 + 16)
    assert found.other == predict + learn + serve
    assert found.bytes == 64 * 4 + 64 * 13 + 16 * 16


def row(part: str, **numbers: Any) -> dict[str, Any]:
    usual = {"kernels": 0.2, "bytes": 2_000.0, "operations": 1_000.0, "exponentials": 10.0, "ns": 60.0}
    return {"workload": "W2", "part": part} | usual | numbers


ROWS = [
    row("predict"), row("messjax"), row("C++", random=700.0, ns=30.0, kernels=0.0),
    {"workload": "W2", "part": "costs", "launch": 20.0, "byte": 0.02, "operation": 0.01, "exponential": 0.5},
]  # fmt: skip


def test_the_table_has_the_prices_and_is_shown_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = hlo.table(ROWS)
    assert table.rows[0] == ("W2 predict", "200", "2,000", "1,000", "10", "4.0", "40", "15", "60")
    assert table.rows[2][5:] == ("0", "-", "15", "30")
    kept = record.Record(tmp_path, "hlo", "python -m sims hlo", {"git_commit": "0" * 40})
    for each in ROWS:
        kept.add(each)
    assert index.main(["hlo", "--from", str(tmp_path), "--out", str(tmp_path / "again")]) == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    assert "700 of the C++'s operations make random numbers. messjax reaches 0.50" in " ".join(shown.split())


@pytest.mark.slow  # what the CI runs as a command
def test_the_quick_version(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert index.main(["hlo", "--quick", "--out", str(tmp_path)]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80
    one = {row["part"]: row for row in record.load(tmp_path, "hlo")[1] if row["workload"] == "W2"}
    assert one["random"]["operations"] > 1_000 and one["predict"]["bytes"] > 1_000
    assert (tmp_path / "W3.txt").read_text(encoding="utf-8").startswith("HloModule")


def test_bad_input_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert index.main(["hlo", "--from", str(tmp_path / "nothing"), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert "expected the folder of a run of `python -m sims hlo`" in error and error.count("\n") == 1
