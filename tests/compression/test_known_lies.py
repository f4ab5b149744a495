"""Lies that tools of this kind are known to have told, each tried on the library as a program would call it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headroom import Config, Headroom
from headroom_wrap.compression import markers
from headroom_wrap.compression.engine import Engine
from headroom_wrap.compression.model import Profile, Slot, SlotKind, WayBack
from headroom_wrap.store import Store


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Headroom]:
    with Headroom(tmp_path / "library.sqlite3") as opened:
        yield opened


def messages(content: Any, command: str, query: str = "What happened?") -> list[dict[str, Any]]:
    call = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": command}}
    return [
        {"role": "user", "content": query},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": content}]},
    ]


def read(library: Headroom, text: str, command: str, query: str = "What happened?", **more: Any) -> str:
    """What a model reads of a command's output, which must be less than it was."""
    given = library.compress(messages(text, command, query), **more).messages[2]["content"][0]["content"]
    assert isinstance(given, str)
    assert len(given) < len(text)
    return given


def log_line(number: int, what: str = "polled 3 jobs", level: str = "INFO") -> str:
    return f"2024-01-02 10:{number // 60:02d}:{number % 60:02d} {level} worker {what}"


def test_an_error_is_never_told_as_no_errors(library: Headroom) -> None:
    lines = [log_line(number) for number in range(600)]
    lines[311] = log_line(311, "cannot write order 4711", "ERROR")
    shown = read(library, "\n".join(lines), "kubectl logs worker", "Is everything fine?")
    assert "cannot write order 4711" in shown
    assert not re.search(r"\bno errors?\b", shown, re.IGNORECASE)


def test_matches_of_two_files_or_lines_are_never_fused(library: Headroom) -> None:
    found = [
        f"src/{name}.py:{10 * number}:    total = {name}({number})" for name in ("cart", "card") for number in range(40)
    ]
    shown = read(library, "\n".join(found), "grep -rn total src")
    for line in shown.split("\n"):
        assert len(re.findall(r"total = \w+\(\d+\)", line)) <= 1
    heading = shown.index("src/card.py")
    assert "cart(" not in shown[heading:]
    assert "card(" not in shown[:heading]


def test_counts_add_up_to_what_was_there(library: Headroom) -> None:
    n_tests = 480
    lines = [f"tests/test_a.py::test_{number} PASSED" for number in range(n_tests)]
    text = "\n".join(["=== test session starts ===", *lines, f"=== {n_tests} passed in 3.00s ==="])
    shown = read(library, text, "pytest -v")
    counted = sum(int(count) for count in re.findall(r"elided: (\d+) passed", shown))
    assert counted > 0
    assert counted + shown.count(" PASSED") == n_tests


def test_a_marker_says_what_it_counts(library: Headroom) -> None:
    rows = json.dumps([{"id": number, "state": "open", "name": f"order {number}"} for number in range(400)])
    for text, command in (
        (rows, "curl -s https://example.com/orders"),
        ("\n".join(map(log_line, range(600))), "kubectl logs worker"),
    ):
        shown = read(library, text, command)
        marks = [line for line in shown.split("\n") if line.startswith("[headroom") and " elided" in line]
        assert len(marks) > 1
        for line in marks:
            assert re.search(r"\b(?:lines?|rows?|chars) \d+|\d+ of \d+ (?:lines|rows|chars) elided", line), line


def test_rows_that_differ_are_never_merged(library: Headroom) -> None:
    rows = [{"id": number, "state": "open", "note": "as usual"} for number in range(300)]
    rows[140] = {"id": 140, "state": "failed", "note": "no price"}
    shown = read(library, json.dumps(rows), "curl -s https://example.com/orders")
    (line,) = [line for line in shown.split("\n") if "no price" in line]
    assert "140" in line
    assert "failed" in line
    for gap in markers.elisions(shown):
        assert not gap.first <= 141 <= gap.last
        if '"state"="open"' in gap.what:
            assert all(row["state"] == "open" for row in rows[gap.first - 1 : gap.last])


