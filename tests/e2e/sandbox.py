"""A home, a project and a clean environment for runs of real agents and real sessions."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pexpect

from headroom_wrap import paths
from headroom_wrap.emulator import first_prefix_break
from headroom_wrap.emulator.recording import RecordedRequest
from headroom_wrap.emulator.server import EmulatedProvider
from tests.e2e.canaries import VARIABLES

AGENTS_VARIABLE = "HEADROOM_TEST_AGENTS"
"""The `node_modules/.bin` with the pinned agents, as `scripts/test` installs them."""

API_KEY = "sk-ant-test-000-0123456789abcdefghij"
CREDENTIALS: dict[str, dict[str, str]] = {
    "key": {"ANTHROPIC_API_KEY": API_KEY},
    "token": {"ANTHROPIC_AUTH_TOKEN": "token-0123456789"},
    "oauth": {"CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-0123456789"},
}
_QUIET = {
    "IS_SANDBOX": "1",
    "DISABLE_AUTOUPDATER": "1",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_TELEMETRY": "1",
}
RUN_TIMEOUT_S = 90.0
TERMINAL_TIMEOUT_S = 40.0


@dataclass(frozen=True, slots=True)
class Sandbox:
    """One user: HOME, a project to work in, and what the agents find in their environment."""

    root: Path
    env: dict[str, str] = field(default_factory=dict)

    @classmethod
    def make(cls, root: Path, base_url: str, **env: str) -> Sandbox:
        """Create the folders; the user's agent is set to `base_url`."""
        sandbox = cls(root)
        for folder in (sandbox.home, sandbox.work):
            folder.mkdir(parents=True)
        agents = os.environ.get(AGENTS_VARIABLE, "")
        sandbox.env.update(
            {
                "PATH": os.pathsep.join(filter(None, (agents, "/usr/local/bin", "/usr/bin", "/bin"))),
                "HOME": str(sandbox.home),
                "TERM": "xterm-256color",
                "LANG": "C.UTF-8",
                paths.HOME_VARIABLE: str(sandbox.data),
                "ANTHROPIC_BASE_URL": base_url,
                **_QUIET,
                **VARIABLES,
                # A tree that is tested without being installed is found as the tests find it.
                **{name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ},
                **env,
            }
        )
        return sandbox

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def work(self) -> Path:
        return self.root / "work"

    @property
    def data(self) -> Path:
        return self.root / "data"

    def onboard(self) -> None:
        """Answer Claude Code's first questions, so that its TUI starts at the prompt."""
        answers = {
            "hasCompletedOnboarding": True,
            "customApiKeyResponses": {"approved": [API_KEY[-20:]]},
            "projects": {str(self.work): {"hasTrustDialogAccepted": True}},
        }
        (self.home / ".claude.json").write_text(json.dumps(answers), encoding="utf-8")

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """Run a command without a terminal and without input."""
        return subprocess.run(
            argv,
            cwd=self.work,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=RUN_TIMEOUT_S,
            check=False,
        )

    def start(self, *argv: str) -> subprocess.Popen[str]:
        """Start a command without a terminal, in a session of its own."""
        return subprocess.Popen(
            argv,
            cwd=self.work,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def open_terminal(self, *argv: str) -> pexpect.spawn[str]:
        """Start a command in a pseudo-terminal of its own."""
        return pexpect.spawn(
            argv[0],
            list(argv[1:]),
            cwd=str(self.work),
            env=self.env,
            timeout=TERMINAL_TIMEOUT_S,
            dimensions=(40, 120),
            encoding="utf-8",
            codec_errors="replace",
        )

    def leftovers(self) -> list[Path]:
        """What sessions have left behind."""
        folder = paths.sessions_dir(self.data)
        return sorted(folder.iterdir()) if folder.exists() else []


@dataclass(frozen=True, slots=True)
class Standalone:
    """A running `headroom proxy`."""

    url: str
    process: subprocess.Popen[str]


def wrap_claude(*words: str) -> tuple[str, ...]:
    """The command line of a session with the real Claude Code."""
    return (sys.executable, "-m", "headroom_wrap", "wrap", "claude", *words)


def wrap_codex(*words: str) -> tuple[str, ...]:
    """The command line of a session with the real Codex."""
    return (sys.executable, "-m", "headroom_wrap", "wrap", "codex", *words)


def wrap_copilot(*words: str) -> tuple[str, ...]:
    """The command line of a session with the real Copilot CLI."""
    return (sys.executable, "-m", "headroom_wrap", "wrap", "copilot", *words)


def wrap_scripted(*words: str) -> tuple[str, ...]:
    """The command line of a session with the scripted agent."""
    return (sys.executable, str(Path(__file__).with_name("scripted.py")), *words)


def with_tools(requests: Sequence[RecordedRequest]) -> list[RecordedRequest]:
    """The calls of the conversation itself, without titles and summaries."""
    return [request for request in requests if request.json.get("tools")]


def assert_append_only(provider: EmulatedProvider) -> None:
    """Every call's forwarded prefix, tools included, is that of the call before, and more."""
    calls = with_tools(provider.model_requests)
    for earlier, later in itertools.pairwise(calls):
        assert first_prefix_break(earlier.body, later.body) is None


def sent_results(request: RecordedRequest) -> list[str]:
    """The texts of all tool results that a request carried, as the model read them."""
    texts = []
    for message in request.json["messages"]:
        for block in message["content"] if isinstance(message["content"], list) else ():
            if block.get("type") == "tool_result":
                content = block["content"]
                texts += [content] if isinstance(content, str) else [item.get("text", "") for item in content]
    return texts
