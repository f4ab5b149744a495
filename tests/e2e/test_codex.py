"""The real Codex through a whole session: key and login, code mode and classic, print mode and TUI."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import re
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest

from headroom_wrap.emulator import first_prefix_break
from headroom_wrap.emulator.server import EmulatedProvider
from tests.e2e.sandbox import Sandbox, wrap_codex
from tests.e2e.tasks import FATAL, HIDDEN

pytestmark = pytest.mark.e2e

CLASSIC = ("-m", "gpt-5.5")
CODE_MODE = ()
EXEC = ("exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox")


def classic(command: str) -> str:
    return f"[[tool exec_command {json.dumps({'cmd': command})}]]"


def scripted(command: str) -> str:
    """A call in code mode: a script that runs the command and prints its result as JSON."""
    script = f"const r = await tools.exec_command({json.dumps({'cmd': command})}); text(JSON.stringify(r))"
    return f"[[tool exec {json.dumps({'input': script})}]]"


def sign_in(kind: str, sandbox: Sandbox) -> None:
    """With an API key in the environment or in Codex's file, or with a ChatGPT login."""
    if kind == "key":
        sandbox.env["CODEX_API_KEY"] = "sk-codex-0123456789"
        return
    folder = sandbox.home / ".codex"
    folder.mkdir(exist_ok=True)
    if kind == "file":
        (folder / "auth.json").write_text('{"auth_mode": "apikey", "OPENAI_API_KEY": "sk-file-01"}', encoding="utf-8")
        return
    claims = {
        "email": "a@b.c",
        "exp": 4102444800,
        "https://api.openai.com/auth": {"chatgpt_plan_type": "pro", "chatgpt_account_id": "acc-1"},
    }
    token = ".".join([_base64({"alg": "none"}), _base64(claims), "sig"])
    tokens = {"id_token": token, "access_token": token, "refresh_token": "r", "account_id": "acc-1"}
    login = {"auth_mode": "chatgpt", "OPENAI_API_KEY": None, "tokens": tokens, "last_refresh": "2026-11-21T00:00:00Z"}
    (folder / "auth.json").write_text(json.dumps(login), encoding="utf-8")


