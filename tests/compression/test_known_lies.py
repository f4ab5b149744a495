"""What tools of this kind have told their readers that was not so: each one through the library, and not told here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headroom import Config, Headroom, Level
from headroom_wrap.compression import markers
from headroom_wrap.compression.engine import Engine
from headroom_wrap.compression.model import Profile, Slot, SlotKind, WayBack

STAMP = "2026-03-01 10:{:02d}:{:02d}"
LOG = [f"{STAMP.format(n // 60, n % 60)} INFO order.Queue: polled {n % 7} jobs of the shop" for n in range(500)]
TESTS = [f"test_{n} (shop.tests.Orders.test_{n}) ... ok" for n in range(200)]


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Headroom]:
    with Headroom(tmp_path / "library.sqlite3") as opened:
        yield opened


def read(library: Headroom, content: Any, command: str = "./x", **options: Any) -> str:
    """What the model reads of a result; several blocks one after the other."""
    call = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": command}}
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": "Why is the queue empty?"},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": content}]},
    ]
    (part,) = library.compress(messages, **options).messages[2]["content"]
    given = part["content"]
    return given if isinstance(given, str) else "\n".join(block["text"] for block in given)


def shortened(library: Headroom, lines: list[str], command: str) -> list[str]:
    """The lines that the model reads of an output that must become shorter."""
    text = "\n".join(lines)
    shown = read(library, text, command)
    assert len(shown) < 0.7 * len(text)
    return shown.split("\n")


def test_nobody_says_that_there_were_no_errors(library: Headroom) -> None:
    error = f"{STAMP.format(4, 7)} ERROR order.Queue: cannot open /var/lib/queue.db"
    shown = shortened(library, [*LOG[:247], error, *LOG[247:]], "kubectl logs shop")
    assert error in shown
    assert not re.search(r"no errors?|0 errors?|all (?:ok|passed)|success", "\n".join(shown), re.IGNORECASE)


def test_two_matches_do_not_become_one_that_never_was(library: Headroom) -> None:
    lines = [f"src/cart_{n}.py:{n}:    total = price_{n}" for n in range(300)]
    lines[120:120] = ["src/shop.py:7:def first(cart):", "src/shop.py:8:def second(order):"]
    whole = set(lines)
    entries = {line.partition(":")[2] for line in lines} | {line.partition(":")[0] + ":" for line in lines}
    shown = read(library, "\n".join(lines * 2), "grep -rn total .").split("\n")
    assert [line for line in shown if not line.startswith("[headroom") and line not in whole | entries] == []


def test_what_is_said_to_be_elided_is_what_is_missing(library: Headroom) -> None:
    shown = shortened(library, LOG, "kubectl logs shop")
    head = re.match(r"\[headroom h\w+: (\d+) of (\d+) lines elided", shown[0])
    assert head is not None
    gone = [number for each in markers.elisions("\n".join(shown)) for number in range(each.first, each.last + 1)]
    assert (int(head[1]), int(head[2])) == (len(gone), len(LOG))
    visible = [line for line in shown if not line.startswith("[headroom")]
    assert len(visible) + len(gone) == len(LOG)


def test_every_number_in_a_marker_has_its_unit(library: Headroom) -> None:
    rows = json.dumps([{"id": n, "state": "open", "title": f"Order {n * n % 97} of {n}"} for n in range(400)])
    for text, command, unit in (("\n".join(LOG), "kubectl logs shop", "lines"), (rows, "gh api x", "rows")):
        shown = read(library, text, command)
        told = [line for line in shown.split("\n") if line.startswith("[headroom") and "elided" in line]
        assert len(told) > 1
        assert all(re.search(rf"\d {unit} elided|: {unit[:-1]}s? \d[\d, -]* elided", line) for line in told)


def test_rows_are_not_merged_and_numbers_keep_their_spelling(library: Headroom) -> None:
    rows = [f'{{"id": {n}, "price": {n}.10, "size": 1e3, "big": {10**30 + n}, "name": "cart {n}"}}' for n in range(20)]
    shown = read(library, "[" + ", ".join(rows) + "]", "gh api x", level=Level.SAFE)
    assert len(shown) < len("".join(rows))
    for n in range(20):
        assert len(re.findall(rf"(?<![\d.]){n}\.10\b", shown)) == 1
        assert shown.count(str(10**30 + n)) == 1
        assert len(re.findall(rf'"cart {n}"', shown)) == 1
    assert "1e3" in shown
    assert "1000.0" not in shown


@pytest.mark.parametrize("outcome", ["FAIL", "ERROR", "unexpected success"])
def test_a_fold_of_passed_tests_swallows_none_that_failed(library: Headroom, outcome: str) -> None:
    failed = f"test_bad (shop.tests.Orders.test_bad) ... {outcome}"
    shown = shortened(library, [*TESTS[:90], failed, *TESTS[90:], "", "Ran 201 tests in 3s"], "python manage.py test")
    assert failed in shown
    passed = [re.search(r"elided: (\d+) passed", line) for line in shown]
    n_listed = sum(line in TESTS for line in shown)
    assert sum(int(found[1]) for found in passed if found) + n_listed == len(TESTS)


def test_no_time_is_told_that_no_line_has(library: Headroom) -> None:
    shown = "\n".join(shortened(library, [*LOG, "Mar  1 23:59:58 shop kernel: out of memory"], "journalctl -u shop"))
    theirs = set(re.findall(r"\d\d:\d\d:\d\d", "\n".join([*LOG, "23:59:58"])))
    assert set(re.findall(r"(?<![\d:-])\d\d:\d\d:\d\d", shown)) <= theirs


def test_without_a_way_back_there_is_no_marker(library: Headroom) -> None:
    for text, command in (("\n".join(LOG), "kubectl logs x"), ("\n".join(TESTS), "pytest")):
        assert " elided" not in read(library, text, command, config=Config(lossless=True))
        assert " elided" not in read(library, text, command, level=Level.SAFE)
    slot = Slot(SlotKind.TOOL_RESULT, "\n".join(LOG), 0, "c1", "Bash", {"command": "kubectl logs x"})
    again = Slot(SlotKind.TOOL_RESULT, "\n".join(LOG), 1, "c2", "Bash", {"command": "kubectl logs x"})
    verdicts = Engine(library.store).process([slot, again], "anthropic", Profile(way_back=WayBack.NONE))
    assert all(not re.search(r"elided|original|earlier", verdict.replacement or "") for verdict in verdicts)


@pytest.mark.parametrize("code", ["Exit code 137", "[exit code: 2]", "exit status 1", "Command exited with code 3"])
@pytest.mark.parametrize("place", [0, -1])
def test_an_exit_code_is_not_lost(library: Headroom, code: str, place: int) -> None:
    lines = [code, *LOG] if place == 0 else [*LOG, code]
    assert code in shortened(library, lines, "kubectl logs shop")
    lines = [code, *TESTS] if place == 0 else [*TESTS, code]
    assert code in shortened(library, lines, "python manage.py test")


def test_an_error_in_one_of_several_blocks_stays(library: Headroom) -> None:
    error = f"{STAMP.format(4, 7)} FATAL order.Queue: the disk is full"
    blocks = [
        {"type": "text", "text": "\n".join(lines)} for lines in (LOG, [*LOG[:200], error, *LOG[200:]], ["error: last"])
    ]
    shown = read(library, blocks, "kubectl logs shop").split("\n")
    assert error in shown
    assert "error: last" in shown


def test_no_changed_line_of_a_diff_is_lost(library: Headroom) -> None:
    hunks = []
    for n in range(40):
        context = [f"     kept_{n}_{at} = price[{at}]" for at in range(30)]
        hunks += [f"@@ -{n}00,61 +{n}00,61 @@", *context, f"-    old_{n}()", f"+    new_{n}()", *context]
    lines = [
        "diff --git a/cart.py b/cart.py",
        "index 1234567..89abcde 100644",
        "--- a/cart.py",
        "+++ b/cart.py",
        *hunks,
    ]
    shown = shortened(library, lines, "git diff -U30")
    assert [line for line in lines if line[:1] in "+-@" and line not in shown] == []


def test_every_path_that_is_shown_exists(library: Headroom) -> None:
    paths = sorted(f"server/app/{part}/handlers/{name}_{n}.py" for n in range(30) for part in "ab" for name in "xyz")
    shown = read(library, "\n".join(paths), "find . -name '*.py'")
    assert len(shown) < len("\n".join(paths))
    told = []
    for line in shown.split("\n"):
        directory, brace, names = line.partition("{")
        told += [directory + name for name in names.rstrip("}").split(",")] if brace else [line]
    assert told == paths


def test_text_with_carriage_returns_for_line_ends_is_no_progress(library: Headroom) -> None:
    rows = [f"order {n}: customer_{n} has paid {n * 37 % 101} for cart {n}" for n in range(60)]
    shown = read(library, "Report\n" + "\r".join(rows) + "\n" + "\n".join(LOG), "./report.sh")
    assert [row for row in rows if row not in shown] == []


def test_a_table_row_of_dashes_is_no_ruler(library: Headroom) -> None:
    rows = [f"| web-{n:<6}| Running | {n:<8}| node-{n % 3} |" for n in range(60)]
    rows[30] = "| ----      | ------- | ---     | ---- |"
    head = ["| NAME      | STATUS  | AGE     | NODE   |", "|-----------|---------|---------|--------|"]
    text = "\n".join([*head, *rows])
    shown = read(library, text, "psql -c 'select *'", level=Level.SAFE)
    assert "----" in shown.split("web-29", 1)[1]


def test_a_row_that_says_only_dashes_is_a_row(library: Headroom) -> None:
    rows = [f"web-{n:<6}  Running   {n:<6}  node-{n % 3}" for n in range(60)]
    rows[30] = "-           -         -       -"
    text = "\n".join(["NAME        STATUS    AGE     NODE", *rows])
    shown = read(library, text, "kubectl get pods", level=Level.SAFE)
    assert len(shown) < len(text)
    assert shown.split("web-29", 1)[1].split("web-31", 1)[0].count("-\t") == 3
