"""The real OpenClaw with providers that speak OpenAI's formats, its embeddings, `agent exec`, and the TUI."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pexpect
import pytest

from headroom_wrap.emulator import first_prefix_break
from headroom_wrap.emulator.recording import RecordedRequest
from headroom_wrap.emulator.server import EmulatedProvider
from tests.e2e.sandbox import Sandbox
from tests.e2e.tasks import FATAL, HIDDEN
from tests.e2e.test_openclaw import LOG, TURN_TIMEOUT_S, configure, file_bytes, turn

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

KEY = "sk-usercfg-0123456789"
PATHS = {"openai-completions": "/v1/chat/completions", "openai-responses": "/v1/responses"}
READ = '[[tool exec {"command":"cat app.log"}]]'
BEHIND = f"[[retrieve 131-133]] [[find {HIDDEN}]]"
NOTE = "BEGIN_OPENCLAW_INTERNAL_CONTEXT"
TUI_TIMEOUT_S = 120


def configure_corp(sandbox: Sandbox, url: str, api: str) -> bytes:
    """A provider of the user's own that is the default model's; gives the bytes of the configuration."""
    model = {"id": "m1", "name": "M", "contextWindow": 128000, "maxTokens": 4096}
    corp = {"baseUrl": f"{url}/v1", "api": api, "apiKey": KEY, "models": [model]}
    defaults = {"model": {"primary": "corp/m1"}, "skipBootstrap": True}
    return configure(sandbox, {"corp": corp}, agents={"defaults": defaults})


def wrapped(sandbox: Sandbox, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "headroom_wrap", "wrap", "openclaw", *words],
        cwd=sandbox.work, env=sandbox.env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=TURN_TIMEOUT_S, check=False,
    )  # fmt: skip


def results(request: RecordedRequest) -> list[str]:
    """The tool results of a request in either format, as the model read them."""
    body: Any = request.json
    if "messages" in body:
        return [str(message["content"]) for message in body["messages"] if message["role"] == "tool"]
    return [str(item["output"]) for item in body["input"] if item.get("type") == "function_call_output"]


def tools(request: RecordedRequest) -> list[str]:
    return [tool.get("name") or tool["function"]["name"] for tool in request.json["tools"]]


def settled(request: RecordedRequest) -> bytes:
    """The body without the note on the moment that OpenClaw itself sends as the last message, each time anew."""
    body: Any = request.json
    name = "messages" if "messages" in body else "input"
    kept = [item for item in body[name] if NOTE not in json.dumps(item) or item.get("role") != "user"]
    return json.dumps({**body, name: kept}).encode()


def assert_append_only(provider: EmulatedProvider) -> None:
    for earlier, later in itertools.pairwise(provider.model_requests):
        assert first_prefix_break(settled(earlier), settled(later)) is None
        assert tools(earlier) == tools(later)


@pytest.mark.parametrize("api", [pytest.param("openai-completions", marks=pytest.mark.soak), "openai-responses"])
def test_a_provider_of_that_format_is_compressed_and_read_behind_in_the_next_turn(
    api: str, openclaw: Sandbox, provider: EmulatedProvider
) -> None:
    before = configure_corp(openclaw, provider.url, api)
    first = turn(openclaw, LOG)
    assert first.returncode == 0, first.stderr
    assert FATAL in first.stdout
    second = turn(openclaw, f"Look behind. {BEHIND}")
    assert second.returncode == 0, second.stderr
    assert HIDDEN in second.stdout
    assert "1 retrieval" in second.stderr, second.stderr
    calls = provider.model_requests
    assert [request.path for request in provider.requests] == [PATHS[api]] * 4
    assert {request.credential for request in provider.requests} == {f"Bearer {KEY}"}
    assert {results(call)[0] for call in calls[1:]} == {results(calls[1])[0]}
    assert "[headroom h" in results(calls[1])[0]
    assert "headroom_retrieve" in tools(calls[0])
    assert all(request.header("x-headroom-key") is None for request in provider.requests)
    assert_append_only(provider)
    assert file_bytes(openclaw) == before
    assert openclaw.leftovers() == []


def test_agent_exec_which_runs_no_plugin_reads_behind_by_its_shell(
    openclaw: Sandbox, provider: EmulatedProvider
) -> None:
    before = configure_corp(openclaw, provider.url, "openai-completions")
    done = wrapped(openclaw, "agent", "exec", f"Look. {READ} {BEHIND}", "--cwd", str(openclaw.work))
    assert done.returncode == 0, done.stderr
    assert HIDDEN in done.stdout
    assert "1 retrieval" in done.stderr, done.stderr
    first, second, third = provider.model_requests
    assert "headroom_retrieve" not in tools(first)
    found = re.search(r"to read: headroom retrieve (h[0-9a-f]{12})", results(second)[0])
    assert found is not None
    assert HIDDEN not in results(second)[0]
    assert HIDDEN in results(third)[1]
    assert_append_only(provider)
    assert file_bytes(openclaw) == before
    assert openclaw.leftovers() == []


def reading(terminal: pexpect.spawn[str], condition: Callable[[], bool]) -> bool:
    """Read what the TUI draws until the condition holds: it stands still when nobody reads."""
    for _ in range(TUI_TIMEOUT_S):
        if condition():
            return True
        terminal.expect([pexpect.TIMEOUT, pexpect.EOF], timeout=1)
    return False


def test_the_tui_has_the_tool_from_its_first_turn_on_and_leaves_the_terminal_as_it_was(
    openclaw: Sandbox, provider: EmulatedProvider
) -> None:
    before = configure_corp(openclaw, provider.url, "openai-completions")
    words = ("tui", "--local", "--session", "main", "--message", f"Look. {READ} {BEHIND}")
    terminal = openclaw.open_terminal(sys.executable, "-m", "headroom_wrap", "wrap", "openclaw", *words)
    assert reading(terminal, lambda: len(provider.model_requests) == 3)
    assert reading(terminal, lambda: all(call.finished for call in provider.model_requests))
    terminal.expect("local ready | idle")
    # The second of two quick ones ends it.
    while terminal.expect(["headroom: 3 requests, 1 retrieval", pexpect.TIMEOUT], timeout=3):
        terminal.send("\x03\x03")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
    assert "headroom_retrieve" in tools(provider.model_requests[0])
    assert HIDDEN in results(provider.model_requests[2])[1]
    assert_append_only(provider)
    assert file_bytes(openclaw) == before
    assert openclaw.leftovers() == []


def test_embeddings_pass_through_unchanged_and_memory_is_searched_with_them(
    openclaw: Sandbox, provider: EmulatedProvider
) -> None:
    note = "The ledger is rotated by the worker heron every Thursday."
    (openclaw.home / ".openclaw" / "workspace" / "MEMORY.md").write_text(f"# Notes\n\n{note}\n", encoding="utf-8")
    own = {"baseUrl": f"{provider.url}/v1", "api": "openai-responses", "apiKey": KEY, "models": []}
    defaults = {"model": {"primary": "openai/gpt-5.4"}, "skipBootstrap": True}
    before = configure(openclaw, {"openai": own}, agents={"defaults": defaults})
    search = '[[tool tool_call {"id":"memory_search","args":{"query":"heron rotates the ledger"}}]]'
    done = turn(openclaw, search)
    assert done.returncode == 0, done.stderr
    embedded = [request for request in provider.requests if request.path == "/v1/embeddings"]
    assert {request.status for request in embedded} == {200}
    assert {request.credential for request in embedded} == {f"Bearer {KEY}"}
    texts = [text for request in embedded for text in request.json["input"]]
    assert any(note in text for text in texts)
    assert "heron rotates the ledger" in texts
    assert "vectorScore" in results(provider.model_requests[-1])[0]
    assert note in results(provider.model_requests[-1])[0]
    direct = ("infer", "embedding", "create", "--text", "heron", "--model", "openai/text-embedding-3-small", "--json")
    done = wrapped(openclaw, *direct)
    assert done.returncode == 0, done.stderr
    assert provider.requests[-1].json == {"model": "text-embedding-3-small", "input": ["heron"]}
    assert '"dimensions": 256' in done.stdout
    assert file_bytes(openclaw) == before
    assert openclaw.leftovers() == []
