"""A model asked once: through the user's own agent in print mode, or with a key that the user names.

An agent runs without tools and without the user's instruction files, as far as it lets itself be told so, in an empty
folder: Codex adds its global AGENTS.md all the same. The question goes to its standard input, since others can read the
command line.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from headroom_wrap.auth import http
from headroom_wrap.auth.http import Answer, NoAnswerError, Request
from headroom_wrap.errors import Code, HeadroomError

TIMEOUT_S = 120.0
_MAX_CHARS = 1_000_000
_OK = 200


class NoWordError(Exception):
    """There is no answer; its text says why, as the end of a sentence, without anything secret."""


@dataclass(frozen=True, slots=True)
class Print:
    """An agent in print mode, which reads its prompt from standard input; `env` goes on top of the user's."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Api:
    """A provider's API.

    Attributes:
        base_variable: names another place for it.
        base_url: where it is else, without a path.
        path: of the call.
        headers: of the key.
        body: of model and prompt.
        text: of the answer.
        model: unless told.
    """

    base_variable: str
    base_url: str
    path: str
    headers: Callable[[str], Mapping[str, str]]
    body: Callable[[str, str], Mapping[str, Any]]
    text: Callable[[Mapping[str, Any]], str]
    model: str


AGENTS: dict[str, Print] = {
    "claude": Print(
        (
            "claude", "-p", "--tools", "", "--strict-mcp-config", "--disable-slash-commands",
            "--setting-sources", "user", "--settings", '{"disableAllHooks":true}',
            "--no-session-persistence", "--output-format", "text",
        ),
        {"CLAUDE_CODE_DISABLE_CLAUDE_MDS": "1", "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1"},
    ),
    "codex": Print(
        (
            "codex", "exec", "--skip-git-repo-check", "--ephemeral", "--sandbox", "read-only", "--color", "never",
            "--disable", "shell_tool", "--disable", "hooks", "--disable", "plugins", "--disable", "apps",
            "-c", "web_search=disabled", "-c", "mcp_servers={}", "-c", "project_doc_max_bytes=0", "-",
        )
    ),
    "copilot": Print(
        (
            "copilot", "-s", "--no-color", "--no-ask-user", "--disable-builtin-mcps", "--no-custom-instructions",
            "--no-auto-update", "--available-tools=none",
        )
    ),
}  # fmt: skip
"""The agents that can be asked."""
KEYS: dict[str, Api] = {
    "ANTHROPIC_API_KEY": Api(
        "ANTHROPIC_BASE_URL", "https://api.anthropic.com", "/v1/messages",
        lambda key: {"x-api-key": key, "anthropic-version": "2023-06-01"},
        lambda model, prompt: {"model": model, "max_tokens": 8192, "messages": [{"role": "user", "content": prompt}]},
        lambda answer: "".join(block.get("text", "") for block in answer["content"]),
        "claude-sonnet-5",
    ),
    "OPENAI_API_KEY": Api(
        "OPENAI_BASE_URL", "https://api.openai.com/v1", "/chat/completions",
        lambda key: {"Authorization": f"Bearer {key}"},
        lambda model, prompt: {"model": model, "messages": [{"role": "user", "content": prompt}]},
        lambda answer: str(answer["choices"][0]["message"]["content"]),
        "gpt-5-mini",
    ),
}  # fmt: skip
"""Variables whose key may be used, when the user names them, and the API that each is for."""


def ask(whom: str, prompt: str, env: Mapping[str, str], *, model: str = "", timeout_s: float = TIMEOUT_S) -> str:
    """The answer as text.

    Args:
        whom: an agent of `AGENTS`, or a variable of `KEYS`.
        prompt: what is asked.
        env: the user's environment.
        model: the name of the model, for a key; "" for the usual one.
        timeout_s: for the whole of it.

    Raises:
        NoWordError: there is none.
        HeadroomError: `BAD_REQUEST` for somebody else.
    """
    check(whom)
    if whom in KEYS:
        return _from_api(KEYS[whom], whom, prompt, env, model, timeout_s)
    return _from_agent(AGENTS[whom], prompt, env, timeout_s)


def check(whom: str) -> None:
    """Do nothing for somebody who can be asked.

    Raises:
        HeadroomError: `BAD_REQUEST`.
    """
    if whom not in AGENTS and whom not in KEYS:
        known = ", ".join([*AGENTS, *KEYS])
        raise HeadroomError(Code.BAD_REQUEST, f"{whom!r} cannot be asked to refine.", f"Name one of: {known}.")


def _from_agent(agent: Print, prompt: str, env: Mapping[str, str], timeout_s: float) -> str:
    name = agent.argv[0]
    program = shutil.which(name, path=env.get("PATH", os.defpath))
    if program is None:
        raise NoWordError(f"{name} is not on your PATH")
    with tempfile.TemporaryDirectory(prefix="headroom-") as folder:
        try:
            process = subprocess.Popen(
                (program, *agent.argv[1:]),
                cwd=folder,
                env={**env, **agent.env},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            raise NoWordError(f"{name} could not be started: {error.strerror}") from error
        try:
            output, _ = process.communicate(prompt.encode("utf-8", "replace"), timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            raise NoWordError(f"{name} gave no answer within {timeout_s:.0f} s") from error
        finally:
            _end(process)
    if process.returncode:
        raise NoWordError(f"{name} ended with exit code {process.returncode}")
    return output.decode("utf-8", "replace")[:_MAX_CHARS]


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it and whatever it started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(OSError):
                stream.close()


def _from_api(  # noqa: PLR0913, PLR0917 - what `ask` was given
    api: Api, variable: str, prompt: str, env: Mapping[str, str], model: str, timeout_s: float
) -> str:
    key = env.get(variable, "").strip()
    if not key:
        raise NoWordError(f"{variable} is not set")
    url = (env.get(api.base_variable) or api.base_url).rstrip("/") + api.path
    headers = {"Content-Type": "application/json", "User-Agent": http.USER_AGENT, **api.headers(key)}
    request = Request("POST", url, headers, json.dumps(api.body(model or api.model, prompt)).encode())

    async def carried() -> Answer:
        return await http.transport(env, timeout_s)(request)

    try:
        answer = asyncio.run(carried())
    except NoAnswerError as error:
        raise NoWordError(f"the provider did not answer: {error}") from error
    if answer.status != _OK:
        raise NoWordError(f"the provider answered {answer.status}")
    try:
        return api.text(answer.json)[:_MAX_CHARS]
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise NoWordError("the provider's answer has no text") from error
