"""Twelve canaries in headers, environment and bodies: where each may be found while a session runs, and after it.

Those of headers and environment: nowhere. Those of bodies: in the private store alone, until it is purged.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from headroom_wrap import paths
from headroom_wrap.emulator import faults
from headroom_wrap.emulator.faults import hold
from headroom_wrap.emulator.server import EmulatedProvider
from tests.e2e.canaries import FRAME, files_below, leaks, opened
from tests.e2e.sandbox import RUN_TIMEOUT_S, Sandbox, Standalone, wrap_claude, wrap_codex, wrap_scripted
from tests.e2e.tasks import FATAL

pytestmark = pytest.mark.e2e

HEADERS = {name: f"canary-{name}-5f1d0c2b9a" for name in ("key", "token", "team", "cookie")}
ENVIRONMENT = {name: f"canary-{name}-77e3a4d610" for name in ("other-key", "github", "aws", "proxy")}
BODIES = {name: f"canary-{name}-c08b51fe42" for name in ("elided", "kept", "prompt", "argument")}
NOWHERE = [*HEADERS.values(), *ENVIRONMENT.values()]
CHUNK = 48
DEBUG = {"HEADROOM_DEBUG": "1"}


@pytest.fixture
def sandbox(sandbox: Sandbox) -> Sandbox:
    """A user with secrets in the environment, in the headers that Claude Code sends, and in a log."""
    sandbox.env.update(
        {
            "ANTHROPIC_API_KEY": HEADERS["key"],
            "ANTHROPIC_AUTH_TOKEN": HEADERS["token"],
            "ANTHROPIC_CUSTOM_HEADERS": f"x-team: {HEADERS['team']}\ncookie: session={HEADERS['cookie']}",
            "GEMINI_API_KEY": ENVIRONMENT["other-key"],
            "GITHUB_TOKEN": ENVIRONMENT["github"],
            "AWS_SECRET_ACCESS_KEY": ENVIRONMENT["aws"],
            "HTTPS_PROXY": f"http://user:{ENVIRONMENT['proxy']}@127.0.0.1:9",
            "NO_PROXY": "127.0.0.1,localhost",
            **DEBUG,
        }
    )
    log = sandbox.work / "app.log"
    lines = log.read_text(encoding="utf-8").splitlines()
    lines[60] += f" with {BODIES['elided']}"
    lines = [f"{line}, {BODIES['kept']}" if FATAL in line else line for line in lines]
    log.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return sandbox


def prompt(call: str) -> str:
    return f"My word is {BODIES['prompt']}. {call} [[say seen]]"


COMMAND = f"cat app.log # {BODIES['argument']}"
BASH = prompt(f'[[tool Bash {{"command": "{COMMAND}"}}]]')
EXEC = prompt(f'[[tool exec_command {{"cmd": "{COMMAND}"}}]]')


def stored(data: Path) -> dict[str, list[bytes]]:
    """Every value of every table of the store, by the table's name, and the bytes of what is compressed."""
    found: dict[str, list[bytes]] = {}
    with contextlib.closing(sqlite3.connect(paths.store_file(data))) as store:
        tables = [name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in store.execute(f"SELECT * FROM {table}"):  # noqa: S608 - the file's own names
                found.setdefault(table, []).extend(
                    value if isinstance(value, bytes) else str(value).encode() for value in row
                )
    return found


def assert_home_is_clean(data: Path) -> None:
    """No file of ours holds a secret of headers or environment, and only the store holds one of a body."""
    for file, content in files_below(data):
        assert leaks(content, NOWHERE) == [], file
        assert stat.S_IMODE(file.stat().st_mode) in {0o600, 0o700} if file.exists() else True, file
        if file.name.partition("-")[0] != paths.store_file(data).name:
            assert leaks(content, list(BODIES.values())) == [], file


def assert_argv_is_clean(process: psutil.Process) -> None:
    """What everybody on the machine can read: the command lines of the wrapper and of all that it started."""
    for each in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            assert leaks(" ".join(each.cmdline()), NOWHERE) == []


def assert_store_is_private_and_can_be_emptied(sandbox: Sandbox) -> None:
    found = stored(sandbox.data)
    for table, values in found.items():
        text = b"\n".join(map(opened, values))
        assert leaks(text, NOWHERE) == [], table
        if table not in {"originals", "decisions", "calls"}:
            assert leaks(text, list(BODIES.values())) == [], table
    originals = b"\n".join(map(opened, found["originals"]))
    assert set(leaks(originals, list(BODIES.values()))) >= {BODIES["elided"], BODIES["kept"]}
    assert not leaks(originals, [BODIES["prompt"]])
    bodies = [value for value in found["originals"] if value.startswith(FRAME)]
    chunks = [body[at : at + CHUNK] for body in bodies for at in range(0, len(body) - CHUNK, CHUNK)]
    file = paths.store_file(sandbox.data)
    assert sum(chunk in file.read_bytes() for chunk in chunks) > len(chunks) // 2
    done = sandbox.run(sys.executable, "-m", "headroom_wrap", "store", "purge", "--all", "--yes")
    assert done.returncode == 0, done.stderr
    assert "originals" not in stored(sandbox.data)
    for left, content in files_below(sandbox.data):
        assert not any(chunk in content for chunk in chunks), left
        assert leaks(content, [*NOWHERE, *BODIES.values()]) == [], left


def run_watched(
    sandbox: Sandbox, provider: EmulatedProvider, *argv: str, n_calls: int = 2
) -> subprocess.CompletedProcess[str]:
    """Run a session, and look at files and command lines while its last answer stands still."""
    fault = provider.faults.add(hold(at_event=2), after=n_calls - 1)
    process = sandbox.start(*argv)
    try:
        assert fault.hold is not None
        assert fault.hold.reached.wait(RUN_TIMEOUT_S), "the session never got so far"
        assert any(paths.sessions_dir(sandbox.data).iterdir())
        assert_argv_is_clean(psutil.Process(process.pid))
        assert_home_is_clean(sandbox.data)
    finally:
        provider.faults.clear()
        if fault.hold is not None:
            fault.hold.release()
        stdout, stderr = process.communicate(timeout=RUN_TIMEOUT_S)
    return subprocess.CompletedProcess(argv, process.returncode, stdout, stderr)


def assert_kept(done: subprocess.CompletedProcess[str], sandbox: Sandbox) -> None:
    assert done.returncode == 0, done.stderr
    assert " -> " in done.stderr, done.stderr
    assert leaks(done.stdout + done.stderr, NOWHERE) == []
    assert sandbox.leftovers() == []
    assert_home_is_clean(sandbox.data)
    assert_store_is_private_and_can_be_emptied(sandbox)


def assert_headers_arrived(provider: EmulatedProvider) -> None:
    sent = " ".join(value for request in provider.model_requests for _, value in request.headers)
    assert set(leaks(sent, NOWHERE)) == set(HEADERS.values())


def test_a_session_with_the_scripted_agent_keeps_every_secret(sandbox: Sandbox, provider: EmulatedProvider) -> None:
    done = run_watched(sandbox, provider, *wrap_scripted("-v", "-p", BASH))
    assert_headers_arrived(provider)
    assert_kept(done, sandbox)


def test_a_session_with_claude_code_keeps_every_secret(claude_sandbox: Sandbox, provider: EmulatedProvider) -> None:
    done = run_watched(claude_sandbox, provider, *wrap_claude("-v", "--allowedTools=Bash", "-p", BASH))
    assert_headers_arrived(provider)
    assert_kept(done, claude_sandbox)


def test_a_session_with_codex_keeps_every_secret(codex_sandbox: Sandbox, provider: EmulatedProvider) -> None:
    folder = codex_sandbox.home / ".codex"
    folder.mkdir(exist_ok=True)
    (folder / "config.toml").write_text(
        'model_provider = "corp"\nmodel = "gpt-5.5"\n[model_providers.corp]\nname = "Corp"\n'
        f'base_url = "{provider.url}/v1"\nwire_api = "responses"\nenv_key = "MY_KEY"\n'
        f'http_headers = {{"x-fixed" = "{HEADERS["token"]}"}}\n'
        'env_http_headers = {"x-team" = "MY_TEAM", "cookie" = "MY_COOKIE"}\n',
        encoding="utf-8",
    )
    mine = {"MY_KEY": "key", "MY_TEAM": "team", "MY_COOKIE": "cookie"}
    codex_sandbox.env.update({name: HEADERS[header] for name, header in mine.items()})
    flags = ("exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox")
    done = run_watched(codex_sandbox, provider, *wrap_codex("-v", *flags, EXEC))
    assert_headers_arrived(provider)
    assert_kept(done, codex_sandbox)


def test_the_stand_alone_proxy_keeps_every_secret(
    proxy: Standalone, sandbox: Sandbox, provider: EmulatedProvider
) -> None:
    client = {**sandbox.env, "ANTHROPIC_BASE_URL": proxy.url}
    agent = [sys.executable, "-m", "headroom_wrap.emulator.agent", "-p", BASH]
    done = subprocess.run(
        agent, cwd=sandbox.work, env=client, capture_output=True, text=True, timeout=RUN_TIMEOUT_S, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert_headers_arrived(provider)
    assert_argv_is_clean(psutil.Process(proxy.process.pid))
    assert_home_is_clean(sandbox.data)
    proxy.process.terminate()
    stdout, stderr = proxy.process.communicate(timeout=RUN_TIMEOUT_S)
    assert leaks(stdout + stderr, [*NOWHERE, *BODIES.values()]) == []
    assert_store_is_private_and_can_be_emptied(sandbox)


@pytest.mark.parametrize("status", [401, 404, 429, 500])
def test_what_a_provider_refuses_is_told_without_a_secret(
    status: int, sandbox: Sandbox, provider: EmulatedProvider
) -> None:
    plan = json.dumps({"error": {"message": "no"}})
    provider.faults.add(faults.status(status, body=plan), times=None)
    done = sandbox.run(*wrap_scripted("-v", "--max-retries", "0", "-p", BASH))
    assert leaks(done.stdout + done.stderr, NOWHERE) == []
    assert_home_is_clean(sandbox.data)


SECRET = ENVIRONMENT["other-key"]
BROKEN = [
    {"ANTHROPIC_BASE_URL": f"http://user:{SECRET}@127.0.0.1:9"},
    {"ANTHROPIC_BASE_URL": f"http://127.0.0.1:9/?key={SECRET}"},
    {"HEADROOM_ANTHROPIC_URL": f"http://user:{SECRET}@127.0.0.1:9"},
    {"HEADROOM_ANTHROPIC_URL": f"http://127.0.0.1:9/?key={SECRET}"},
    {"HEADROOM_ANTHROPIC_URL": f"user:{SECRET}@127.0.0.1"},
    {"ANTHROPIC_BASE_URL": "http://127.0.0.1:9"},
    {"HEADROOM_HOME": "/dev/null/home"},
]
VERBS = [("-m", "headroom_wrap", "doctor", "--no-probe"), ("-m", "headroom_wrap", "wrap", "--dry-run", "claude", "-p")]


@pytest.mark.parametrize("broken", BROKEN, ids=" ".join)
def test_no_error_and_no_report_tells_a_secret(broken: dict[str, str], sandbox: Sandbox) -> None:
    sandbox.env.update(broken)
    commands = [(sys.executable, *verb) for verb in VERBS]
    for argv in (*commands, wrap_scripted("-v", "--max-retries", "0", "-p", BASH)):
        done = sandbox.run(*argv)
        assert done.stdout + done.stderr
        assert leaks(done.stdout + done.stderr, NOWHERE) == [], argv
