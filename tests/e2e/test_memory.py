"""One memory for real agents: what one saves the others are told, in that project alone; a conversation keeps it."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from headroom_wrap import paths
from headroom_wrap.emulator import first_prefix_break
from headroom_wrap.emulator.recording import RecordedRequest
from headroom_wrap.emulator.server import EmulatedProvider
from headroom_wrap.memory import Memory, project_of
from headroom_wrap.memory.brief import BEGIN
from headroom_wrap.memory.projects import user_name
from headroom_wrap.store import Fact, Scope, Store
from tests.e2e import test_copilot
from tests.e2e.sandbox import CREDENTIALS, Sandbox, with_tools, wrap_claude, wrap_codex, wrap_copilot
from tests.e2e.test_aider import QUIET as AIDER_QUIET
from tests.e2e.test_aider import aider_sandbox, git  # noqa: F401 - a fixture
from tests.e2e.test_claude_tui import leave
from tests.e2e.test_codex import CLASSIC, CODE_MODE, EXEC, QUIET, sign_in
from tests.e2e.test_openclaw import anthropic, configure, turn
from tests.e2e.test_opencode import QUIET as OPENCODE_QUIET
from tests.e2e.test_opencode import user  # noqa: F401 - a fixture

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

FACT = "Install with pnpm, never npm"
LATER = "The staging database is called heron"
TOOLS = {"memory_search", "memory_save", "memory_update", "memory_forget"}
SAVE = f'Note it. [[tool mcp__headroom__memory_save {{"text": "{FACT}", "kind": "convention"}}]] [[say noted]]'


def facts(sandbox: Sandbox, folder: Path | None = None) -> list[Fact]:
    store = Store(paths.store_file(sandbox.data))
    try:
        return Memory(store, Scope(str(project_of(folder or sandbox.work)), user_name())).facts()
    finally:
        store.close()


def remember(sandbox: Sandbox, text: str) -> None:
    store = Store(paths.store_file(sandbox.data))
    try:
        Memory(store, Scope(str(project_of(sandbox.work)), user_name())).save(text)
    finally:
        store.close()


def claude(sandbox: Sandbox, prompt: str, *words: str) -> subprocess.CompletedProcess[str]:
    sandbox.env.update(CREDENTIALS["key"])
    # With the default model Claude Code itself words a tool otherwise in a conversation that is taken up again.
    return sandbox.run(*wrap_claude(*words, "--model", "claude-opus-4-8", "-p", prompt))


def codex(sandbox: Sandbox, *words: str) -> subprocess.CompletedProcess[str]:
    sign_in("key", sandbox)
    return sandbox.run(*wrap_codex(*QUIET, *EXEC, *words))


def copilot(sandbox: Sandbox, provider: EmulatedProvider, prompt: str, *words: str) -> subprocess.CompletedProcess[str]:
    test_copilot.set_up(sandbox, provider)
    return sandbox.run(*wrap_copilot(*words, "-p", prompt, *test_copilot.PRINT))


def names(request: RecordedRequest) -> set[str]:
    """The names of a request's tools without what agents put before them."""
    found = (tool.get("name") or tool.get("function", {}).get("name", "") for tool in request.json.get("tools", []))
    return {name.rpartition("headroom")[2].lstrip("_-") for name in found}


def is_told(request: RecordedRequest, text: str) -> bool:
    return text in request.content.decode() and BEGIN in request.content.decode()


def assert_frozen(provider: EmulatedProvider) -> None:
    """The last conversation began with the same bytes as the first one, and the provider's cache held them."""
    first, *_, again = with_prompt(provider)
    assert is_told(first, FACT)
    assert LATER not in again.content.decode()
    assert first_prefix_break(first.content, again.content) is None
    assert again.usage is not None
    assert again.usage.read > 0.8 * first.usage.total if first.usage else False


def with_prompt(provider: EmulatedProvider) -> list[RecordedRequest]:
    """The calls of conversations, without titles and summaries."""
    return [call for call in provider.model_requests if call.json.get("tools") or "input" in call.json]


