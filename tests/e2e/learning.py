"""Runs of the real agents, without us in between, that leave transcripts to learn from."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from headroom_wrap.agents import Context
from headroom_wrap.emulator.server import EmulatedProvider
from headroom_wrap.learn.events import Call, Session
from headroom_wrap.learn.readers import READERS
from tests.e2e.planted import DIALECTS, Step, prompt, write_project
from tests.e2e.sandbox import AGENTS_VARIABLE, CREDENTIALS, RUN_TIMEOUT_S, Sandbox
from tests.e2e.tasks import write_files

WORDS = "Please look after the month."
_CODEX = (
    "codex", "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox",
    "-c", "analytics.enabled=false", "-c", "features.plugins=false", "-c", "features.apps=false",
)  # fmt: skip
AIDER = (
    "aider", "--yes-always", "--no-show-model-warnings", "--no-gitignore", "--no-analytics", "--no-check-update",
    "--no-show-release-notes", "--map-tokens", "0", "--model", "openai/gpt-4o",
)  # fmt: skip


Argv = Callable[[str, int, bool], tuple[str, ...]]
"""The command line for a prompt: in the session of this number, which is new, or the last one again."""


@dataclass(frozen=True, slots=True)
class User:
    """A user of one agent: where it works, and how it is asked."""

    agent: str
    dialect: str
    sandbox: Sandbox
    work: Path
    argv: Argv

    def ask(
        self, number: int, *steps: Step, words: str = WORDS, again: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """A session in which the agent does these steps, or, `again`, the next turn of the last one.

        The files stand as they did at first.
        """
        shutil.rmtree(self.work / "conf", ignore_errors=True)
        write_project(self.work)
        return self.tell(prompt(words, steps, self.work, DIALECTS[self.dialect]), number, again=again)

    def tell(self, text: str, number: int = 1, *, again: bool = False) -> subprocess.CompletedProcess[str]:
        """A session, or its next turn, with this prompt."""
        done = self.sandbox.run(*self.argv(text, number, again))
        assert done.returncode == 0, done.stderr
        return done

    @property
    def context(self) -> Context:
        """The user's side, as a reader sees it."""
        return Context((), self.sandbox.env, self.work, self.sandbox.home)

    def sessions(self) -> list[Session]:
        """All that the transcripts hold, the oldest session first."""
        reader = READERS[self.agent]
        found = [session for file in reader.files(self.context) for session in reader.read(file)]
        return sorted(found, key=lambda session: session.started)


def calls_of(session: Session) -> list[Call]:
    """The calls of a session."""
    return [event for event in session.events if isinstance(event, Call)]


def user_of(dialect: str, sandbox: Sandbox, provider: EmulatedProvider) -> User:
    """A user whose agent sends its requests to the emulated provider; the test skips where it is not installed."""
    program = dialect.split(" ", maxsplit=1)[0]
    if shutil.which(program, path=os.environ.get(AGENTS_VARIABLE, "")) is None:
        pytest.skip(f"{program} is not installed: {AGENTS_VARIABLE} names no folder with it")
    if shutil.which("npm", path=sandbox.env["PATH"]) is None:
        pytest.skip("npm is not installed")
    sandbox.env["NPM_CONFIG_UPDATE_NOTIFIER"] = "false"
    work = sandbox.work
    if program == "openclaw":
        work = sandbox.home / ".openclaw" / "workspace"
        write_files(work)
    write_project(work)
    return User(program, dialect, sandbox, work, _SET_UP[dialect](sandbox, provider.url))


def _claude(sandbox: Sandbox, _url: str) -> Argv:
    sandbox.env.update(CREDENTIALS["key"])
    words = ("claude", "--dangerously-skip-permissions")
    return lambda text, _number, again: (*words, *(["--continue"] if again else []), "-p", text)


def _codex(*flags: str) -> Callable[[Sandbox, str], Argv]:
    def set_up(sandbox: Sandbox, url: str) -> Argv:
        sandbox.env["CODEX_API_KEY"] = "sk-codex-0123456789"
        words = (*_CODEX, "-c", f'openai_base_url="{url}/v1"', *flags)
        return lambda text, _number, again: (*words, *(["resume", "--last"] if again else []), text)

    return set_up


