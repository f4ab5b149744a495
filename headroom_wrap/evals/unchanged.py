"""What must never change, at level aggressive: schemas and arguments of tools, and the words of short prompts.

Read are BFCL's files (`bfcl/NAME.jsonl` with `function` and `question`, gold calls in `NAME.answers.jsonl`), GSM8K
(`prose_qa/gsm8k*.jsonl`) and TruthfulQA (`prose_qa/truthfulqa*.csv`).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headroom_wrap.compression.model import Level
from headroom_wrap.evals.measure import Column, Figure, Measure, seen_of, share
from headroom_wrap.evals.reading import Reader

Messages = list[dict[str, Any]]
_IDS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class UnchangedRow:
    """What became of the conversations of one file; `changed` names those that came back otherwise."""

    name: str
    what: str
    cases: int
    changed: tuple[str, ...]


def measure(reader: Reader, data: Path) -> list[UnchangedRow]:
    """Pass every conversation through."""
    aggressive = reader.at(Level.AGGRESSIVE)
    rows = []
    for name, what, cases in [*_calls(data / "bfcl"), *_prompts(data / "prose_qa")]:
        changed = tuple(id_ for id_, query, messages in cases if not aggressive.unchanged(messages, query))
        rows.append(UnchangedRow(name, what, len(cases), changed))
    return rows


Case = tuple[str, str, Messages]
"""Id, the user's words, and the conversation."""


def _calls(data: Path) -> Iterator[tuple[str, str, list[Case]]]:
    for file in sorted(data.glob("*.jsonl")):
        if file.name.endswith(".answers.jsonl"):
            continue
        gold = {row["id"]: row["ground_truth"] for row in _rows(file.with_name(f"{file.stem}.answers.jsonl"))}
        cases = [_call(row, gold.get(row["id"], [])) for row in _rows(file)]
        yield file.stem, "schemas and arguments of tools", cases


def _call(row: Mapping[str, Any], gold: Sequence[Any]) -> Case:
    """The schemas as the system prompt's text, the question, and the gold calls with their arguments."""
    turns = [message["content"] for turn in row["question"] for message in turn]
    calls = [
        {"id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for number, (name, arguments) in enumerate(_named(gold))
    ]
    # Several turns have their tools in the environment, not in the row: there the row's state stands for them.
    schemas = row.get("function", row.get("initial_config", {}))
    messages: Messages = [
        {"role": "system", "content": json.dumps(schemas, indent=2)},
        *({"role": "user", "content": turn} for turn in turns),
        {"role": "assistant", "content": None, "tool_calls": calls},
        *({"role": "tool", "tool_call_id": call["id"], "content": "done"} for call in calls),
    ]
    return row["id"], turns[-1], messages


def _named(gold: Sequence[Any]) -> Iterator[tuple[str, str]]:
    """Name and arguments of each gold call: mappings, or calls as Python writes them, in turns."""
    for call in gold:
        if isinstance(call, str):
            yield call.partition("(")[0], json.dumps({"call": call})
        elif isinstance(call, list):
            yield from _named(call)
        else:
            yield from ((name, json.dumps(arguments, indent=2)) for name, arguments in call.items())


def _prompts(data: Path) -> Iterator[tuple[str, str, list[Case]]]:
    for file in sorted(data.glob("gsm8k*.jsonl")):
        yield file.stem, "prompts with numbers", _cases([row["question"] for row in _rows(file)])
    for file in sorted(data.glob("truthfulqa*.csv")):
        with file.open(encoding="utf-8", newline="") as lines:
            yield file.stem, "prompts", _cases([row["Question"] for row in csv.DictReader(lines)])


def _cases(prompts: Sequence[str]) -> list[Case]:
    return [(f"{number}", text, [{"role": "user", "content": text}]) for number, text in enumerate(prompts, 1)]


def _rows(file: Path) -> list[dict[str, Any]]:
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]


def figures(rows: Sequence[UnchangedRow]) -> list[Figure]:
    """Conversations that came back word for word."""
    cases, changed = sum(row.cases for row in rows), sum(len(row.changed) for row in rows)
    return [Figure("unchanged", share(cases - changed, cases), f"{cases} conversations", goal=1.0)]


MEASURE = Measure(
    name="unchanged",
    title="What must not change at level aggressive",
    needs=".",
    run=measure,
    columns=(
        Column("file", lambda row: row.name, is_text=True),
        Column("what", lambda row: row.what, is_text=True),
        Column("unchanged", lambda row: seen_of(row.cases - len(row.changed), row.cases)),
        Column("changed", lambda row: ", ".join(row.changed[:_IDS_SHOWN]), is_text=True),
    ),
    figures=figures,
)