def test_folded_passes_never_swallow_a_failure(library: Headroom) -> None:
    lines = [f"tests/test_a.py::test_{number} PASSED" for number in range(400)]
    lines[217] = "tests/test_a.py::test_217 FAILED"
    lines[300] = "tests/test_a.py::test_300 ERROR"
    text = "\n".join(["=== test session starts ===", *lines, "=== 1 failed, 398 passed, 1 error in 3.00s ==="])
    shown = read(library, text, "pytest -v")
    assert "test_217 FAILED" in shown
    assert "test_300 ERROR" in shown
    for gap in markers.elisions(shown):
        assert not {218, 301} & set(range(gap.first - 1, gap.last))


def test_a_range_of_times_is_that_of_the_lines_that_went(library: Headroom) -> None:
    lines = [log_line(number) for number in range(900)]
    shown = read(library, "\n".join(lines), "kubectl logs worker")
    told = [(gap, re.search(r"first ([\d:]+), last ([\d:]+)", gap.what)) for gap in markers.elisions(shown)]
    assert any(times for _, times in told)
    for gap, times in told:
        if times:
            assert times[1] in lines[gap.first - 1]
            assert times[2] in lines[gap.last - 1]


def test_no_marker_stands_where_its_reader_has_no_way_back(library: Headroom, tmp_path: Path) -> None:
    text = "\n".join(map(log_line, range(600)))
    result = library.compress(messages(text, "kubectl logs worker"), config=Config(lossless=True))
    assert " elided" not in json.dumps(result.messages)
    store = Store(tmp_path / "other.sqlite3")
    slot = Slot(SlotKind.TOOL_RESULT, text, 0, "toolu_1", "Bash", {"command": "kubectl logs worker"})
    (verdict,) = Engine(store).process([slot], "anthropic", Profile(way_back=WayBack.NONE))
    assert " elided" not in (verdict.replacement or "")
    store.close()


@pytest.mark.parametrize(
    "last", ["Exit code 3", "exit status 1", "Process exited with code 137", "make: *** [all] Error 2"]
)
def test_an_exit_code_stays(library: Headroom, last: str) -> None:
    for where in (0, 300, 600):
        lines = [log_line(number) for number in range(600)]
        lines.insert(where, last)
        assert last in read(library, "\n".join(lines), "make all").split("\n")


def test_a_result_given_as_a_list_of_blocks_is_read_too(library: Headroom) -> None:
    text = "\n".join(map(log_line, range(600)))
    blocks = [{"type": "text", "text": text}, {"type": "text", "text": "done"}]
    result = library.compress(messages(blocks, "kubectl logs worker"))
    given = result.messages[2]["content"][0]["content"]
    assert len(json.dumps(given)) < len(text) / 2
    assert "done" in json.dumps(given)


def test_no_changed_line_of_a_diff_is_lost(library: Headroom) -> None:
    lines = []
    for number in range(60):
        body = [f"     context {at} of file {number} as it always was" for at in range(60)]
        body[30:30] = [f"-    price = {number}", f"+    price = {number + 1}"]
        lines += [f"diff --git a/src/f{number}.py b/src/f{number}.py", "index 1234567..89abcde 100644"]
        lines += [f"--- a/src/f{number}.py", f"+++ b/src/f{number}.py", "@@ -1,61 +1,61 @@", *body]
    shown = read(library, "\n".join(lines) + "\n", "git diff -U60").split("\n")
    for number in range(60):
        assert f"-    price = {number}" in shown
        assert f"+    price = {number + 1}" in shown
        assert f"diff --git a/src/f{number}.py b/src/f{number}.py" in shown


@pytest.mark.parametrize("number", ["12345678901234567890", "0.30000000000000004", "1e400", "1.10", "-0.0", "100000.0"])
def test_a_number_keeps_its_digits(library: Headroom, number: str) -> None:
    rows = ",".join(f'{{"id": {at}, "name": "order {at}", "price": {number}, "total": {at}.50}}' for at in range(60))
    shown = read(library, f"[{rows}]", "curl -s https://example.com/orders", level="safe")
    assert number in shown
    assert all(f"{at}.50" in shown for at in range(60))


def test_every_shown_path_is_one_that_exists(library: Headroom) -> None:
    paths = [f"src/shop/orders/part{number % 7}/module_{number}.py" for number in range(140)]
    shown = read(library, "\n".join(sorted(paths)), "find src -name '*.py'")
    found = []
    for line in shown.split("\n"):
        folder, brace, names = line.partition("{")
        found += [folder + name for name in names.rstrip("}").split(",")] if brace else [line]
    assert sorted(found) == sorted(paths)
