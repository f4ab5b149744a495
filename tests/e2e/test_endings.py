"""However a session ends, within three seconds nothing of ours is left, and the terminal is as it was."""

from __future__ import annotations

import signal
import socket
import termios
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from headroom_wrap.emulator.faults import hold
from headroom_wrap.emulator.server import EmulatedProvider
from headroom_wrap.wrap.sessions import SessionRecord, live_sessions
from tests.e2e.sandbox import CREDENTIALS, Sandbox, wrap_claude, wrap_scripted
from tests.e2e.tasks import LARGE
from tests.wrap.running import hang_up, is_alive, until

pytestmark = pytest.mark.e2e

LIMIT_S = 3.0
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)


class Watched:
    """A session that waits for its provider, and everything that runs in it."""

    def __init__(self, wrapper_pid: int, data: Path) -> None:
        self.wrapper = psutil.Process(wrapper_pid)
        (self.record,) = live_sessions(data)
        self.all = [self.wrapper, *self.wrapper.children(recursive=True)]
        self.agent = next(p for p in self.wrapper.children() if "guard" not in " ".join(p.cmdline()))

    def gone(self) -> bool:
        return not any(is_alive(process.pid) and process.is_running() for process in self.all)


def port_is_closed(record: SessionRecord) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", record.port)) != 0


def under_way(provider: EmulatedProvider, n_calls: int = 1) -> None:
    assert provider.wait_for(lambda: len(provider.model_requests) >= n_calls, 30)


def assert_nothing_is_left(watched: Watched, sandbox: Sandbox) -> None:
    until(watched.gone, "every process ends", LIMIT_S)
    until(lambda: port_is_closed(watched.record), "the port is free", LIMIT_S)
    until(lambda: sandbox.leftovers() == [], "the session's folder is gone", LIMIT_S)


def end(argv: tuple[str, ...], sandbox: Sandbox, provider: EmulatedProvider, kill: Callable[[Watched], None]) -> int:
    """End a session without a terminal; gives the wrapper's exit code as its parent sees it."""
    process = sandbox.start(*argv)
    under_way(provider)
    watched = Watched(process.pid, sandbox.data)
    kill(watched)
    process.communicate(timeout=LIMIT_S)
    assert_nothing_is_left(watched, sandbox)
    return process.returncode


def end_in_terminal(
    argv: tuple[str, ...], sandbox: Sandbox, provider: EmulatedProvider, kill: Callable[[Watched], None]
) -> None:
    terminal = sandbox.open_terminal(*argv)
    before = termios.tcgetattr(terminal.child_fd)
    under_way(provider)
    watched = Watched(terminal.pid or 0, sandbox.data)
    kill(watched)
    assert_nothing_is_left(watched, sandbox)
    assert termios.tcgetattr(terminal.child_fd) == before
    terminal.close()


@pytest.fixture
def provider(provider: EmulatedProvider) -> EmulatedProvider:
    """A provider that stops in the middle of its first answer."""
    provider.faults.add(hold(at_event=2), times=None)
    return provider


@pytest.fixture
def sandbox(sandbox: Sandbox) -> Sandbox:
    sandbox.env.update(CREDENTIALS["key"])
    sandbox.onboard()
    return sandbox


SCRIPTED = wrap_scripted("-p", LARGE.prompt)
CLAUDE_PRINT = wrap_claude("--allowedTools=Bash", "-p", LARGE.prompt)
CLAUDE_TUI = wrap_claude("--allowedTools=Bash", "--", LARGE.prompt)


def to_wrapper(number: int) -> Callable[[Watched], None]:
    return lambda watched: watched.wrapper.send_signal(number)


def to_agent(number: int) -> Callable[[Watched], None]:
    return lambda watched: watched.agent.send_signal(number)


TARGETS = {"wrapper": to_wrapper, "agent": to_agent}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_without_a_terminal(
    target: str, number: signal.Signals, sandbox: Sandbox, provider: EmulatedProvider
) -> None:
    # Like Claude Code, the scripted agent turns signals into exit codes; of SIGKILL, and as a wrapper, one dies.
    code = end(SCRIPTED, sandbox, provider, TARGETS[target](number))
    assert code == (-number if number == signal.SIGKILL else 128 + number)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_in_a_terminal(
    target: str, number: signal.Signals, sandbox: Sandbox, provider: EmulatedProvider
) -> None:
    end_in_terminal(SCRIPTED, sandbox, provider, TARGETS[target](number))


def test_a_terminal_that_closes(sandbox: Sandbox, provider: EmulatedProvider) -> None:
    terminal = sandbox.open_terminal(*SCRIPTED)
    under_way(provider)
    watched = Watched(terminal.pid or 0, sandbox.data)
    hang_up(terminal)
    assert_nothing_is_left(watched, sandbox)


PAIRS = [
    (CLAUDE_PRINT, "wrapper", signal.SIGTERM),
    (CLAUDE_PRINT, "agent", signal.SIGKILL),
    (CLAUDE_TUI, "wrapper", signal.SIGKILL),
    (CLAUDE_TUI, "wrapper", signal.SIGHUP),
    (CLAUDE_TUI, "agent", signal.SIGKILL),
    (CLAUDE_TUI, "agent", signal.SIGTERM),
]


@pytest.mark.parametrize(("argv", "target", "number"), PAIRS)
def test_a_signal_to_a_session_of_claude_code(
    argv: tuple[str, ...], target: str, number: signal.Signals, claude_sandbox: Sandbox, provider: EmulatedProvider
) -> None:
    ending = end_in_terminal if argv is CLAUDE_TUI else end
    ending(argv, claude_sandbox, provider, TARGETS[target](number))


@pytest.mark.soak
@pytest.mark.parametrize("argv", [CLAUDE_PRINT, CLAUDE_TUI])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("number", SIGNALS)
def test_every_signal_to_every_session_of_claude_code(
    argv: tuple[str, ...], target: str, number: signal.Signals, claude_sandbox: Sandbox, provider: EmulatedProvider
) -> None:
    ending = end_in_terminal if argv is CLAUDE_TUI else end
    ending(argv, claude_sandbox, provider, TARGETS[target](number))


def test_claude_codes_terminal_that_closes(claude_sandbox: Sandbox, provider: EmulatedProvider) -> None:
    terminal = claude_sandbox.open_terminal(*CLAUDE_TUI)
    under_way(provider)
    watched = Watched(terminal.pid or 0, claude_sandbox.data)
    hang_up(terminal)
    assert_nothing_is_left(watched, claude_sandbox)
