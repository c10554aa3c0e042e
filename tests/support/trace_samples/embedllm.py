"""EmbedLLM: three models on three prompts, in two splits, and the publisher's lists beside them."""

from __future__ import annotations

from pathlib import Path

MODELS = ("org/Model-7b", "tiny", "big, chat")
IDS = ("0", "17", "5")
TEXTS = ('Which of "these"\nis it?', "模型, warum?", "In the test split")
GROUPS = ("mmlu", "gsm8k", "mmlu")
NAN = float("nan")
SCORE = [[1, 0, 1], [0, NAN, 1], [1, 1, NAN]]


def write(folder: Path) -> Path:
    """A folder with train.csv, test.csv and two lists."""
    path = folder / "embedllm"
    path.mkdir()
    for name, content in {
        "train.csv": "prompt_id,model_id,label,model_name,category,prompt\n"
        "5,0,1,org/Model-7b,mmlu,In the test split\n5,3,1.0,tiny,mmlu,In the test split\n",
        "test.csv": ",prompt,category,model_name,label,model_id,prompt_id\n"
        '0,"Which of ""these""\nis it?",mmlu,org/Model-7b,1,0,0\n'
        '1,"Which of ""these""\nis it?",mmlu,tiny,0,3,0\n'
        '2,"Which of ""these""\nis it?",mmlu,"big, chat",1,111,0\n'
        '3,"模型, warum?",gsm8k,org/Model-7b,0,0,17\n'
        '4,"模型, warum?",gsm8k,tiny,,3,17\n'
        '5,"模型, warum?",gsm8k,"big, chat",True,111,17\n',
        "model_order.csv": "model_id,model_name\n0,org/Model-7b\n",
        "question_order.csv": "prompt_id,prompt\n0,x\n",
    }.items():
        (path / name).write_text(content, encoding="utf-8")
    return path
