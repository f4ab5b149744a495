"""Whole sessions with the scripted agent: the full matrix, many sessions, sessions in sessions."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psutil
import pytest

from headroom_wrap.emulator import faults
from headroom_wrap.emulator.server import EmulatedProvider
from tests.e2e.sandbox import CREDENTIALS, Sandbox, assert_append_only, sent_results, with_tools, wrap_scripted
from tests.e2e.tasks import HIDDEN, LARGE, RETRIEVES, TASKS, Task, write_files

pytestmark = pytest.mark.e2e


def check(task: Task, done: subprocess.CompletedProcess[str], sandbox: Sandbox, provider: EmulatedProvider) -> None:
    assert done.returncode == 0, done.stderr
    assert task.answer in done.stdout
    assert len(provider.model_requests) == task.n_calls
    assert_append_only(provider)
    assert " -> " in done.stderr
    assert sandbox.leftovers() == []
    assert all(request.header("x-headroom-key") is None for request in provider.requests)


@pytest.mark.parametrize("credentials", CREDENTIALS)
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_task_with_every_sign_in(
    task: Task, credentials: str, sandbox: Sandbox, provider: EmulatedProvider
) -> None:
    sandbox.env.update(CREDENTIALS[credentials])
    check(task, sandbox.run(*wrap_scripted("-p", task.prompt)), sandbox, provider)


@pytest.mark.parametrize("level", ["off", "safe"])
def test_no_level_but_balanced_elides(level: str, sandbox: Sandbox, provider: EmulatedProvider) -> None:
    sandbox.env.update(CREDENTIALS["key"])
    done = sandbox.run(*wrap_scripted("--level", level, "-p", LARGE.prompt))
    assert LARGE.answer in done.stdout
    assert not any("elided" in text for text in sent_results(provider.model_requests[-1]))


def test_an_excluded_tool_is_left_alone(sandbox: Sandbox, provider: EmulatedProvider) -> None:
    sandbox.env.update(CREDENTIALS["key"])
    done = sandbox.run(*wrap_scripted("--exclude-tool", "Bash", "-p", LARGE.prompt))
    assert "nothing saved" in done.stderr
    assert (sandbox.work / "app.log").read_text(encoding="utf-8").strip() in sent_results(provider.model_requests[-1])[
        0
    ]


def test_a_session_inside_a_session_uses_the_outer_proxy(sandbox: Sandbox, provider: EmulatedProvider) -> None:
    sandbox.env.update(CREDENTIALS["key"])
    inner = " ".join(wrap_scripted("-p", "hello"))
    done = sandbox.run(*wrap_scripted("-p", f'Go. [[tool Bash {{"command":"{inner}"}}]] [[find Done.]]'))
    assert done.returncode == 0, done.stderr
    assert "Done." in done.stdout
    assert "inside session" in sent_results(provider.model_requests[-1])[0]
    assert "headroom: 3 requests" in done.stderr
    assert sandbox.leftovers() == []


def test_a_store_that_cannot_be_opened_does_not_keep_the_agent_from_working(sandbox: Sandbox) -> None:
    sandbox.env.update(CREDENTIALS["key"])
    sandbox.data.mkdir()
    (sandbox.data / "store.sqlite3").write_bytes(b"no database, but a file of some length" * 100)
    done = sandbox.run(*wrap_scripted("-p", LARGE.prompt))
    assert done.returncode == 0
    assert LARGE.answer in done.stdout
    assert "nothing will be compressed" in done.stderr


@pytest.mark.parametrize("code", [429, 500, 529])
def test_what_the_provider_refuses_reaches_the_agent_as_it_is(
    code: int, sandbox: Sandbox, provider: EmulatedProvider
) -> None:
    sandbox.env.update(CREDENTIALS["key"])
    provider.faults.add(faults.status(code, {"Retry-After": "0"}), times=None)
    done = sandbox.run(*wrap_scripted("--max-retries", "1", "-p", LARGE.prompt))
    assert done.returncode == 1
    assert str(code) in done.stderr
    assert f"all failed: {code} from the provider" in done.stderr


def test_eight_sessions_at_once_do_not_disturb_each_other(tmp_path: Path, provider: EmulatedProvider) -> None:
    sandboxes = [Sandbox.make(tmp_path / str(number), provider.url, **CREDENTIALS["key"]) for number in range(8)]
    for sandbox in sandboxes:
        sandbox.env["HEADROOM_HOME"] = str(tmp_path / "shared")
        write_files(sandbox.work)
    running = [sandbox.start(*wrap_scripted("-p", RETRIEVES.prompt)) for sandbox in sandboxes]
    outputs = [process.communicate(timeout=90) for process in running]
    assert [process.returncode for process in running] == [0] * 8, outputs
    assert all(HIDDEN in answer for answer, _ in outputs)
    assert all("headroom: 3 requests, 1 retrieval" in said for _, said in outputs)
    assert list((tmp_path / "shared" / "sessions").iterdir()) == []


def mentions(process: psutil.Process, sandbox: Sandbox) -> bool:
    """Whether a process was started for this sandbox, or in it."""
    try:
        return str(sandbox.root) in " ".join([*process.cmdline(), *process.environ().values()])
    except psutil.Error:
        return False


@pytest.mark.soak
def test_fifty_sessions_in_a_row_leave_nothing(sandbox: Sandbox, provider: EmulatedProvider) -> None:
    sandbox.env.update(CREDENTIALS["key"])
    for _ in range(50):
        done = sandbox.run(*wrap_scripted("-p", LARGE.prompt))
        assert LARGE.answer in done.stdout
    assert [process for process in psutil.process_iter() if mentions(process, sandbox)] == []
    assert sandbox.leftovers() == []
    assert len(with_tools(provider.model_requests)) == 100
