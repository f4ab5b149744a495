"""Texts that agents share: those of one program, and those of several at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from headroom import HeadroomError, SharedContext
from headroom_wrap.store import Cut, Store
from tests.library.test_compress import LOG


def test_what_one_agent_puts_another_gets_short_or_whole(tmp_path: Path) -> None:
    with SharedContext(store=tmp_path / "s.sqlite3") as context:
        shared = context.put("log", LOG, agent="researcher", query="the error")
        assert context.get("log") == shared.text
        assert "ERROR cannot open /var/lib/queue.db" in shared.text
        assert shared.tokens_after < 0.4 * shared.tokens_before
        assert context.get("log", full=True) == LOG
        assert shared.original_id in shared.text
        assert (shared.key, shared.agent) == ("log", "researcher")


def test_a_short_text_stays_and_a_key_can_be_put_again(tmp_path: Path) -> None:
    with SharedContext(store=tmp_path / "s.sqlite3") as context:
        context.put("plan", "first")
        context.put("log", LOG)
        context.put("plan", "second")
        assert context.get("plan") == context.get("plan", full=True) == "second"
        assert context.keys() == ["plan", "log"]


def test_a_key_that_was_never_put_is_named_with_those_that_were(tmp_path: Path) -> None:
    with SharedContext(store=tmp_path / "s.sqlite3") as context:
        context.put("plan", "x")
        with pytest.raises(HeadroomError, match="Keys so far: plan"):
            context.get("log")


WORKER = """
import sys
from headroom import SharedContext
store, who, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
with SharedContext("crew", store=store) as context:
    print("ready", flush=True)
    sys.stdin.readline()
    for turn in range(rounds):
        text = "".join(f"{who} {turn} line {line} of the finding\\n" for line in range(60))
        context.put("latest", text, agent=who)
        context.put(f"{who}-{turn}", text, agent=who)
        assert context.get(f"{who}-{turn}", full=True) == text
        whole = context.get("latest", full=True).splitlines()
        assert len(whole) == 60 and len({" ".join(line.split()[:2]) for line in whole}) == 1, whole[:3]
"""
"""Each line of a text says who wrote it in which turn: a text that is mixed of two would show."""


def start(store: Path, who: str, rounds: int) -> subprocess.Popen[str]:
    argv = [sys.executable, "-c", WORKER, str(store), who, str(rounds)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=dict(os.environ))
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_processes_that_put_at_once_lose_nothing_and_never_see_half_a_text(tmp_path: Path) -> None:
    store = tmp_path / "s.sqlite3"
    names = [f"agent{number}" for number in range(4)]
    processes = [start(store, name, 8) for name in names]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        _, complaint = process.communicate(timeout=90)
        assert (process.returncode, complaint) == (0, "")
    with SharedContext("crew", store=store) as context:
        assert set(context.keys()) == {"latest", *(f"{name}-{turn}" for name in names for turn in range(8))}
        assert {context.entry(f"{name}-3").agent for name in names} == set(names)


def test_a_process_that_is_killed_leaves_what_it_had_put(tmp_path: Path) -> None:
    store = tmp_path / "s.sqlite3"
    process = start(store, "agent", 100_000)
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    with SharedContext("crew", store=store) as context:
        while len(keys := context.keys()) < 4:
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
        for key in keys:
            assert len(context.get(key, full=True).splitlines()) == 60
        context.put("latest", "after")
        assert context.get("latest") == "after"


def test_without_a_name_nobody_else_sees_the_keys_and_they_go_with_the_object(tmp_path: Path) -> None:
    store = tmp_path / "s.sqlite3"
    with SharedContext(store=store) as mine, SharedContext(store=store) as other, SharedContext("x", store=store) as x:
        mine.put("plan", "mine")
        x.put("plan", "named")
        assert (other.keys(), mine.get("plan"), x.get("plan")) == ([], "mine", "named")
    held = Store(store)
    rows = held.shared_texts
    assert rows.keys("=x") == ["plan"]
    held.purge(Cut(float("inf"), float("inf")))
    assert rows.keys("=x") == []
    held.close()
