"""The history: what is read, what is not read again, whose sessions are told, and what is never kept."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headroom_wrap.learn.events import Call, Session
from headroom_wrap.learn.findings import FindingKind, Sighting
from headroom_wrap.learn.history import Progress, Seen, sightings
from headroom_wrap.learn.readers import READERS, Reader, Tally
from headroom_wrap.store import Store
from tests.learn.handmade import (
    AT_S,
    claude_call,
    claude_result,
    claude_said,
    codex_call,
    codex_meta,
    codex_output,
    context,
    write_lines,
)

CANARY = "sk-ant-api03-0123456789abcdefghij"


def mine(session: Session) -> list[Sighting]:
    """One sighting for each command."""
    return [
        Sighting(
            FindingKind.COMMAND, call.command, f"Say {call.command}", session.agent, session.id, call.at, call.text,
            tokens_lost=7, weight=0.5,
        )
        for call in session.events
        if isinstance(call, Call)
    ]  # fmt: skip


class History:
    """A home with transcripts, and a store."""

    def __init__(self, root: Path) -> None:
        self.home = root / "home"
        self.work = root / "app"
        self.other = root / "other"
        for folder in (self.work, self.other):
            (folder / ".git").mkdir(parents=True)
            (folder / ".git" / "HEAD").write_text("ref: refs/heads/main\n", encoding="utf-8")
        self.store = Store(root / "store.db")
        self.read: list[str] = []
        self.progress: list[Progress] = []

    def claude(self, name: str, command: str, cwd: Path | None = None, *, text: str = "ok", at: float = AT_S) -> Path:
        """A session of Claude Code's with one command."""
        where: dict[str, Any] = {"cwd": str(cwd or self.work), "sessionId": name}
        lines = claude_call("1", "Bash", {"command": command}, **where), claude_result("1", text, **where)
        file = self.home / ".claude" / "projects" / "-app" / f"{name}.jsonl"
        return touched(write_lines(file, claude_said("Look.", **where), *lines), at)

    def codex(self, name: str, command: str, at: float = AT_S) -> Path:
        """A thread of Codex's with one command."""
        lines = codex_call("1", "exec_command", cmd=command), codex_output("1", "Exit code: 1\nOutput:\nno")
        file = self.home / ".codex" / "sessions" / "2026" / "03" / "01" / f"rollout-{name}.jsonl"
        return touched(write_lines(file, codex_meta(id=name, cwd=str(self.work)), *lines), at)

    def aider(self, folder: Path, command: str) -> Path:
        file = folder / ".aider.chat.history.md"
        file.write_text(f"\n# aider chat started at 2026-03-01 10:00:00\n\n#### /run {command}  \n", encoding="utf-8")
        return file

    def seen(self, miner: str = "1", **chosen: Any) -> list[Seen]:
        """One run; what it read stands in `read` afterwards."""
        self.read.clear()
        self.progress.clear()
        return list(
            sightings(
                {name: self._spied(reader) for name, reader in READERS.items()},
                context(self.home, self.work), self.store, mine, miner=miner, progress=self.progress.append, **chosen,
            )
        )  # fmt: skip

    def _spied(self, reader: Reader) -> Reader:
        def read(file: Path, tally: Tally | None = None) -> Iterator[Session]:
            self.read.append(file.name)
            return reader.read(file, tally)

        return replace(reader, read=read)


def touched(file: Path, at: float) -> Path:
    os.utime(file, (at, at))
    return file


def subjects(seen: list[Seen]) -> list[str]:
    return [each.sighting.subject for each in seen]


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    history = History(tmp_path)
    yield history
    history.store.close()


def test_all_agents_are_read_the_newest_first_and_each_sighting_knows_its_project(history: History) -> None:
    history.claude("c1", "make old", at=AT_S)
    history.codex("t1", "make new", at=AT_S + 60)
    history.claude("c2", "make other", history.other, at=AT_S + 30)
    seen = history.seen()
    assert subjects(seen) == ["make new", "make other", "make old"]
    assert [each.project for each in seen] == [history.work, history.other, history.work]
    first = seen[0].sighting
    expected = Sighting(FindingKind.COMMAND, "make new", "Say make new", "codex", "t1", AT_S, "no", 7, 0.5)
    assert first == expected


def test_a_second_run_reads_nothing_and_says_the_same(history: History) -> None:
    history.claude("c1", "make a")
    history.codex("t1", "make b")
    first = history.seen()
    assert len(history.read) == 2
    assert history.seen() == first
    assert history.read == []
    assert history.progress == [Progress(0, 0, None, 2, 2, 0)]


