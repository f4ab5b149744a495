"""Learning when a session ends: one line, in bounded time, and never at the session's cost."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import psutil
import pytest

from headroom_wrap import paths, settings
from headroom_wrap.agents import AGENTS, Context
from headroom_wrap.wrap import lessons
from headroom_wrap.wrap.child import ChildExit
from headroom_wrap.wrap.plan import Launch


@pytest.fixture
def launch(tmp_path: Path) -> Launch:
    context = Context((), {**os.environ, paths.HOME_VARIABLE: str(tmp_path / "data")}, tmp_path, tmp_path)
    return Launch(AGENTS["claude"], context, settings.load({}, {}))


def learn(launch: Launch, body: str, ended: ChildExit | None = None, timeout_s: float = 20.0) -> str:
    """What is told of a program with this body in the place of `headroom learn`."""
    command = (sys.executable, "-c", f"import json, os, sys, time\n{body}")
    return lessons.learn(launch, ended or ChildExit(code=0), command=command, timeout_s=timeout_s)


def test_what_was_written_is_one_line(launch: Launch, tmp_path: Path) -> None:
    file = {
        "file": str(tmp_path / "CLAUDE.md"),
        "is_written": True,
        "added": ["f1", "f2"],
        "changed": ["f3"],
        "removed": [],
    }
    told = learn(launch, f"print({json.dumps({'projects': [{'files': [file]}], 'new_facts': 2})!r})")
    assert told == "learned: CLAUDE.md (2 new, 1 changed), the memory (2 new); headroom learn --undo takes it back."


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('print(\'{"projects": [], "new_facts": 0}\')', "learned nothing new"),
        ("sys.exit(2)", "headroom learn says why"),
        ("print('[1]')", "headroom learn says why"),
        ("raise ValueError", "headroom learn says why"),
        ("os.kill(os.getpid(), 9)", "headroom learn says why"),
    ],
)
def test_whatever_happens_it_is_one_line(body: str, said: str, launch: Launch) -> None:
    assert said in learn(launch, body)


def test_what_takes_too_long_is_ended_even_if_it_will_not(launch: Launch, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    body = (
        "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        f"open({str(pid)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)"
    )
    begun = time.monotonic()
    assert "nothing was learned within 1 s" in learn(launch, body, timeout_s=1.0)
    assert time.monotonic() - begun < 8
    assert not psutil.pid_exists(int(pid.read_text(encoding="utf-8")))


def test_an_agent_that_was_killed_is_not_learned_from(launch: Launch, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    assert learn(launch, f"open({str(ran)!r}, 'w')", ChildExit(signal=15)) == ""
    assert not ran.exists()


def test_a_module_that_lies_in_the_project_is_not_run(launch: Launch, tmp_path: Path) -> None:
    (tmp_path / "headroom_wrap").mkdir()
    (tmp_path / "headroom_wrap" / "__init__.py").write_text("raise SystemExit(3)", encoding="utf-8")
    assert lessons.learn(launch, ChildExit(code=0)) == "learned nothing new from this session."