@pytest.mark.usefixtures("claude_sandbox", "copilot_sandbox")
def test_what_claude_saves_codex_and_copilot_are_told_in_the_same_project_alone(
    codex_sandbox: Sandbox, provider: EmulatedProvider
) -> None:
    sandbox = codex_sandbox
    saved = claude(sandbox, SAVE, "--memory")
    assert saved.returncode == 0, saved.stderr
    assert "1 fact saved (m1" in saved.stderr
    assert names(with_tools(provider.model_requests)[0]) >= TOOLS
    (fact,) = facts(sandbox)
    assert (fact.text, fact.agent) == (FACT, "claude")

    provider.reset()
    script = 'const r = await tools.mcp__headroom__memory_search({"query": "pnpm"}); text(r.content[0].text)'
    asked = f"Look it up. [[tool exec {json.dumps({'input': script})}]] [[find m1]]"
    told = codex(sandbox, asked)
    assert told.returncode == 0, told.stderr
    assert is_told(provider.model_requests[0], FACT)
    assert FACT in told.stdout

    provider.reset()
    told = copilot(sandbox, provider, 'Look. [[tool headroom-memory_search {"query": "pnpm"}]] [[find m1]]')
    assert told.returncode == 0, told.stderr
    assert is_told(provider.model_requests[0], FACT)
    assert names(provider.model_requests[0]) >= TOOLS
    assert FACT in told.stdout

    provider.reset()
    other = Sandbox(sandbox.root / "second", {**sandbox.env})
    for folder in (other.work, other.home):
        folder.mkdir(parents=True)
    assert claude(other, "[[say hello]]").returncode == 0
    assert codex(other, "[[say hello]]").returncode == 0
    assert copilot(other, provider, "[[say hello]]").returncode == 0
    assert len(with_prompt(provider)) == 3
    for call in provider.model_requests:
        assert "pnpm" not in call.content.decode()
        assert b"memory_s" not in call.content
    assert sandbox.leftovers() == []


@pytest.mark.parametrize("by", ["--continue", "--resume"])
def test_a_conversation_of_claudes_keeps_its_notes(
    by: str, claude_sandbox: Sandbox, provider: EmulatedProvider
) -> None:
    remember(claude_sandbox, FACT)
    assert claude(claude_sandbox, "[[say one]]").returncode == 0
    remember(claude_sandbox, LATER)
    (transcript,) = (claude_sandbox.home / ".claude" / "projects").rglob("*.jsonl")
    again = claude(claude_sandbox, "[[say two]]", *([by] if by == "--continue" else [by, transcript.stem]))
    assert again.returncode == 0, again.stderr
    assert_frozen(provider)
    assert claude(claude_sandbox, "[[say three]]").returncode == 0
    assert is_told(with_prompt(provider)[-1], LATER)


def test_a_conversation_that_began_without_the_memory_stays_without(
    claude_sandbox: Sandbox, provider: EmulatedProvider
) -> None:
    assert claude(claude_sandbox, "[[say one]]").returncode == 0
    remember(claude_sandbox, FACT)
    again = claude(claude_sandbox, "[[say two]]", "--memory", "--continue")
    assert "stays without it" in again.stderr
    first, second = with_tools(provider.model_requests)
    assert first_prefix_break(first.content, second.content) is None
    assert FACT not in second.content.decode()
    assert not TOOLS & names(second)


@pytest.mark.parametrize("model", [CODE_MODE, CLASSIC])
def test_a_thread_of_codexs_keeps_its_notes(
    model: tuple[str, ...], codex_sandbox: Sandbox, provider: EmulatedProvider
) -> None:
    remember(codex_sandbox, FACT)
    assert codex(codex_sandbox, *model, "[[say one]]").returncode == 0
    remember(codex_sandbox, LATER)
    again = codex(codex_sandbox, *model, "resume", "--last", "[[say two]]")
    assert again.returncode == 0, again.stderr
    assert_frozen(provider)


def test_a_session_of_copilots_keeps_its_notes(copilot_sandbox: Sandbox, provider: EmulatedProvider) -> None:
    remember(copilot_sandbox, FACT)
    assert copilot(copilot_sandbox, provider, "[[say one]]").returncode == 0
    remember(copilot_sandbox, LATER)
    again = copilot(copilot_sandbox, provider, "[[say two]]", "--continue")
    assert again.returncode == 0, again.stderr
    assert_frozen(provider)


def test_a_session_of_opencodes_keeps_its_notes(user: Sandbox, provider: EmulatedProvider) -> None:  # noqa: F811
    user.env.update(
        {**OPENCODE_QUIET, "ANTHROPIC_API_KEY": "sk-ant-0123456789", "HEADROOM_ANTHROPIC_URL": provider.url}
    )
    remember(user, FACT)
    wrap = (sys.executable, "-m", "headroom_wrap", "wrap", "opencode", "run", "-m", "anthropic/claude-sonnet-4-5")
    assert user.run(*wrap, "[[say", "one]]").returncode == 0
    remember(user, LATER)
    again = user.run(*wrap, "-c", "[[say", "two]]")
    assert again.returncode == 0, again.stderr
    assert_frozen(provider)


