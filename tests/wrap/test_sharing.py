"""What a launch is given of the memory, and that it is frozen."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headroom_wrap import paths, settings
from headroom_wrap.agents import Context, Shared, agent_named
from headroom_wrap.memory import Memory
from headroom_wrap.store import Store, connections
from headroom_wrap.wrap import sharing
from headroom_wrap.wrap.plan import Launch

OLD, NEW = 1000.0, 2000.0


@pytest.fixture
def launch(tmp_path: Path) -> Launch:
    (tmp_path / "work").mkdir()
    env = {"HEADROOM_HOME": str(tmp_path / "data")}
    context = Context((), env, tmp_path / "work", tmp_path)
    return Launch(agent_named("claude"), context, settings.load({}, env))


def with_args(launch: Launch, *args: str, **flags: Any) -> Launch:
    context = replace(launch.context, args=args)
    return replace(launch, context=context, settings=settings.load(flags, launch.context.env))


@pytest.fixture
def memory(launch: Launch) -> Iterator[Memory]:
    store = Store(paths.store_file(launch.data))
    yield Memory(store, sharing.scope_of(launch))
    store.close()


def transcript(launch: Launch, at: str) -> str:
    """A conversation of Claude Code's that began then; gives its id."""
    id_ = "01234567-89ab-cdef-0123-456789abcdef"
    slug = str(launch.context.cwd.resolve())
    folder = launch.context.home / ".claude" / "projects" / "".join(c if c.isalnum() else "-" for c in slug)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{id_}.jsonl").write_text(json.dumps({"type": "user", "timestamp": at}) + "\n", encoding="utf-8")
    return id_


def shared(launch: Launch, now: float = NEW) -> Shared | None:
    return sharing.share(launch, now).shared


@pytest.mark.parametrize(
    ("mode", "has_facts", "is_given"),
    [("auto", False, False), ("auto", True, True), ("on", False, True), ("on", True, True), ("off", True, False)],
)
def test_auto_shares_once_there_are_facts(
    mode: str, launch: Launch, memory: Memory, *, has_facts: bool, is_given: bool
) -> None:
    if has_facts:
        memory.save("Use pnpm, never npm")
    given = shared(with_args(launch, memory=mode))
    assert (given is not None) is is_given
    assert bool(given and given.brief) is (is_given and has_facts)


def test_a_conversation_keeps_its_notes_whichever_way_it_is_taken_up_again(launch: Launch, memory: Memory) -> None:
    memory.save("Use pnpm, never npm")
    first = shared(launch, OLD)
    id_ = transcript(launch, "1970-01-01T00:16:45.123Z")  # 1005 s
    memory.save("The port is 8080")
    new = shared(launch, NEW)
    assert first is not None
    assert new is not None
    assert "8080" in new.brief
    for args in (("--continue",), ("-c",), ("-pc", "go on"), ("--resume", id_), ("-r", id_), (f"--resume={id_}", "x")):
        assert shared(with_args(launch, *args), NEW + 1) == replace(first, earlier=new.earlier)
    for args in (("--resume",), ("--resume", "a title"), ("-p", "x"), ("--", "--continue")):
        assert shared(with_args(launch, *args), NEW + 1) == new


def test_a_conversation_without_stays_without_and_no_memory_beats_all(launch: Launch, memory: Memory) -> None:
    transcript(launch, "1970-01-01T00:16:45Z")
    memory.save("Use pnpm, never npm")
    found = sharing.share(with_args(launch, "--continue", memory="on"), NEW)
    assert found.shared is None
    assert "stays without it" in found.note
    assert sharing.share(with_args(launch, "--continue"), NEW).note == ""
    shared(launch, OLD)
    assert shared(with_args(launch, "--continue")) is not None
    assert shared(with_args(launch, "--continue", memory="off")) is None


def test_a_conversation_begun_with_no_memory_gets_none_later(launch: Launch, memory: Memory) -> None:
    memory.save("Use pnpm, never npm")
    shared(launch, 500.0)
    shared(with_args(launch, memory="off"), OLD)
    transcript(launch, "1970-01-01T00:16:45Z")
    assert shared(with_args(launch, "--continue")) is None


def test_a_dry_run_writes_nothing(launch: Launch, memory: Memory) -> None:
    memory.save("Use pnpm, never npm")
    found = sharing.share(launch, NEW, is_dry=True).shared
    assert found is not None
    assert "pnpm" in found.brief
    store = Store(paths.store_file(launch.data), read_only=True)
    assert store.briefs.every(sharing.scope_of(launch), "claude") == []
    store.close()
    assert not (launch.data / "briefs").exists()


def test_a_dry_run_makes_no_store(launch: Launch) -> None:
    assert sharing.share(launch, NEW, is_dry=True) == sharing.Sharing()
    assert not launch.data.exists()


def test_what_cannot_be_noted_is_not_given(launch: Launch, memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "BUSY_TIMEOUT_S", 0.05)
    memory.save("Use pnpm, never npm")
    holder = sqlite3.connect(paths.store_file(launch.data), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    found = sharing.share(launch, NEW)
    off = sharing.share(with_args(launch, memory="off"), NEW)
    holder.close()
    assert found.shared is None
    assert found.note.startswith("this session goes without the memory: ")
    assert off == sharing.Sharing()


def test_a_broken_store_costs_the_memory_alone(launch: Launch) -> None:
    paths.make_private_dir(launch.data)
    paths.store_file(launch.data).write_bytes(b"no database" * 500)
    assert sharing.share(launch, NEW).note.startswith("this session goes without the memory: ")


def test_files_of_briefs_are_private_kept_while_known_and_swept(launch: Launch, memory: Memory) -> None:
    memory.save("Use pnpm, never npm")
    given = shared(launch)
    assert given is not None
    file = given.folder / "notes.md"
    sharing.write(file, given.brief)
    before = file.stat()
    sharing.write(file, given.brief)
    assert file.stat().st_ino == before.st_ino
    assert (file.stat().st_mode & 0o777, given.folder.stat().st_mode & 0o777) == (0o600, 0o700)
    shared(launch)
    assert file.is_file()
    memory.erase("m1")
    sharing.sweep(launch.data, set())
    assert not given.folder.exists()
