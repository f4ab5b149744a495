"""Terminal modes on a real pseudo-terminal."""

from __future__ import annotations

import json
import os
import sys
import termios
import tty
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from headroom_wrap.wrap import terminal
from tests.wrap.running import until


@pytest.fixture
def pair() -> Iterator[tuple[int, int]]:
    """Both ends of a pseudo-terminal."""
    ends = os.openpty()
    yield ends
    for end in ends:
        os.close(end)


def test_modes_survive_the_way_to_the_guard_and_back(pair: tuple[int, int]) -> None:
    _, slave = pair
    for is_raw in (False, True):
        if is_raw:
            tty.setraw(slave)
        before = termios.tcgetattr(slave)
        sent = json.loads(json.dumps(terminal.modes_to_json(before)))
        tty.setcbreak(slave)
        terminal.set_modes(slave, sent)
        assert termios.tcgetattr(slave) == before


def test_a_terminal_that_is_gone_is_no_error(pair: tuple[int, int]) -> None:
    master, slave = pair
    modes = terminal.get_modes(slave)
    gone = os.open(os.ttyname(slave), os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    os.close(gone)
    assert terminal.get_modes(gone) is None
    terminal.set_modes(gone, modes)
    terminal.write_reset(gone)
    os.write(master, b"x")


def test_the_foreground_of_another_session_is_seen() -> None:
    program = "import os, signal; print(os.getpgrp(), flush=True); signal.pause()"
    leader = pexpect.spawn(sys.executable, ["-I", "-S", "-c", program], encoding="utf-8", timeout=10)
    pid = leader.pid or 0
    try:
        leader.expect_exact("\r\n")
        assert terminal.foreground_of(pid) == int(str(leader.before))
    finally:
        leader.close(force=True)
    until(lambda: terminal.foreground_of(pid) is None, "no foreground without a leader")


def test_modes_are_put_back_unless_a_shell_is_in_front(pair: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    _, slave = pair
    before = termios.tcgetattr(slave)
    for front, ours, is_put_back in (
        (None, {5}, True),
        (5, {5}, True),
        (os.getpgrp(), {os.getpgrp() + 1}, False),
        (2**22 + 1, {5}, True),
    ):
        tty.setraw(slave)
        raw = termios.tcgetattr(slave)
        monkeypatch.setattr(terminal, "foreground_of", lambda _session, front=front: front)
        terminal.restore_for(slave, terminal.modes_to_json(before), session=1, ours=ours)
        assert termios.tcgetattr(slave) == (before if is_put_back else raw)


def test_without_any_terminal_there_is_none() -> None:
    code = "from headroom_wrap.wrap.terminal import Terminal; raise SystemExit(Terminal.open() is not None)"
    with Path(os.devnull).open("r+b") as null:
        child = os.posix_spawn(
            sys.executable,
            [sys.executable, "-c", code],
            os.environ,
            setsid=True,
            file_actions=[(os.POSIX_SPAWN_DUP2, null.fileno(), number) for number in (0, 1, 2)],
        )
    assert os.waitpid(child, 0)[1] == 0
