"""What is kept of a session when it is over."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from headroom_wrap import paths, settings
from headroom_wrap.agents import Context, agent_named
from headroom_wrap.learn.events import Said, Session
from headroom_wrap.learn.readers import READERS, Reader, Tally
from headroom_wrap.memory import Memory
from headroom_wrap.store import Fact, Store
from headroom_wrap.wrap import gathering, sharing, summary
from headroom_wrap.wrap.plan import Launch, Start

ASKED, CORRECTED = "Remember that the port is 8080.", "No, use pytest instead of unittest."


@pytest.fixture
def launch(tmp_path: Path) -> Launch:
    (tmp_path / "work").mkdir()
    env = {"HEADROOM_HOME": str(tmp_path / "data")}
    return Launch(agent_named("claude"), Context((), env, tmp_path / "work", tmp_path), settings.load({}, env))


def said(launch: Launch, *texts: str, at: float | None = None, cwd: Path | None = None, name: str = "s1") -> Path:
    """A transcript of Claude Code's in which the user says this, and the agent calls a tool in between."""
    stamp = datetime.fromtimestamp(at or time.time(), timezone.utc).isoformat()
    folder = launch.context.home / ".claude" / "projects" / "p"
    folder.mkdir(parents=True, exist_ok=True)
    call = {"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "python3 -m unittest"}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": "OK"}
    messages = [message for text in texts for message in (("user", text), ("assistant", [call]), ("user", [result]))]
    lines = [
        {
            "type": role, "uuid": f"u{n}", "sessionId": name, "cwd": str(cwd or launch.context.cwd),
            "timestamp": stamp, "message": {"role": role, "content": content},
        }
        for n, (role, content) in enumerate(messages)
    ]  # fmt: skip
    file = folder / f"{name}.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return file


def gathered(
    launch: Launch, *, since: float | None = None, is_shared: bool = True, limit_s: float = 20.0
) -> list[Fact]:
    since = time.time() - 60 if since is None else since
    return gathering.gather(launch, "h1", since, is_shared=is_shared, limit_s=limit_s)


def test_what_the_user_asked_is_kept_with_its_source(launch: Launch) -> None:
    said(launch, ASKED)
    (fact,) = gathered(launch, is_shared=False)
    assert (fact.text, fact.agent, fact.session, fact.evidence) == ("The port is 8080", "claude", "h1", ASKED)
    assert gathered(launch) == []


def test_corrections_are_kept_where_the_memory_is_shared(launch: Launch) -> None:
    said(launch, ASKED, CORRECTED)
    assert [fact.kind.value for fact in gathered(launch)] == ["environment", "correction"]


def test_a_session_without_the_memory_keeps_no_corrections_and_with_it_off_nothing(launch: Launch) -> None:
    said(launch, CORRECTED)
    assert gathered(launch, is_shared=False) == []
    said(launch, ASKED)
    off = replace(launch, settings=settings.load({"memory": "off"}, launch.context.env))
    assert gathered(off) == []


def test_what_was_said_before_or_elsewhere_is_not_kept(launch: Launch, tmp_path: Path) -> None:
    said(launch, ASKED, at=time.time() - 3600, name="old")
    other = tmp_path / "other"
    other.mkdir()
    said(launch, ASKED, cwd=other, name="elsewhere")
    unchanged = said(launch, ASKED, name="unchanged")
    os.utime(unchanged, (1.0, 1.0))
    assert gathered(launch) == []


def test_what_claude_noted_in_its_own_memory_meanwhile_is_kept_for_all_and_left_as_it_is(launch: Launch) -> None:
    slug = "".join(char if char.isalnum() else "-" for char in str(launch.context.cwd.resolve()))
    folder = launch.context.home / ".claude" / "projects" / slug / "memory"
    folder.mkdir(parents=True)
    (folder / "MEMORY.md").write_text("- [Tests](tests.md) - how tests run\n", encoding="utf-8")
    head = "---\nname: tests\ndescription: How integration tests run\nmetadata:\n  type: feedback\n---\n"
    note = folder / "tests.md"
    note.write_text(f"{head}\nIntegration tests need a real database.\n\n**Why:** mocks lied.\n", encoding="utf-8")
    old = folder / "old.md"
    old.write_text(f"{head}\nSomething from before.\n", encoding="utf-8")
    os.utime(old, (1.0, 1.0))
    before = note.read_bytes()
    assert gathered(launch, is_shared=False) == []
    (fact,) = gathered(launch)
    assert (fact.text, fact.kind.value) == ("Integration tests need a real database.", "correction")
    assert fact.evidence == "How integration tests run"
    assert note.read_bytes() == before
    given = sharing.share(launch, time.time()).shared
    assert given is not None
    assert "real database" not in given.brief


def test_a_secret_is_passed_over_and_the_rest_kept(launch: Launch) -> None:
    said(launch, f"Remember that the key is sk-ant-{'a1' * 20}.", ASKED)
    assert [fact.text for fact in gathered(launch)] == ["The port is 8080"]


def test_a_transcript_that_takes_too_long_does_not_keep_the_user_waiting(
    launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = said(launch, "hello")
    released = threading.Event()

    def read(file: Path, tally: Tally | None = None) -> Iterator[Session]:
        yield Session("claude", "s", file, None, "", 0.0, (Said(1, ASKED, time.time()),))
        released.wait(30)
        assert tally is None

    monkeypatch.setattr(
        "headroom_wrap.learn.readers.READERS", {"claude": Reader("claude", lambda _: iter([written]), read)}
    )
    began = time.monotonic()
    found = gathered(launch, limit_s=1.0)
    took = time.monotonic() - began
    released.set()
    assert [fact.text for fact in found] == ["The port is 8080"]
    assert took < 10


def test_a_store_that_fails_costs_nothing(launch: Launch) -> None:
    said(launch, ASKED)
    paths.make_private_dir(launch.data)
    paths.store_file(launch.data).write_bytes(b"no database" * 500)
    assert gathered(launch) == []


def test_every_agent_with_a_reader_is_one_that_can_be_wrapped() -> None:
    assert all(agent_named(name).name == name for name in READERS)


def test_saved_facts_are_told_with_the_cost(launch: Launch) -> None:
    store = Store(paths.store_file(launch.data))
    Memory(store, sharing.scope_of(launch)).save("Use pnpm, never npm", agent="claude", session="h1")
    store.close()
    start = Start(("claude",), {}, {}, (), {}, brief="some notes", has_memory_tools=True)
    line = gathering.told(launch, "h1", start, 3, [])
    assert line.startswith("headroom: memory: notes of 2 tokens and tools of ")
    assert line.endswith("; 1 fact saved (m1; see headroom memory list)")


def test_a_session_that_paid_nothing_and_got_nothing_says_nothing() -> None:
    assert summary.describe_memory(n_notes=0, n_tools=0, n_requests=9, saved=()) == ""
    assert summary.describe_memory(n_notes=5, n_tools=0, n_requests=0, saved=()) == ""
    line = summary.describe_memory(n_notes=100, n_tools=200, n_requests=2, saved=())
    assert line == (
        "headroom: memory: notes of 100 tokens and tools of 200 in 2 requests, at most 600 tokens in all; no fact saved"
    )
