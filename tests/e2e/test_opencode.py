"""The real OpenCode through a whole session: three wires, the user's own files, the way back over MCP."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import termios
from pathlib import Path

import pexpect
import pytest

from headroom_wrap.emulator.server import EmulatedProvider
from tests.e2e.sandbox import AGENTS_VARIABLE, Sandbox, assert_append_only, with_tools
from tests.e2e.tasks import FATAL, HIDDEN
from tests.wrap.running import until

pytestmark = pytest.mark.e2e

QUIET = {"OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_DISABLE_MODELS_FETCH": "1"}
LOG = '[[tool bash {"command":"cat app.log","description":"read"}]]'


@pytest.fixture
def user(sandbox: Sandbox) -> Sandbox:
    """The sandbox, where the real OpenCode is installed; the test skips where it is not."""
    if shutil.which("opencode", path=os.environ.get(AGENTS_VARIABLE, "")) is None:
        pytest.skip(f"OpenCode is not installed: {AGENTS_VARIABLE} names no folder with it")
    del sandbox.env["ANTHROPIC_BASE_URL"]
    sandbox.env.update(QUIET)
    (sandbox.work / ".git").mkdir()
    return sandbox


def configure(file: Path, content: object) -> bytes:
    """Write a file of the user's, with a comment; gives its bytes."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"// mine\n{json.dumps(content, indent=2)}\n", encoding="utf-8")
    return file.read_bytes()


def ask(user: Sandbox, prompt: str, *flags: str) -> subprocess.CompletedProcess[str]:
    # OpenCode puts quotes around an argument with spaces, and a backslash before its quotes.
    words = prompt.split(" ")
    return user.run(sys.executable, "-m", "headroom_wrap", "wrap", "opencode", "run", *flags, *words)


def assert_sound(done: subprocess.CompletedProcess[str], user: Sandbox, provider: EmulatedProvider) -> None:
    assert done.returncode == 0, done.stderr
    calls = with_tools(provider.model_requests)
    assert_append_only(provider)
    assert all(call.json["tools"] == calls[0].json["tools"] for call in calls)
    assert b"[headroom h" in calls[-1].content
    assert all("/k/" not in request.path for request in provider.requests)
    assert user.leftovers() == []


WIRES = [
    ("anthropic/claude-sonnet-4-5", "/v1/messages", {"ANTHROPIC_API_KEY": "sk-ant-mine", "ANTHROPIC_BASE_URL": "{}"}),
    ("openai/gpt-5", "/v1/responses", {"OPENAI_API_KEY": "sk-mine", "OPENAI_BASE_URL": "{}"}),
    ("corp/small", "/v1/chat/completions", {"CORP_KEY": "corp-mine"}),
]


@pytest.mark.parametrize(("model", "path", "env"), WIRES)
def test_the_model_reads_short_outputs_and_fetches_what_was_elided(
    model: str, path: str, env: dict[str, str], user: Sandbox, provider: EmulatedProvider
) -> None:
    url = f"{provider.url}/v1"
    user.env.update({name: value.format(url) for name, value in env.items()})
    corp = {"npm": "@ai-sdk/openai-compatible", "models": {"small": {"name": "Small"}}}
    options = {"baseURL": url, "apiKey": "{env:CORP_KEY}"}
    file = user.home / ".config" / "opencode" / "opencode.jsonc"
    before = configure(file, {"permission": "allow", "provider": {"corp": {**corp, "options": options}}})
    done = ask(user, f"Look. {LOG} [[retrieve]] [[find {HIDDEN}]]", "-m", model)
    assert_sound(done, user, provider)
    assert HIDDEN in done.stdout
    assert "1 retrieval" in done.stderr
    assert {request.path for request in provider.model_requests} == {path}
    assert all("mine" in request.credential for request in provider.model_requests)
    assert file.read_bytes() == before


