"""The full server installed in the real agents: they list it, call it without us, and have one server in a session."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from headroom_wrap import paths
from headroom_wrap.emulator.server import EmulatedProvider
from headroom_wrap.memory import Memory
from headroom_wrap.memory.projects import user_name
from headroom_wrap.store import Fact, Scope, Store
from headroom_wrap.wrap.mcp_clients import CLIENTS, Home
from tests.e2e import test_codex, test_copilot, test_openclaw
from tests.e2e.conftest import AGENTS
from tests.e2e.sandbox import AGENTS_VARIABLE, API_KEY, Sandbox, wrap_claude, wrap_codex

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

TEXT = "The staging database listens on port 6543."
ARGUMENTS = {"text": TEXT, "kind": "environment"}


def headroom(sandbox: Sandbox, *words: str) -> subprocess.CompletedProcess[str]:
    done = sandbox.run(sys.executable, "-m", "headroom_wrap", "mcp", *words)
    assert done.returncode == 0, done.stderr
    return done


def facts(sandbox: Sandbox) -> list[Fact]:
    store = Store(paths.store_file(sandbox.data))
    try:
        return Memory(store, Scope(str(sandbox.work.resolve()), user_name())).facts()
    finally:
        store.close()


def bytes_of(sandbox: Sandbox, name: str) -> bytes | None:
    file: Path = CLIENTS[name].file(Home(sandbox.home, sandbox.env, sandbox.data))
    return file.read_bytes() if file.is_file() else None


def called(name: str) -> str:
    return f"[[tool {name} {json.dumps(ARGUMENTS)}]]"


def ours(names: list[str]) -> list[str]:
    return sorted(name for name in names if name.endswith("headroom_retrieve"))


def test_claude_code_lists_it_saves_through_it_and_has_one_in_a_session(
    claude_sandbox: Sandbox, provider: EmulatedProvider
) -> None:
    sandbox = claude_sandbox
    sandbox.env["ANTHROPIC_API_KEY"] = API_KEY
    sandbox.onboard()
    headroom(sandbox, "install", "claude")
    assert "headroom" in sandbox.run("claude", "mcp", "list").stdout
    allowed = ("--allowedTools", "mcp__headroom__memory_save")
    done = sandbox.run("claude", "-p", f"Save it. {called('mcp__headroom__memory_save')} [[find aved as]]", *allowed)
    assert "aved as m1" in done.stdout, done.stdout + done.stderr
    assert [(fact.text, fact.agent) for fact in facts(sandbox)] == [(TEXT, "claude")]
    done = sandbox.run(*wrap_claude("-p", "Say hello."))
    assert done.returncode == 0, done.stderr
    names = [tool["name"] for tool in provider.model_requests[-1].json["tools"]]
    assert ours(names) == ["mcp__headroom__headroom_retrieve"]
    assert "mcp__headroom__headroom_compress" not in names
    headroom(sandbox, "uninstall", "claude")
    assert "headroom" not in sandbox.run("claude", "mcp", "list").stdout


@pytest.mark.skipif("PYTHONPATH" in os.environ, reason="Codex starts servers without it, and so without this tree")
def test_codex_lists_it_saves_through_it_and_has_one_in_a_session(
    codex_sandbox: Sandbox, provider: EmulatedProvider
) -> None:
    sandbox = codex_sandbox
    sandbox.env["CODEX_API_KEY"] = "sk-codex-0123456789"
    (sandbox.home / ".codex").mkdir(exist_ok=True)
    config = sandbox.home / ".codex" / "config.toml"
    config.write_text(f'# mine\nopenai_base_url = "{provider.url}/v1" # kept\n', encoding="utf-8")
    before = config.read_bytes()
    headroom(sandbox, "install", "codex")
    assert "headroom" in sandbox.run("codex", "mcp", "list").stdout
    script = f"const r = await tools.mcp__headroom__memory_save({json.dumps(ARGUMENTS)}); text(r.content[0].text)"
    prompt = f"Save it. [[tool exec {json.dumps({'input': script})}]] [[find aved as]]"
    # A model takes longer for its first answer than the server to start; the emulator does not.
    waits = ("-c", "mcp_servers.headroom.required=true")
    done = sandbox.run("codex", *test_codex.QUIET, *test_codex.EXEC, *waits, prompt)
    assert "aved as m1" in done.stdout, test_codex.outputs(provider)
    assert [(fact.text, fact.agent) for fact in facts(sandbox)] == [(TEXT, "codex")]
    script = "text(JSON.stringify(ALL_TOOLS.map(t => t.name)))"
    prompt = f"List them. [[tool exec {json.dumps({'input': script})}]] [[find headroom]]"
    done = sandbox.run(*wrap_codex(*test_codex.QUIET, *test_codex.EXEC, prompt))
    assert done.returncode == 0, done.stderr
    (told,) = [text for text in test_codex.outputs(provider) if "headroom_retrieve" in text]
    assert ours(json.loads(told)) == ["mcp__headroom__headroom_retrieve"]
    assert "headroom_compress" not in told
    headroom(sandbox, "uninstall", "codex")
    assert config.read_bytes().startswith(before)
    assert "headroom" not in config.read_text(encoding="utf-8")


def test_copilot_lists_it_saves_through_it_and_has_one_in_a_session(
    copilot_sandbox: Sandbox, provider: EmulatedProvider
) -> None:
    sandbox = copilot_sandbox
    test_copilot.set_up(sandbox, provider)
    headroom(sandbox, "install", "copilot")
    assert "headroom" in sandbox.run("copilot", "mcp", "list").stdout
    prompt = f"Save it. {called('headroom-memory_save')} [[find aved as]]"
    done = sandbox.run("copilot", "-p", prompt, "--allow-tool=headroom(memory_save)", *test_copilot.PRINT)
    assert "aved as m1" in done.stdout, done.stdout + done.stderr
    assert [(fact.text, fact.agent) for fact in facts(sandbox)] == [(TEXT, "copilot")]
    done = test_copilot.ask(sandbox, "Say hello.")
    assert done.returncode == 0, done.stderr
    names = test_copilot.tools(provider.model_requests[-1])
    assert ours(names) == ["headroom-headroom_retrieve"]
    assert "headroom-headroom_compress" not in names
    headroom(sandbox, "uninstall", "copilot")
    assert bytes_of(sandbox, "copilot") is None


@pytest.mark.soak
@pytest.mark.skipif("PYTHONPATH" in os.environ, reason="OpenClaw starts servers without it, and so without this tree")
def test_openclaw_lists_and_reaches_it_and_its_sessions_have_retrieval_once(
    sandbox: Sandbox, provider: EmulatedProvider
) -> None:
    if shutil.which("openclaw", path=AGENTS) is None:
        pytest.skip(f"OpenClaw with Node 24 is not installed: {AGENTS_VARIABLE} names no folder with it")
    sandbox.env.update({"OPENCLAW_NO_AUTO_UPDATE": "1", "OPENCLAW_DISABLE_BONJOUR": "1"})
    (sandbox.home / ".openclaw").mkdir()
    before = test_openclaw.configure(sandbox, {"anthropic": test_openclaw.anthropic(provider.url)})
    headroom(sandbox, "install", "openclaw")
    assert "headroom: 7 tools" in sandbox.run("openclaw", "mcp", "probe").stdout
    for memory in ("on", "off"):
        sandbox.env["HEADROOM_MEMORY_MODE"] = memory
        done = test_openclaw.turn(sandbox, "Say hello.", "--session-id", memory)
        assert done.returncode == 0, done.stderr
        names = [tool["name"] for tool in provider.model_requests[-1].json["tools"]]
        assert len(ours(names)) == 1, names
    headroom(sandbox, "uninstall", "openclaw")
    assert bytes_of(sandbox, "openclaw") == before