def test_a_session_of_openclaws_keeps_its_notes(openclaw: Sandbox, provider: EmulatedProvider) -> None:
    before = configure(openclaw, {"anthropic": anthropic(provider.url)})
    remember(openclaw, FACT)
    first = turn(openclaw, 'Look. [[tool exec {"command":"echo one"}]] [[say one]]')
    assert first.returncode == 0, first.stderr
    remember(openclaw, LATER)
    again = turn(openclaw, "[[say two]]")
    assert again.returncode == 0, again.stderr
    systems = {json.dumps(call.json["system"]) for call in provider.model_requests}
    assert len(systems) == 1
    assert is_told(provider.model_requests[-1], FACT)
    assert LATER not in provider.model_requests[-1].content.decode()
    assert (openclaw.home / ".openclaw" / "openclaw.json").read_bytes() == before


def test_aider_reads_the_notes_beside_the_files_that_its_user_named(
    aider_sandbox: Sandbox,  # noqa: F811
    provider: EmulatedProvider,
) -> None:
    remember(aider_sandbox, FACT)
    (aider_sandbox.work / "RULES.md").write_text("Our rules are short.\n", encoding="utf-8")
    (aider_sandbox.work / ".aider.conf.yml").write_text("read: [RULES.md]\n", encoding="utf-8")
    wrap = (sys.executable, "-m", "headroom_wrap", "wrap", "aider", "--model", "openai/gpt-4o", *AIDER_QUIET)
    done = aider_sandbox.run(*wrap, "--message", "[[say hello]]", "hello.py")
    assert done.returncode == 0, done.stderr
    assert is_told(provider.model_requests[0], FACT)
    assert "Our rules are short." in provider.model_requests[0].content.decode()
    assert not {str(aider_sandbox.data)} & set(git(aider_sandbox, "status", "--short").split())


def test_claudes_tui_is_told_from_its_first_turn_on(claude_sandbox: Sandbox, provider: EmulatedProvider) -> None:
    claude_sandbox.env.update(CREDENTIALS["key"])
    claude_sandbox.onboard()
    remember(claude_sandbox, FACT)
    terminal = claude_sandbox.open_terminal(*wrap_claude("--allowedTools=Bash", "--", SAVE.replace(FACT, LATER)))
    assert provider.wait_for(lambda: len(with_tools(provider.model_requests)) == 2, 40)
    assert provider.wait_for(lambda: all(call.finished for call in provider.model_requests), 10)
    leave(terminal)
    terminal.expect_exact("headroom: memory: notes of ")
    terminal.expect(pexpect.EOF)
    terminal.close()
    first, second = with_tools(provider.model_requests)
    assert is_told(first, FACT)
    assert names(first) >= TOOLS
    assert first_prefix_break(first.content, second.content) is None
    assert LATER in {fact.text for fact in facts(claude_sandbox)}


def test_no_memory_adds_nothing(claude_sandbox: Sandbox, provider: EmulatedProvider) -> None:
    assert claude(claude_sandbox, "[[say one]]").returncode == 0
    remember(claude_sandbox, FACT)
    done = claude(claude_sandbox, "[[say one]]", "--no-memory")
    assert done.returncode == 0
    assert "memory" not in done.stderr
    without, with_facts = (dict(call.json) for call in with_tools(provider.model_requests))
    for request in (without, with_facts):
        request.pop("metadata")  # the id of the conversation
    assert json.dumps(without) == json.dumps(with_facts)


@contextlib.contextmanager
def harmed(file: Path, how: str) -> Iterator[None]:
    """The store while it cannot be used."""
    if how == "corrupt":
        file.write_bytes(b"no database at all" * 500)
        yield
        return
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        holder.close()


@pytest.mark.parametrize("how", ["corrupt", "locked"])
def test_where_the_store_fails_the_agent_works_without_the_memory_and_says_so_once(
    how: str, claude_sandbox: Sandbox, provider: EmulatedProvider
) -> None:
    remember(claude_sandbox, FACT)
    with harmed(paths.store_file(claude_sandbox.data), how):
        done = claude(claude_sandbox, "[[say hello]]")
    assert done.returncode == 0
    assert "hello" in done.stdout
    assert done.stderr.count("without the memory") == 1
    assert not is_told(provider.model_requests[0], FACT)


def test_what_a_user_asks_to_remember_is_the_first_fact(claude_sandbox: Sandbox, provider: EmulatedProvider) -> None:
    said = claude(claude_sandbox, "Remember that you install with pnpm, never npm.\n\n[[say noted]]")
    assert said.returncode == 0, said.stderr
    assert re.search(r"memory: 1 fact saved \(m1", said.stderr), said.stderr
    (fact,) = facts(claude_sandbox)
    assert (fact.agent, "pnpm" in fact.text, "Remember that" in fact.evidence) == ("claude", True, True)
    provider.reset()
    assert claude(claude_sandbox, "[[say hello]]").returncode == 0
    assert is_told(with_tools(provider.model_requests)[0], fact.text)
    assert len(facts(claude_sandbox)) == 1
