"""Figures on real outputs and logs, where a folder with them is at hand (HEADROOM_TEST_DATA, or a sibling's)."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headroom_wrap import tokens
from headroom_wrap.compression import logs, markers, numbered, router, templates
from headroom_wrap.compression.model import Compressed, Hints
from tests.compression.tracing import trace, trace_code, trace_json, trace_search

DATA = Path(os.environ.get("HEADROOM_TEST_DATA", Path(__file__).parents[3] / "shared" / "data" / "dev"))
KINDS = ("search", "test_output", "traceback", "install_log", "other_shell")
TOOLS = {"read_text_file": "Read", "bash_execute": "Bash", "grep_search": "Grep"}

pytestmark = pytest.mark.skipif(not (DATA / "tool_outputs").is_dir(), reason="no folder with real data")


def outputs(*kinds: str) -> Iterator[dict[str, Any]]:
    for kind in kinds:
        for line in (DATA / "tool_outputs" / f"{kind}.jsonl").read_text("utf-8").splitlines():
            yield json.loads(line)


def compress(row: dict[str, Any]) -> tuple[str, Compressed] | None:
    hints = Hints(
        TOOLS.get(row["tool"], row["tool"]), row["arguments"] or {}, row.get("goal") or "", marker=markers.elision
    )
    return router.compress(row["output"], hints)


def test_real_outputs_save_two_fifths_and_keep_what_was_used_later() -> None:
    before = after = 0
    used = kept = anchors = kept_anchors = 0
    for row in outputs(*KINDS):
        outcome = compress(row)
        text = row["output"] if outcome is None else outcome[1].text
        header = router.HEADER_TOKENS if outcome is not None and outcome[1].elided else 0
        before += tokens.count(row["output"])
        after += tokens.count(text) + header
        later = [word for word in row["used_later"] if word in row["output"]]
        used, kept = used + len(later), kept + sum(word in text for word in later)
        lines = [line for line in row["anchors"] if line in row["output"]]
        anchors, kept_anchors = anchors + len(lines), kept_anchors + sum(line in text for line in lines)
    assert 1 - after / before >= 0.46
    assert kept / used >= 0.985
    assert kept_anchors / anchors >= 0.99


def test_every_line_of_every_real_outcome_has_its_origin() -> None:
    followed = 0
    for row in outputs(*KINDS):
        outcome = compress(row)
        if outcome is not None and outcome[0] in ("logs", "terminal", "test_runs"):
            trace(row["output"], outcome[1])
            followed += 1
        elif outcome is not None and outcome[0] == "search":
            trace_search(row["output"], outcome[1])
            followed += 1
    assert followed > 90


def test_short_diffs_and_logs_lose_nothing() -> None:
    outcomes = [outcome for row in outputs("diff", "git_history") if (outcome := compress(row)) is not None]
    assert [name for name, result in outcomes if result.elided] == []


def test_reads_of_files_are_spelled_so_that_they_expand_to_their_bytes() -> None:
    spelled = 0
    for row in outputs("file_read"):
        outcome = compress(row)
        if outcome is not None and outcome[0] == "numbered":
            assert numbered.expand(outcome[1].text) == row["output"]
            spelled += 1
        elif outcome is not None and outcome[0] == "code":
            trace_code(row["output"], outcome[1])
    assert spelled > 40


def test_reads_of_files_save_a_fifth_and_keep_what_was_used_later() -> None:
    before = after = used = kept = 0
    for row in outputs("file_read"):
        outcome = compress(row)
        text = row["output"] if outcome is None else outcome[1].text
        header = router.HEADER_TOKENS if outcome is not None and outcome[1].elided else 0
        before += tokens.count(row["output"])
        after += tokens.count(text) + header
        later = [word for word in row["used_later"] if word in row["output"]]
        used, kept = used + len(later), kept + sum(word in text for word in later)
    assert 1 - after / before >= 0.22
    assert kept / used >= 0.985


@pytest.mark.parametrize("name", ["mochitest-end", "mochitest-fail", "reftest-timeout", "taskcluster-only"])
def test_every_gold_error_line_of_a_long_build_stays(name: str) -> None:
    folder = DATA / "logs" / "ci_mozilla"
    text = gzip.decompress((folder / f"{name}.log.gz").read_bytes()).decode("utf-8", "replace")
    gold = json.loads((folder / f"{name}.gold.json").read_text("utf-8"))["errors"]
    result = logs.compress(text, Hints(marker=markers.elision))
    assert result is not None
    assert [error["line"] for error in gold if error["line"] not in result.text] == []
    assert len(result.text) < 0.28 * len(text)


def test_every_distinct_error_of_service_logs_stays_at_seven_eighths_saved() -> None:
    before = after = 0
    for path in sorted((DATA / "logs" / "loghub").glob("*_2k.log")):
        text = path.read_bytes().decode("utf-8", "replace")
        labels = json.loads(path.with_name(path.stem + ".labels.json").read_text("utf-8"))
        lines = [line.rstrip("\r") for line in text.split("\n")]
        result = logs.compress(text, Hints(marker=markers.elision))
        assert result is not None
        shown = set(templates.mask(result.text).split("\n"))
        errors = {lines[n - 1] for n in labels["error_level_lines"] + labels["error_regex_lines"]}
        assert {line for line in errors if templates.mask(line) not in shown} == set()
        before, after = before + len(text), after + len(result.text)
    assert after < 0.12 * before


def test_structured_responses_save_four_fifths_and_an_asked_value_stays() -> None:
    before = after = 0
    for path in sorted((DATA / "json").glob("**/*.json")):
        text = path.read_text("utf-8")
        outcome = router.compress(text, Hints("Bash", {"command": "curl -s https://a.b/c"}, marker=markers.elision))
        assert outcome is not None
        trace_json(text, outcome[1])
        before += tokens.count(text)
        after += tokens.count(outcome[1].text) + router.HEADER_TOKENS
    assert 1 - after / before >= 0.8
    for line in (DATA / "json" / "kv_retrieval_75_d.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        hints = Hints("Bash", {"command": "curl"}, f"the value of {row['key']}?", marker=markers.elision)
        outcome = router.compress(json.dumps(dict(row["ordered_kv_records"]), indent=1), hints)
        assert outcome is not None
        assert row["value"] in outcome[1].text
