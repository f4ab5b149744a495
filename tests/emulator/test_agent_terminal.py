from __future__ import annotations

import os
import shlex
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pexpect
import psutil
import pytest

from headroom_wrap.emulator.server import EmulatedProvider

ROOT = Path(__file__).parents[2]


AGENT = shlex.join([sys.executable, "-m", "headroom_wrap.emulator.agent", "--interactive"])


@pytest.fixture
def shell(provider: EmulatedProvider, tmp_path: Path) -> Iterator[pexpect.spawn[str]]:
    """A shell with job control, as a person has it: without one, nobody could be stopped."""
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        "ANTHROPIC_BASE_URL": provider.url,
        "ANTHROPIC_API_KEY": "k",
        "PS1": "shell$ ",
        "TERM": "dumb",
    }
    child = pexpect.spawn("bash", ["--norc", "-i"], env=env, cwd=str(tmp_path), timeout=10, encoding="utf-8")
    child.expect_exact("shell$ ")
    child.sendline(AGENT)
    child.expect_exact("\r\n> ")
    yield child
    child.close(force=True)


def _is_raw(child: pexpect.spawn[str]) -> bool:
    return not termios.tcgetattr(child.child_fd)[3] & termios.ISIG


def test_prompts_are_answered_until_ctrl_c(shell: pexpect.spawn[str], provider: EmulatedProvider) -> None:
    assert _is_raw(shell)
    shell.send('[[tool Bash {"command": "echo one"}]] [[find one]]x\x7f\r')
    shell.expect_exact("step 1: Bash echo one -> 3 characters")
    shell.expect_exact("\r\none\r\n> ")
    shell.send("[[say two]]\r")
    shell.expect_exact("\r\ntwo\r\n> ")
    shell.send("\x03")
    shell.expect_exact("shell$ ")
    shell.sendline("echo code $?")
    shell.expect_exact("\r\ncode 0\r\n")
    assert [row.prefix_break for row in provider.cache_report().rows] == [None, None, None]


def test_ctrl_z_stops_it_and_fg_brings_it_back(shell: pexpect.spawn[str]) -> None:
    shell.send("[[say b\x1a")
    shell.expect_exact("Stopped")
    shell.expect_exact("shell$ ")
    shell.sendline("fg")
    shell.expect_exact("\r\n> [[say b")
    assert _is_raw(shell)
    shell.send("ack]]\r")
    shell.expect_exact("\r\nback\r\n> ")


def test_sigterm_leaves_the_terminal_as_it_was(shell: pexpect.spawn[str]) -> None:
    assert shell.pid is not None
    (agent,) = psutil.Process(shell.pid).children()
    agent.terminate()
    shell.expect_exact("shell$ ")
    shell.sendline("echo code $?; stty -a")
    shell.expect_exact("code 143")
    shell.expect(r"[^-]isig icanon ")