def _base64(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


QUIET = ("-c", "analytics.enabled=false", "-c", "features.plugins=false", "-c", "features.apps=false")


def ask(sandbox: Sandbox, prompt: str, *flags: str) -> subprocess.CompletedProcess[str]:
    return sandbox.run(*wrap_codex(*QUIET, *EXEC, *flags, prompt))


def outputs(provider: EmulatedProvider) -> list[str]:
    """The texts of all tool outputs in the last call, as the model read them."""
    texts = []
    for item in provider.model_requests[-1].json["input"]:
        if item["type"].endswith("_output"):
            output = item["output"]
            texts += [output] if isinstance(output, str) else [part["text"] for part in output]
    return texts


def assert_sound(done: subprocess.CompletedProcess[str], sandbox: Sandbox, provider: EmulatedProvider) -> None:
    assert done.returncode == 0, done.stderr
    assert " -> " in done.stderr, done.stderr
    for earlier, later in itertools.pairwise(provider.model_requests):
        assert first_prefix_break(earlier.content, later.content) is None
    assert all(request.header("x-headroom-key") is None for request in provider.requests)
    assert sandbox.leftovers() == []


LOG = "cat app.log"
PAIRS = [
    (CLASSIC, classic(LOG), "file", 2, FATAL),
    (CLASSIC, classic("sed -n 170,280p app.log; exit 3"), "key", 2, FATAL),
    (CLASSIC, "".join(classic(f"head -n 1{i} app.log; cat app.log") for i in range(12)), "chatgpt", 13, FATAL),
    (CODE_MODE, scripted(LOG), "chatgpt", 2, FATAL),
    (CODE_MODE, scripted("sed -n 170,280p app.log; exit 3"), "key", 2, FATAL),
]


@pytest.mark.parametrize(("model", "calls", "login", "n_calls", "answer"), PAIRS)
def test_a_task_ends_as_it_would_without_us(  # noqa: PLR0913, PLR0917 - a table
    model: tuple[str, ...], calls: str, login: str, n_calls: int, answer: str,
    codex_sandbox: Sandbox, provider: EmulatedProvider,
) -> None:  # fmt: skip
    sign_in(login, codex_sandbox)
    done = ask(codex_sandbox, f"Look. {calls} [[find {answer[21:]}]]", *model)
    assert_sound(done, codex_sandbox, provider)
    assert answer in done.stdout.replace('\\"', '"')
    assert len(provider.model_requests) == n_calls
    assert any("[headroom h" in text for text in outputs(provider))
    if login == "chatgpt":
        assert provider.model_requests[0].path == "/backend-api/codex/responses"
        assert provider.model_requests[-1].header("content-encoding") == "zstd"


@pytest.mark.parametrize(("model", "call"), [(CLASSIC, classic), (CODE_MODE, scripted)])
def test_the_model_reads_what_was_elided_through_its_shell(
    model: tuple[str, ...], call: Any, codex_sandbox: Sandbox, provider: EmulatedProvider
) -> None:
    sign_in("key", codex_sandbox)
    first = ask(codex_sandbox, f"Look. {call(LOG)} [[find FATAL]]", *model)
    assert first.returncode == 0, first.stderr
    marker = next(text for text in outputs(provider) if "[headroom h" in text)
    command = re.search(r"to read: (\S+ retrieve h\w+) --lines A-B", marker)
    assert command is not None
    provider.reset()
    sandboxed = ("exec", "--skip-git-repo-check", "-s", "workspace-write")
    prompt = f"Look. {call(f'{command[1]} --lines 130-134')} [[find {HIDDEN}]]"
    done = codex_sandbox.run(*wrap_codex(*QUIET, *sandboxed, *model, prompt))
    assert done.returncode == 0, done.stderr
    assert HIDDEN in done.stdout


def through_resource(id_: str) -> str:
    """Classic mode: MCP tools are deferred there, resources are not."""
    uri = f"headroom://original/{id_}?lines=130-134"
    return f"[[tool read_mcp_resource {json.dumps({'server': 'headroom', 'uri': uri})}]]"


def through_tool(id_: str) -> str:
    """Code mode: a script calls the MCP tool."""
    given = json.dumps({"id": id_, "lines": "130-134"})
    script = f"const r = await tools.mcp__headroom__headroom_retrieve({given}); text(r.content[0].text)"
    return f"[[tool exec {json.dumps({'input': script})}]]"


@pytest.mark.parametrize(
    ("model", "call", "retrieve"), [(CLASSIC, classic, through_resource), (CODE_MODE, scripted, through_tool)]
)
def test_the_model_reads_what_was_elided_over_mcp_without_being_asked(
    model: tuple[str, ...], call: Any, retrieve: Any, codex_sandbox: Sandbox, provider: EmulatedProvider
) -> None:
    sign_in("key", codex_sandbox)
    first = ask(codex_sandbox, f"Look. {call(LOG)} [[find FATAL]]", *model)
    assert first.returncode == 0, first.stderr
    id_ = re.search(r"\[headroom (h[0-9a-f]{12}): ", "\n".join(outputs(provider)))
    assert id_ is not None
    sandboxed = ("exec", "--skip-git-repo-check", "-s", "read-only")
    done = codex_sandbox.run(*wrap_codex(*QUIET, *sandboxed, *model, f"Look. {retrieve(id_[1])} [[say done]]"))
    assert done.returncode == 0, done.stderr
    assert any(HIDDEN in text for text in outputs(provider))
    assert "1 retrieval" in done.stderr


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for name in ("config.toml", "auth.json"):
        yield name, (folder / name).read_bytes()


def test_the_users_own_provider_is_the_upstream_and_nothing_of_codexs_is_changed(
    codex_sandbox: Sandbox, provider: EmulatedProvider
) -> None:
    sign_in("chatgpt", codex_sandbox)
    del codex_sandbox.env["HEADROOM_OPENAI_URL"], codex_sandbox.env["HEADROOM_CHATGPT_URL"]
    codex_sandbox.env["MY_KEY"] = "sk-mine"
    folder = codex_sandbox.home / ".codex"
    (folder / "config.toml").write_text(
        '# mine\nmodel_provider = "corp"\nmodel = "gpt-5.5"\n[model_providers.corp]\nname = "Corp"\n'
        f'base_url = "{provider.url}/v1"\nwire_api = "responses"\nenv_key = "MY_KEY"\n'
        'http_headers = {"x-team" = "blue"}\n',
        encoding="utf-8",
    )
    before = dict(files(folder))
    done = ask(codex_sandbox, f"Look. {classic(LOG)} [[find FATAL]]")
    assert_sound(done, codex_sandbox, provider)
    assert FATAL in done.stdout
    assert {request.credential for request in provider.model_requests} == {"Bearer sk-mine"}
    assert {request.header("x-team") for request in provider.model_requests} == {"blue"}
    assert dict(files(folder)) == before


def test_a_wrapped_thread_can_be_resumed_without_us(codex_sandbox: Sandbox, provider: EmulatedProvider) -> None:
    sign_in("key", codex_sandbox)
    done = ask(codex_sandbox, f"Look. {classic(LOG)} [[find FATAL]]", *CLASSIC)
    assert done.returncode == 0, done.stderr
    (database,) = (codex_sandbox.home / ".codex").glob("state_*.sqlite")
    with contextlib.closing(sqlite3.connect(database)) as threads:
        assert threads.execute("SELECT model_provider FROM threads").fetchall() == [("openai",)]
    plain = ("codex", "exec", "-c", f'openai_base_url="{provider.url}/v1"', *QUIET, *CLASSIC, "resume", "--last")
    again = codex_sandbox.run(*plain, "--skip-git-repo-check", "[[say resumed]]")
    assert again.returncode == 0, again.stderr
    assert "resumed" in again.stdout
    assert FATAL in "".join(outputs(provider))


def test_the_tui_runs_through_the_session_and_leaves_no_daemon(
    codex_sandbox: Sandbox, provider: EmulatedProvider
) -> None:
    # With a ChatGPT login the TUI asks chatgpt.com about the account first, which no test can answer.
    sign_in("file", codex_sandbox)
    folder = codex_sandbox.home / ".codex"
    (folder / "config.toml").write_text(
        f'[projects."{codex_sandbox.work}"]\ntrust_level = "trusted"\n', encoding="utf-8"
    )
    flags = ("--dangerously-bypass-approvals-and-sandbox", *QUIET)
    terminal = codex_sandbox.open_terminal(*wrap_codex(*flags, f"Look. {scripted(LOG)} [[find FATAL]]"))
    assert provider.wait_for(lambda: len(provider.model_requests) == 2, 40)
    assert provider.wait_for(lambda: all(call.finished for call in provider.model_requests), 10)
    # One Ctrl-C clears the line or warns, the next one leaves.
    while terminal.expect(["headroom: ", pexpect.TIMEOUT], timeout=1):
        terminal.send("\x03")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert first_prefix_break(*(call.content for call in provider.model_requests)) is None
    assert any("[headroom h" in text for text in outputs(provider))
    assert codex_sandbox.leftovers() == []
