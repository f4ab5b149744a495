"""Sessions with a stand-in for Cursor's command (the real one needs an account): files, tunnel, sudden ends."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from headroom_wrap.emulator.server import EmulatedProvider
from headroom_wrap.proxy.server import bind
from tests.e2e.sandbox import RUN_TIMEOUT_S, Sandbox

pytestmark = pytest.mark.e2e

WRAP = (sys.executable, "-m", "headroom_wrap", "wrap", "cursor")
HOST = "name.example.com"
LOG = "".join(f"2026-03-01T02:{i // 60:02d}:{i % 60:02d}Z INFO worker finished batch {i}\n" for i in range(600))
ORIGINAL = '{\n  // mine\n  "mcpServers": {\n    "docs": {"url": "https://docs.example.com/mcp"},\n  },\n}\n'


@pytest.fixture
def file(sandbox: Sandbox) -> Path:
    """The project's `mcp.json`; a command `cursor` notes it and stays until a file `go` appears."""
    path = sandbox.work / ".cursor" / "mcp.json"
    path.parent.mkdir()
    path.write_text(ORIGINAL, encoding="utf-8")
    program = sandbox.root / "bin" / "cursor"
    program.parent.mkdir()
    script = (
        "#!/bin/sh\ncp .cursor/mcp.json seen.json\ncp .cursor/rules/headroom.mdc seen.mdc\n"
        'echo "$@" > args\nwhile [ ! -e go ]; do sleep 0.02; done\nexit 7\n'
    )
    program.write_text(script, encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    sandbox.env["PATH"] = f"{program.parent}{os.pathsep}{sandbox.env['PATH']}"
    return path


def wait_for(path: Path) -> None:
    end_s = time.monotonic() + RUN_TIMEOUT_S
    while not path.exists() and time.monotonic() < end_s:
        time.sleep(0.02)
    assert path.exists()


def finished(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    said = process.communicate(timeout=RUN_TIMEOUT_S)[1]
    return str(said)


def is_as_before(file: Path) -> bool:
    return file.read_text(encoding="utf-8") == ORIGINAL and [path.name for path in file.parent.iterdir()] == [file.name]


def test_server_and_rule_are_there_while_cursor_runs_and_gone_with_it(sandbox: Sandbox, file: Path) -> None:
    (sandbox.work / "go").touch()
    done = sandbox.run(*WRAP)
    assert done.returncode == 7
    seen = (sandbox.work / "seen.json").read_text(encoding="utf-8")
    assert seen.startswith(ORIGINAL[: ORIGINAL.index("  },\n}")])
    assert '"headroom": {' in seen
    assert "alwaysApply: true\n" in (sandbox.work / "seen.mdc").read_text(encoding="utf-8")
    assert (sandbox.work / "args").read_text(encoding="utf-8") == f"--wait {sandbox.work}\n"
    assert "nothing is saved on them" in done.stderr
    assert is_as_before(file)
    assert sandbox.leftovers() == []


def test_an_edit_that_cursor_made_meanwhile_stays(sandbox: Sandbox, file: Path) -> None:
    process = sandbox.start(*WRAP)
    wait_for(sandbox.work / "args")
    theirs = file.read_text(encoding="utf-8").replace("// mine", "// mine, and more")
    file.write_text(theirs, encoding="utf-8")
    (sandbox.work / "go").touch()
    said = finished(process)
    assert "not all could be put back" not in said
    assert file.read_text(encoding="utf-8") == ORIGINAL.replace("// mine", "// mine, and more")


def test_a_wrapper_that_is_killed_leaves_the_users_files(sandbox: Sandbox, file: Path) -> None:
    process = sandbox.start(*WRAP)
    wait_for(sandbox.work / "args")
    assert not is_as_before(file)
    process.send_signal(signal.SIGKILL)
    finished(process)
    end_s = time.monotonic() + RUN_TIMEOUT_S
    while not is_as_before(file) and time.monotonic() < end_s:
        time.sleep(0.02)
    assert is_as_before(file)


@pytest.fixture
def two(sandbox: Sandbox, file: Path) -> Iterator[dict[str, subprocess.Popen[str]]]:
    """Two sessions in one project, both running; each ends when a file `go-NAME` appears."""
    assert file.is_file()
    program = sandbox.root / "bin" / "cursor"
    program.write_text('#!/bin/sh\ntouch "here-$NAME"\nwhile [ ! -e "go-$NAME" ]; do sleep 0.02; done\n', "utf-8")
    started = {}
    for name in ("a", "b"):
        sandbox.env["NAME"] = name
        started[name] = sandbox.start(*WRAP)
        wait_for(sandbox.work / f"here-{name}")
    yield started
    for process in started.values():
        if process.poll() is None:
            process.kill()
        if process.stdout is not None and not process.stdout.closed:
            process.communicate()


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")], ids="-".join)
@pytest.mark.parametrize("is_killed", [False, True], ids=["ends", "is-killed"])
def test_of_two_sessions_in_one_project_the_last_one_takes_server_and_rule_away(
    order: tuple[str, str], sandbox: Sandbox, file: Path, two: dict[str, subprocess.Popen[str]], *, is_killed: bool
) -> None:
    first, last = order
    edited = file.read_text(encoding="utf-8")
    assert edited.count('"headroom": {') == 1
    if is_killed:
        two[first].kill()
        two[first].wait(RUN_TIMEOUT_S)
        wait_until(lambda: n_sessions(sandbox) == 1)
    else:
        (sandbox.work / f"go-{first}").touch()
        assert "could be put back" not in finished(two[first])
    assert file.read_text(encoding="utf-8") == edited
    assert (file.parent / "rules" / "headroom.mdc").exists()
    (sandbox.work / f"go-{last}").touch()
    assert "could be put back" not in finished(two[last])
    assert is_as_before(file)
    assert sandbox.leftovers() == []


def test_of_two_sessions_that_are_killed_together_nothing_is_left(
    sandbox: Sandbox, file: Path, two: dict[str, subprocess.Popen[str]]
) -> None:
    for process in two.values():
        process.kill()
    for process in two.values():
        process.wait(RUN_TIMEOUT_S)
    wait_until(lambda: sandbox.leftovers() == [])
    assert is_as_before(file)


def n_sessions(sandbox: Sandbox) -> int:
    return sum(path.is_dir() for path in sandbox.leftovers())


def wait_until(condition: Callable[[], bool]) -> None:
    end_s = time.monotonic() + RUN_TIMEOUT_S
    while not condition() and time.monotonic() < end_s:
        time.sleep(0.02)
    assert condition()


def ask(url: str, bearer: str, **fields: Any) -> httpx.Response:
    """What Cursor's backend posts to the path of chats through the tunnel."""
    call = {
        "type": "function_call",
        "call_id": "c1",
        "name": "run_terminal_cmd",
        "arguments": '{"command":"cat a.log"}',
    }
    output = {"type": "function_call_output", "call_id": "c1", "output": LOG}
    body = {
        "model": "gpt-5", "tools": [{"type": "function", "name": "run_terminal_cmd", "parameters": {}}],
        "input": [{"role": "user", "content": "[[say good day]]"}, call, output], **fields,
    }  # fmt: skip
    headers = {"host": HOST, "authorization": f"Bearer {bearer}", "cf-connecting-ip": "192.0.2.1"}
    return httpx.post(f"{url}/v1/chat/completions", json=body, headers=headers)


def test_calls_through_a_tunnel_are_compressed_and_answered_as_chats(
    sandbox: Sandbox, provider: EmulatedProvider, file: Path
) -> None:
    listener = bind(0)
    port = listener.getsockname()[1]
    listener.close()
    sandbox.env.update({"OPENAI_API_KEY": "sk-mine-0123456789", "OPENAI_BASE_URL": f"{provider.url}/v1"})
    process = sandbox.start(*WRAP, "--port", str(port), "--public-url", f"https://{HOST}")
    wait_for(sandbox.work / "args")
    bearer_file = sandbox.data / "cursor.bearer"
    assert stat.S_IMODE(bearer_file.stat().st_mode) == 0o600
    url, bearer = f"http://127.0.0.1:{port}", bearer_file.read_text(encoding="ascii")
    assert ask(url, "wrong").status_code == 401
    answer = ask(url, bearer).json()
    assert answer["object"] == "chat.completion"
    streamed = ask(url, bearer, stream=True)
    assert '"chat.completion.chunk"' in streamed.text
    (sandbox.work / "go").touch()
    said = finished(process)
    assert [request.path for request in provider.model_requests] == ["/v1/chat/completions"] * 2
    sent = provider.model_requests[0]
    assert sent.header("authorization") == "Bearer sk-mine-0123456789"
    assert sent.header("cf-connecting-ip") is None
    output = sent.json["input"][2]["output"]
    assert len(output) < len(LOG) / 2
    assert "headroom retrieve h" in output
    assert bearer not in said
    assert " -> " in said
    assert is_as_before(file)
