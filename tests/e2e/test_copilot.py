"""The real Copilot CLI with a provider and a key of the user's own: each wire format, retrieval, WebSockets."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Callable

import pexpect
import pytest

from headroom_wrap.emulator import first_prefix_break
from headroom_wrap.emulator.recording import RecordedRequest
from headroom_wrap.emulator.server import EmulatedProvider
from tests.e2e.sandbox import Sandbox, wrap_copilot
from tests.e2e.tasks import FATAL, HIDDEN

pytestmark = pytest.mark.e2e

KEY = "sk-copilot-0123456789"
RESPONSES = {"COPILOT_PROVIDER_WIRE_API": "responses"}
ANTHROPIC = {"COPILOT_PROVIDER_TYPE": "anthropic", "COPILOT_MODEL": "claude-sonnet-5"}
LOG = '[[tool bash {"command": "head -n 250 app.log", "description": "read"}]]'
"""Copilot CLI itself cuts outputs at 20 kB."""
PRINT = ("--no-color", "--no-ask-user")


def set_up(sandbox: Sandbox, provider: EmulatedProvider, **env: str) -> None:
    """A provider of the user's own, with the key in the variable for it."""
    is_v1 = env.get("COPILOT_PROVIDER_TYPE", "openai") == "openai"
    own = {
        "COPILOT_OFFLINE": "true",
        "COPILOT_MODEL": "gpt-5-mini",
        "COPILOT_PROVIDER_BASE_URL": f"{provider.url}/v1" if is_v1 else provider.url,
        "COPILOT_PROVIDER_API_KEY": KEY,
        "COPILOT_PROVIDER_HEADERS": "x-team: blue",
    }
    sandbox.env.update({**own, **env})


def ask(sandbox: Sandbox, prompt: str, *words: str) -> subprocess.CompletedProcess[str]:
    return sandbox.run(*wrap_copilot(*words, "-p", prompt, *PRINT))


def tools(request: RecordedRequest) -> list[str]:
    return [tool.get("name") or tool["function"]["name"] for tool in request.json["tools"]]


def assert_sound(done: subprocess.CompletedProcess[str], sandbox: Sandbox, provider: EmulatedProvider) -> None:
    """Nothing of ours is seen by the provider or left behind, and each prefix is that of the call before."""
    assert done.returncode == 0, done.stderr
    assert "failed" not in done.stderr
    for earlier, later in itertools.pairwise(provider.model_requests):
        assert first_prefix_break(earlier.content, later.content) is None
        assert tools(earlier) == tools(later)
    assert all(request.header("x-headroom-key") is None for request in provider.requests)
    assert sandbox.leftovers() == []
    assert not {"mcp-config.json", "settings.json"} & {file.name for file in (sandbox.home / ".copilot").iterdir()}


@pytest.mark.parametrize(
    ("env", "path", "credential"),
    [
        ({}, "/v1/chat/completions", f"Bearer {KEY}"),
        (RESPONSES, "/v1/responses", f"Bearer {KEY}"),
        (ANTHROPIC, "/v1/messages", KEY),
        ({**RESPONSES, "COPILOT_PROVIDER_TRANSPORT": "websockets"}, "/v1/responses", f"Bearer {KEY}"),
        ({"COPILOT_PROVIDER_BEARER_TOKEN": "mine"}, "/v1/chat/completions", "Bearer mine"),
        ({"COPILOT_PROVIDER_API_KEY_COMMAND": "echo sk-fresh"}, "/v1/chat/completions", "Bearer sk-fresh"),
    ],
    ids=["chat", "responses", "anthropic", "websockets", "bearer", "command"],
)
def test_a_long_output_is_shortened_and_read_back_without_being_asked(
    env: dict[str, str], path: str, credential: str, copilot_sandbox: Sandbox, provider: EmulatedProvider
) -> None:
    set_up(copilot_sandbox, provider, **env)
    done = ask(copilot_sandbox, f"Look. {LOG} [[retrieve]] [[find batch 131 in]]")
    assert_sound(done, copilot_sandbox, provider)
    assert HIDDEN in done.stdout
    assert "1 retrieval" in done.stderr
    first, second, third = provider.model_requests
    assert [request.path for request in provider.requests] == [path] * 3
    assert {request.credential for request in provider.requests} == {credential}
    assert {request.header("x-team") for request in provider.requests} == {"blue"}
    assert [request.header("x-initiator") for request in provider.requests] == ["user", "agent", "agent"]
    assert "headroom-headroom_retrieve" in tools(first)
    assert b"[headroom h" in second.content
    assert FATAL.encode() in second.content
    assert HIDDEN.encode() not in second.content
    assert HIDDEN.encode() in third.content


def test_azure_is_reached_with_its_own_key_and_its_own_path(
    copilot_sandbox: Sandbox, provider: EmulatedProvider
) -> None:
    set_up(copilot_sandbox, provider, COPILOT_PROVIDER_TYPE="azure")
    done = ask(copilot_sandbox, f"Look. {LOG} [[find FATAL]]")
    assert_sound(done, copilot_sandbox, provider)
    assert FATAL in done.stdout
    assert {request.path for request in provider.requests} == {"/openai/v1/chat/completions"}
    assert {request.header("api-key") for request in provider.requests} == {KEY}
    assert b"[headroom h" in provider.model_requests[-1].content


def reading(terminal: pexpect.spawn[str], condition: Callable[[], bool]) -> bool:
    """Read what the TUI draws until the condition holds, at most a minute: it stands still when nobody reads."""
    for _ in range(60):
        if condition():
            return True
        terminal.expect([pexpect.TIMEOUT, pexpect.EOF], timeout=1)
    return False


def test_the_tui_has_the_tool_from_its_first_turn_on_and_asks_nobody(
    copilot_sandbox: Sandbox, provider: EmulatedProvider
) -> None:
    set_up(copilot_sandbox, provider)
    terminal = copilot_sandbox.open_terminal(*wrap_copilot("-i", f"Look. {LOG} [[retrieve]] [[find batch 131 in]]"))
    terminal.expect("Confirm folder trust")
    terminal.expect("to navigate")
    terminal.send("\r")
    assert reading(terminal, lambda: len(provider.model_requests) == 3)
    assert reading(terminal, lambda: all(call.finished for call in provider.model_requests))
    while terminal.expect(["headroom: ", pexpect.TIMEOUT], timeout=1):
        terminal.send("\x03")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert "headroom-headroom_retrieve" in tools(provider.model_requests[0])
    for earlier, later in itertools.pairwise(provider.model_requests):
        assert first_prefix_break(earlier.content, later.content) is None
    assert HIDDEN.encode() in provider.model_requests[-1].content
    assert copilot_sandbox.leftovers() == []


def test_without_provider_or_subscription_nothing_is_started(
    copilot_sandbox: Sandbox, provider: EmulatedProvider
) -> None:
    done = ask(copilot_sandbox, "[[say hello]]")
    assert done.returncode == 2
    assert "headroom wrap copilot --subscription" in done.stderr
    assert provider.requests == []
