"""The real Claude Code's full-screen interface, in a pseudo-terminal, through a whole session."""

from __future__ import annotations

import termios
from typing import Any

import pexpect
import pytest

from headroom_wrap.emulator.server import EmulatedProvider
from tests.e2e.sandbox import CREDENTIALS, Sandbox, assert_append_only, sent_results, with_tools, wrap_claude
from tests.e2e.tasks import LARGE, RETRIEVES, TASKS, WORKS, Task

pytestmark = pytest.mark.e2e

PAIRS = [(WORKS, "key"), (LARGE, "token"), (RETRIEVES, "oauth")]


def modes(terminal: pexpect.spawn[str]) -> list[Any]:
    return termios.tcgetattr(terminal.child_fd)


def work_through(task: Task, credentials: str, sandbox: Sandbox, provider: EmulatedProvider) -> None:
    sandbox.onboard()
    sandbox.env.update(CREDENTIALS[credentials])
    terminal = sandbox.open_terminal(*wrap_claude("--allowedTools", "Bash", "--", task.prompt))
    before = modes(terminal)
    assert provider.wait_for(lambda: len(with_tools(provider.model_requests)) == task.n_calls, 40)
    assert provider.wait_for(lambda: all(call.finished for call in provider.model_requests), 10)
    leave(terminal)
    terminal.expect_exact("headroom: ")
    terminal.expect(pexpect.EOF)
    assert " -> " in (terminal.before or "")
    terminal.wait()
    assert (terminal.exitstatus, terminal.signalstatus) == (0, None)
    assert modes(terminal) == before
    terminal.close()
    assert_append_only(provider)
    assert any(task.answer in text for text in sent_results(with_tools(provider.model_requests)[-1]))
    assert sandbox.leftovers() == []


def leave(terminal: pexpect.spawn[str]) -> None:
    """Type /exit as a person would: the word, then, when it is on the screen, Enter."""
    terminal.send("/exit")
    terminal.expect(r"Exit the (CLI|REPL)|/exit")
    terminal.send("\r")


@pytest.mark.parametrize(("task", "credentials"), PAIRS, ids=lambda item: getattr(item, "name", item))
def test_a_task_in_the_tui_ends_as_it_would_without_us(
    task: Task, credentials: str, claude_sandbox: Sandbox, provider: EmulatedProvider
) -> None:
    work_through(task, credentials, claude_sandbox, provider)


@pytest.mark.soak
@pytest.mark.parametrize("credentials", CREDENTIALS)
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_task_with_every_sign_in_in_the_tui(
    task: Task, credentials: str, claude_sandbox: Sandbox, provider: EmulatedProvider
) -> None:
    work_through(task, credentials, claude_sandbox, provider)