def test_a_transcript_that_grew_is_read_again_and_the_others_are_not(history: History) -> None:
    history.claude("c1", "make a")
    history.codex("t1", "make b")
    history.seen()
    history.claude("c1", "make a more", at=AT_S + 5)
    assert set(subjects(history.seen())) == {"make a more", "make b"}
    assert history.read == ["c1.jsonl"]


def test_a_better_miner_reads_everything_again(history: History) -> None:
    history.claude("c1", "make a")
    history.seen(miner="1")
    assert subjects(history.seen(miner="2")) == ["make a"]
    assert history.read == ["c1.jsonl"]
    assert subjects(history.seen(miner="2")) == ["make a"]
    assert history.read == ["c1.jsonl"][1:]


def test_of_other_projects_only_the_first_bytes_are_read(history: History) -> None:
    (history.work / "src").mkdir()
    history.claude("c1", "make a", history.work / "src")
    history.claude("c2", "make other", history.other)
    assert subjects(history.seen(project=history.work)) == ["make a"]
    assert history.read == ["c1.jsonl"]
    assert subjects(history.seen(project=history.other)) == ["make other"]
    assert history.read == ["c2.jsonl"]
    assert len(history.seen()) == 2
    assert history.read == []


def test_agents_and_times_are_chosen(history: History) -> None:
    history.claude("c1", "make a", at=AT_S)
    history.codex("t1", "make b", at=AT_S)
    assert subjects(history.seen(agents=["codex"])) == ["make b"]
    assert subjects(history.seen(since=AT_S - 1)) == ["make a", "make b"]
    # What was written to later may hold what is older.
    touched(history.claude("c1", "make a"), AT_S + 60)
    assert history.seen(since=AT_S + 30) == []
    assert history.read == ["c1.jsonl"]
    assert history.seen(since=AT_S + 90) == []
    assert history.read == []


def test_transcripts_that_lie_with_a_project_are_found_through_the_others(history: History) -> None:
    history.claude("c1", "make a", history.other)
    history.aider(history.work, "make here")
    history.aider(history.other, "make there")
    seen = history.seen()
    assert {(each.project, each.sighting.subject) for each in seen} == {
        (history.other, "make a"),
        (history.work, "make here"),
        (history.other, "make there"),
    }
    assert len(seen) == 3
    assert subjects(history.seen(project=history.other, agents=["aider"])) == ["make there"]


def test_a_credential_is_never_kept(history: History) -> None:
    history.claude("c1", f"curl -H {CANARY} x")
    history.claude("c2", "env", text=f"KEY is {CANARY}")
    seen = history.seen()
    assert [(each.sighting.subject, each.sighting.quote) for each in seen] == [("env", "KEY is [redacted]")]
    assert history.seen() == seen
    history.store.close()
    assert all(CANARY.encode() not in file.read_bytes() for file in history.store.path.parent.glob("store.db*"))


def test_a_transcript_that_is_gone_or_cannot_be_read_costs_no_other(history: History) -> None:
    gone = history.claude("c1", "make a")
    history.codex("t1", "make b")
    broken = history.home / ".local" / "share" / "opencode" / "opencode.db"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"no database " * 100)
    assert set(subjects(history.seen())) == {"make a", "make b"}
    gone.unlink()
    assert subjects(history.seen()) == ["make b"]
    assert history.store.learned_files.get(str(gone)) is None


def test_what_was_read_is_kept_also_when_the_run_is_broken_off(history: History) -> None:
    history.claude("c1", "make a", at=AT_S + 60)
    history.claude("c2", "make b", at=AT_S)
    run = sightings(READERS, context(history.home, history.work), history.store, mine, miner="1")
    assert next(run).sighting.subject == "make a"
    assert isinstance(run, Generator)
    run.close()
    history.seen()
    assert history.read == ["c2.jsonl"]


def test_progress_tells_bytes_and_what_could_not_be_read(history: History) -> None:
    first, second = history.claude("c1", "make a", at=AT_S + 60), history.claude("c2", "make b", at=AT_S)
    second.write_bytes(second.read_bytes() + b'{"type":"user", cut')
    touched(second, AT_S)
    history.seen()
    sizes = [file.stat().st_size for file in (first, second)]
    assert history.progress == [
        Progress(0, sum(sizes), first, 0, 0, 0),
        Progress(sizes[0], sum(sizes), second, 1, 1, 0),
        Progress(sum(sizes), sum(sizes), None, 2, 2, 1),
    ]