def _copilot(sandbox: Sandbox, url: str) -> Argv:
    sandbox.env.update(
        COPILOT_AUTO_UPDATE="false", COPILOT_OFFLINE="true", COPILOT_MODEL="claude-sonnet-5",
        COPILOT_PROVIDER_TYPE="anthropic", COPILOT_PROVIDER_BASE_URL=url,
        COPILOT_PROVIDER_API_KEY="sk-copilot-0123456789",
    )  # fmt: skip
    words = ("copilot", "--allow-all", "--no-color", "--no-ask-user")
    return lambda text, _number, again: (*words, *(["--continue"] if again else []), "-p", text)


def _opencode(sandbox: Sandbox, url: str) -> Argv:
    del sandbox.env["ANTHROPIC_BASE_URL"]
    sandbox.env.update(
        OPENCODE_DISABLE_AUTOUPDATE="1", OPENCODE_DISABLE_MODELS_FETCH="1", ANTHROPIC_API_KEY="sk-ant-0123456789"
    )
    file = sandbox.home / ".config" / "opencode" / "opencode.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    options = {"anthropic": {"options": {"baseURL": f"{url}/v1"}}}
    file.write_text(json.dumps({"permission": "allow", "provider": options}), encoding="utf-8")
    # OpenCode puts quotes around an argument with spaces, and a backslash before its quotes; a number alone ends it.
    words = ("opencode", "run", "-m", "anthropic/claude-sonnet-4-5")
    return lambda text, _number, again: (*words, *(["--continue"] if again else []), "--", *text.split(" "))


def _openclaw(sandbox: Sandbox, url: str) -> Argv:
    sandbox.env.update(OPENCLAW_NO_AUTO_UPDATE="1", OPENCLAW_DISABLE_BONJOUR="1")
    provider = {"baseUrl": url, "api": "anthropic-messages", "apiKey": "sk-ant-0123456789", "models": []}
    values = {
        "update": {"checkOnStart": False},
        "telemetry": {"enabled": False},
        "agents": {"defaults": {"model": {"primary": "anthropic/claude-opus-4-8"}, "skipBootstrap": True}},
        "models": {"providers": {"anthropic": provider}},
    }
    (sandbox.home / ".openclaw" / "openclaw.json").write_text(json.dumps(values), encoding="utf-8")
    words = ("openclaw", "agent", "--local", "--agent", "main", "--session-id")
    return lambda text, number, _again: (*words, f"s{number}", "--message", text)


_SET_UP: Mapping[str, Callable[[Sandbox, str], Argv]] = {
    "claude": _claude,
    "codex": _codex("-m", "gpt-5.5"),
    "codex in code mode": _codex(),
    "copilot": _copilot,
    "opencode": _opencode,
    "openclaw": _openclaw,
}


def aider_messages(*olds: str) -> str:
    """What is typed into Aider: for each of these lines, a message that makes the model replace it."""
    return "".join(
        f"{{\nRaise the rows. [[say conf/app/limits.ini\n```\n<<<<<<< SEARCH\n{old}\n=======\nmax_rows: 80\n"
        ">>>>>>> REPLACE\n```\n]] [[commit fix: rows]]\n}\n"
        for old in olds
    )


def aider(sandbox: Sandbox, provider: EmulatedProvider, messages: str) -> subprocess.CompletedProcess[str]:
    """Aider in the sandbox's project, told these messages; it calls no tools, so it has no dialect."""
    if shutil.which("aider", path=os.environ.get(AGENTS_VARIABLE, "")) is None:
        pytest.skip(f"Aider is not installed: {AGENTS_VARIABLE} names no folder with it")
    sandbox.env.update(TERM="dumb", OPENAI_API_BASE=f"{provider.url}/v1", OPENAI_API_KEY="sk-test-0123456789")
    write_project(sandbox.work)
    for words in ("init -q", "config user.name a", "config user.email a@b.c", "add -A", "commit -qm first"):
        assert sandbox.run("git", *words.split()).returncode == 0
    return subprocess.run(
        [*AIDER, "conf/app/limits.ini"],
        cwd=sandbox.work,
        env=sandbox.env,
        input=messages,
        capture_output=True,
        text=True,
        timeout=RUN_TIMEOUT_S,
        check=False,
    )
