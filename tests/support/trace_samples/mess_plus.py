"""MESS+: two benchmarks with their own metrics, batches that repeat earlier rows, two categories."""

from __future__ import annotations

from pathlib import Path

CATEGORIES = ("small", "large")
IDS = ("arc_easy/0", "arc_easy/1", "arc_easy/2", "triviaqa/0")
TEXTS = ("Is it a\n“bird”?", 'He said "no", twice', "Warum — 模型?", "Who?")
GROUPS = ("arc_easy", "arc_easy", "arc_easy", "triviaqa")
NAN = float("nan")
SCORE = [[0, 1], [1, 1], [0.5, NAN], [0, 1]]
ENERGY = [[12.5, 250.25], [13, 240], [11, NAN], [20, 300.5]]  # J
TIME = [[0.25, 1.5], [0.125, 1.25], [0.5, NAN], [0.75, 2.5]]  # s

ARC = (
    "doc_id,input_text,benchmark_name,label_small,acc_norm_small,energy_consumption_small,inference_time_small,"
    "label_large,acc_norm_large,energy_consumption_large,inference_time_large\n"
)
ROWS = (
    '0,"Is it a\n“bird”?",arc_easy,0.0,0.0,12.5,0.25,1.0,1.0,250.25,1.5\n',
    '1,"He said ""no"", twice",arc_easy,1.0,1.0,13.0,0.125,1.0,1.0,240,1.25\n',
    "2,Warum — 模型?,arc_easy,0.5,0.5,11,0.5,,,,\n",
)
TRIVIA = (  # with pandas' index, categories the other way round
    ",benchmark_name,doc_id,input_text,label_large,exact_match_large,energy_consumption_large,inference_time_large,"
    "label_small,exact_match_small,energy_consumption_small,inference_time_small\n"
    "0,triviaqa,0,Who?,True,1.0,300.5,2.5,False,0.0,2e1,0.75\n"
)


def write(folder: Path) -> Path:
    """A folder of benchmarks, each a folder of batches."""
    path = folder / "mess_plus"
    for name, content in {
        "arc_easy/inference_data_batch_1_20250501_120000.csv": ARC + ROWS[0],
        "arc_easy/inference_data_batch_2_20250501_120100.csv": ARC + "".join(ROWS),
        "triviaqa/inference_data_final_20250501_130000.csv": TRIVIA,
    }.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(content, encoding="utf-8")
    return path