def test_the_users_own_base_url_is_the_upstream_and_the_way_back_needs_no_approval(
    user: Sandbox, provider: EmulatedProvider
) -> None:
    user.env["ANTHROPIC_API_KEY"] = "sk-ant-mine"
    rules = {"permission": {"*": "ask", "bash": "allow"}, "model": "anthropic/claude-sonnet-4-5"}
    own = configure(user.home / ".config" / "opencode" / "opencode.json", rules)
    options = {"baseURL": f"{provider.url}/team/v1", "headers": {"x-team": "blue"}}
    project = configure(user.work / "opencode.json", {"provider": {"anthropic": {"options": options}}})
    provider_path = "/team/v1/messages"
    done = ask(user, f"Look. {LOG} [[retrieve]] [[find {HIDDEN}]]")
    assert provider.requests, done.stderr
    assert {request.path for request in provider.requests} == {provider_path}
    assert {request.header("x-team") for request in provider.requests} == {"blue"}
    assert (user.home / ".config" / "opencode" / "opencode.json").read_bytes() == own
    assert (user.work / "opencode.json").read_bytes() == project
    assert user.leftovers() == []


def test_a_rule_that_asks_for_everything_lets_the_way_back_through(user: Sandbox, provider: EmulatedProvider) -> None:
    user.env.update({"ANTHROPIC_API_KEY": "sk-ant-mine", "ANTHROPIC_BASE_URL": f"{provider.url}/v1"})
    configure(user.work / "opencode.json", {"permission": {"*": "ask", "bash": "allow"}})
    done = ask(user, f"Look. {LOG} [[retrieve]] [[find {HIDDEN}]]", "-m", "anthropic/claude-sonnet-4-5")
    assert_sound(done, user, provider)
    assert HIDDEN in done.stdout


def test_a_resumed_conversation_goes_on_append_only(user: Sandbox, provider: EmulatedProvider) -> None:
    user.env.update({"ANTHROPIC_API_KEY": "sk-ant-mine", "ANTHROPIC_BASE_URL": f"{provider.url}/v1"})
    model = ("-m", "anthropic/claude-sonnet-4-5")
    first = ask(user, f"Look. {LOG} [[find FATAL]]", *model)
    assert FATAL in first.stdout
    again = ask(user, f"Again. {LOG} [[say done]]", "--continue", *model)
    assert_sound(again, user, provider)
    assert len(with_tools(provider.model_requests)) == 4


def read_screen(terminal: pexpect.spawn[str]) -> None:
    """Take what stands ready, so that the interface can go on drawing."""
    with contextlib.suppress(pexpect.TIMEOUT):
        terminal.read_nonblocking(65536, timeout=0.05)


def test_a_task_in_the_tui_ends_with_the_terminal_as_it_was(user: Sandbox, provider: EmulatedProvider) -> None:
    user.env.update({"ANTHROPIC_API_KEY": "sk-ant-mine", "ANTHROPIC_BASE_URL": f"{provider.url}/v1"})
    words = ("-m", "anthropic/claude-sonnet-4-5", "--prompt", f"Look. {LOG} [[retrieve]] [[find {HIDDEN}]]")
    terminal = user.open_terminal(sys.executable, "-m", "headroom_wrap", "wrap", "opencode", *words)
    before = termios.tcgetattr(terminal.child_fd)

    def is_done() -> bool:
        read_screen(terminal)
        calls = with_tools(provider.model_requests)
        return len(calls) == 3 and all(call.finished for call in provider.model_requests)

    until(is_done, "the task is done", 60)
    terminal.sendcontrol("c")
    terminal.expect_exact("headroom: ")
    terminal.expect(pexpect.EOF)
    assert "1 retrieval" in (terminal.before or "")
    terminal.wait()
    assert (terminal.exitstatus, terminal.signalstatus) == (0, None)
    assert termios.tcgetattr(terminal.child_fd) == before
    terminal.close()
    calls = with_tools(provider.model_requests)
    assert_append_only(provider)
    assert all(call.json["tools"] == calls[0].json["tools"] for call in calls)
    assert user.leftovers() == []
