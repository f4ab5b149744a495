"""What a session says that is worth remembering; rather too little."""

from __future__ import annotations

from pathlib import Path

import pytest

from headroom_wrap.learn.asked import asked, shown
from headroom_wrap.learn.events import Call, Event, Outcome, Said, Session, ToolKind
from headroom_wrap.store import Kind


def session(*events: Event, started: float = 0.0) -> Session:
    return Session("claude", "s", Path("t.jsonl"), None, "", started, events)


def shell(command: str, text: str = "", **more: object) -> Call:
    outcome = Outcome.FAILED if text else Outcome.OK
    values: dict[str, object] = {"turn": 1, "outcome": outcome, "at": 10.0, **more}
    return Call(id="c", tool="Bash", kind=ToolKind.SHELL, command=command, text=text, **values)  # type: ignore[arg-type]


def test_what_the_user_asks_to_remember_is_found_from_a_time_on() -> None:
    told = session(
        Said(1, "Remember that the port is 8080.", 5.0), Said(2, "Remember that tests run with make check.", 15.0)
    )
    assert [found.text for found in asked(told, 10.0)] == ["Tests run with make check"]
    assert len(list(asked(told, 0.0))) == 2


def test_without_times_a_transcript_counts_by_its_beginning() -> None:
    said = Said(1, "Remember that the port is 8080.")
    assert len(list(asked(session(said, started=20.0), 10.0))) == 1
    assert list(asked(session(said, started=5.0), 10.0)) == []


@pytest.mark.parametrize("tool", ["mcp__headroom__memory_save", "headroom-memory_save", "headroom_memory_update"])
def test_what_the_agent_saved_itself_is_not_saved_again(tool: str) -> None:
    said = Said(1, "Remember that the port is 8080.", 5.0)
    saved = Call(1, "c", tool, ToolKind.OTHER, outcome=Outcome.OK, at=6.0)
    failed = Call(1, "c", tool, ToolKind.OTHER, outcome=Outcome.FAILED, at=6.0)
    assert list(asked(session(said, saved), 0.0)) == []
    assert len(list(asked(session(said, failed), 0.0))) == 1


def test_a_correction_is_shown_and_not_asked() -> None:
    told = session(shell("python3 -m unittest"), Said(1, "No, use pytest instead of unittest.", 15.0))
    assert list(asked(told, 0.0)) == []
    (found,) = shown(told, 0.0)
    assert found.kind is Kind.CORRECTION


@pytest.mark.parametrize(
    ("before", "text", "after"),
    [
        ("python -m pytest", "/bin/sh: python: command not found", "python3 -m pytest"),
        ("npm run tests", 'npm error Missing script: "tests"', "npm run test"),
        ("ruff check --fixx .", "error: unexpected argument '--fixx' found", "ruff check --fix ."),
        ("pytest", "bash: line 1: pytest: command not found", "python3 -m pytest"),
    ],
)
def test_a_command_that_worked_after_a_misspelt_one_is_a_lesson(before: str, text: str, after: str) -> None:
    (found,) = shown(session(shell(before, text), shell(after)), 0.0)
    assert found.kind is Kind.COMMAND
    assert after.removesuffix(" .") in found.text
    assert found.evidence in text


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (shell("pytest tests/a.py", "1 failed, 3 passed"), shell("pytest tests/b.py")),
        (shell("cat a.txt", "cat: a.txt: No such file or directory"), shell("cat b.txt")),
        (shell("foo --x", "foo: command not found"), shell("make all")),
        (shell("python a.py", "command not found"), shell("python3 a.py", "command not found")),
        (shell("python a.py", "command not found"), Call(1, "c", "Edit", ToolKind.EDIT, outcome=Outcome.OK, at=10.0)),
    ],
)
def test_other_pairs_are_no_lesson(first: Call, second: Call) -> None:
    assert list(shown(session(first, second), 0.0)) == []
