"""The real Claude Code in print mode, through a whole session, against the emulated provider."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from headroom_wrap import paths
from headroom_wrap.emulator.server import EmulatedProvider
from headroom_wrap.store import SessionTotals, Store
from tests.e2e.sandbox import CREDENTIALS, Sandbox, assert_append_only, sent_results, with_tools, wrap_claude
from tests.e2e.tasks import FAILS, LARGE, RETRIEVES, TASKS, TURNS, WORKS, Task

pytestmark = pytest.mark.e2e

PAIRS = [(WORKS, "key"), (FAILS, "token"), (LARGE, "oauth"), (TURNS, "oauth"), (RETRIEVES, "key")]


def ask(sandbox: Sandbox, prompt: str, *flags: str, credentials: str = "key") -> subprocess.CompletedProcess[str]:
    sandbox.env.update(CREDENTIALS[credentials])
    return sandbox.run(*wrap_claude("--allowedTools=Bash", *flags, "-p", prompt))


def totals(sandbox: Sandbox) -> SessionTotals:
    store = Store(paths.store_file(sandbox.data), read_only=True)
    (session,) = (row[0] for row in store._read("SELECT DISTINCT session FROM ledger", ()))  # noqa: SLF001
    store._read_only = False  # noqa: SLF001
    found = store.totals(session)
    store.close()
    return found


def check(task: Task, done: subprocess.CompletedProcess[str], sandbox: Sandbox, provider: EmulatedProvider) -> None:
    assert done.returncode == 0, done.stderr
    assert task.answer in done.stdout
    assert len(with_tools(provider.model_requests)) == task.n_calls
    assert_append_only(provider)
    assert totals(sandbox).requests == len(provider.model_requests)
    assert (" -> " in done.stderr) == task.compresses, done.stderr
    assert sandbox.leftovers() == []
    assert all(request.header("x-headroom-key") is None for request in provider.requests)


@pytest.mark.parametrize(("task", "credentials"), PAIRS, ids=lambda item: getattr(item, "name", item))
def test_a_task_ends_as_it_would_without_us(
    task: Task, credentials: str, claude_sandbox: Sandbox, provider: EmulatedProvider
) -> None:
    check(task, ask(claude_sandbox, task.prompt, credentials=credentials), claude_sandbox, provider)
    expected = CREDENTIALS[credentials]
    for request in provider.model_requests:
        assert request.credential in {*expected.values(), *(f"Bearer {value}" for value in expected.values())}


@pytest.mark.soak
@pytest.mark.parametrize("credentials", CREDENTIALS)
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_task_with_every_sign_in(
    task: Task, credentials: str, claude_sandbox: Sandbox, provider: EmulatedProvider
) -> None:
    check(task, ask(claude_sandbox, task.prompt, credentials=credentials), claude_sandbox, provider)


def test_a_base_url_in_the_users_settings_is_the_upstream_and_no_bypass(
    claude_sandbox: Sandbox, provider: EmulatedProvider
) -> None:
    settings = claude_sandbox.home / ".claude" / "settings.json"
    settings.parent.mkdir(exist_ok=True)
    settings.write_text(json.dumps({"env": {"ANTHROPIC_BASE_URL": provider.url}}), encoding="utf-8")
    claude_sandbox.env["ANTHROPIC_BASE_URL"] = "http://127.0.0.1:9"
    before = settings.read_bytes()
    done = ask(claude_sandbox, LARGE.prompt)
    check(LARGE, done, claude_sandbox, provider)
    assert settings.read_bytes() == before


def test_the_users_own_settings_flag_and_mcp_servers_hold(claude_sandbox: Sandbox, provider: EmulatedProvider) -> None:
    flag = json.dumps({"env": {"ANTHROPIC_CUSTOM_HEADERS": "X-Team: blue"}})
    done = ask(claude_sandbox, WORKS.prompt, "--settings", flag, "--mcp-config", '{"mcpServers":{}}')
    check(WORKS, done, claude_sandbox, provider)
    assert provider.model_requests[0].header("x-team") == "blue"
    names = [tool["name"] for tool in provider.model_requests[0].json["tools"]]
    assert "mcp__headroom__headroom_retrieve" in names
    assert "ToolSearch" in names


def test_headers_in_the_users_settings_hold_and_stay_in_that_file_alone(
    claude_sandbox: Sandbox, provider: EmulatedProvider
) -> None:
    settings = claude_sandbox.home / ".claude" / "settings.json"
    settings.parent.mkdir(exist_ok=True)
    secret = "team-" + "7" * 20
    settings.write_text(json.dumps({"env": {"ANTHROPIC_CUSTOM_HEADERS": f"X-Team: {secret}"}}), encoding="utf-8")
    look = f"grep -rl {secret[:8]}[7] {claude_sandbox.data} {claude_sandbox.home}"
    done = ask(claude_sandbox, f'[[tool Bash {{"command": "{look}"}}]] [[find json]]')
    assert done.returncode == 0, done.stderr
    (found,) = sent_results(provider.model_requests[-1])
    assert found == str(settings)
    assert {request.header("x-team") for request in provider.model_requests} == {secret}
    assert all(request.header("x-headroom-key") is None for request in provider.requests)
    assert all("/k/" not in request.path for request in provider.requests)
    in_path = re.compile(rb"/k/[0-9a-f]{64}")
    kept = [file for folder in (claude_sandbox.home, claude_sandbox.data) for file in folder.rglob("*")]
    assert not [file for file in kept if file.is_file() and in_path.search(file.read_bytes())]
    assert claude_sandbox.leftovers() == []


def test_the_next_days_resume_sends_the_same_bytes(claude_sandbox: Sandbox, provider: EmulatedProvider) -> None:
    first = ask(claude_sandbox, LARGE.prompt, "--output-format", "json")
    assert first.returncode == 0, first.stderr
    session = json.loads(first.stdout)["session_id"]
    again = ask(claude_sandbox, "And now? [[find FATAL]]", "--resume", session, "--level", "safe")
    assert again.returncode == 0, again.stderr
    assert LARGE.answer in again.stdout
    last, resumed = with_tools(provider.model_requests)[-2:]
    assert sent_results(last) == sent_results(resumed)[:1]
    assert "[headroom h" in sent_results(resumed)[0]


def test_off_passes_the_results_as_they_are(claude_sandbox: Sandbox, provider: EmulatedProvider) -> None:
    done = ask(claude_sandbox, LARGE.prompt, "--no-compress")
    assert LARGE.answer in done.stdout
    assert "nothing saved: compression is off" in done.stderr
    (sent,) = sent_results(provider.model_requests[-1])
    assert sent == (claude_sandbox.work / "app.log").read_text(encoding="utf-8").rstrip("\n")


def test_a_failing_provider_ends_as_it_would_without_us(claude_sandbox: Sandbox) -> None:
    del claude_sandbox.env["ANTHROPIC_BASE_URL"]
    claude_sandbox.env["HEADROOM_ANTHROPIC_URL"] = "http://127.0.0.1:9"
    claude_sandbox.env["CLAUDE_CODE_MAX_RETRIES"] = "1"
    done = ask(claude_sandbox, "hello")
    assert done.returncode == 1
    assert "Headroom could not reach 127.0.0.1:9" in done.stdout + done.stderr
