"""One whole session with a real agent, for `headroom doctor`: a home, a folder and a provider of its own.

Nothing of the user's takes part: not the home, not the environment, no credential. What it proves is that this agent,
in its version, starts behind the proxy, is answered through it, and ends.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from headroom_wrap import paths
from headroom_wrap.agents import Agent
from headroom_wrap.agents.agent import without_proxy_for_loopback
from headroom_wrap.wrap.findings import Finding, State

TIMEOUT_S = 90.0
_KEPT = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "TERM", "TMPDIR", "SHELL", "USER", "LOGNAME")
_ANSWER = "the emulated model was here"
_PROMPT = f"[[say {_ANSWER}]]"
_LINES_SHOWN = 3
_LINE_CHARS = 200


class ProbeProvider(Protocol):
    """A provider on loopback that does what a prompt's `[[say ...]]` tells it."""

    @property
    def url(self) -> str:
        """Its base URL, without `/v1`."""

    @property
    def model_requests(self) -> Sequence[object]:
        """The model calls so far."""


OpenProvider = Callable[[], AbstractContextManager[ProbeProvider]]


@dataclass(frozen=True, slots=True)
class _Outcome:
    exit_code: int | None
    stdout: str
    stderr: str
    n_requests: int
    duration_s: float


def probe(agent: Agent, env: Mapping[str, str], open_provider: OpenProvider, timeout_s: float = TIMEOUT_S) -> Finding:
    """Run the agent on a trivial prompt through `headroom wrap`; `agent.probe` says how."""
    about = f"{agent.name} session"
    outcome = _run(agent, env, open_provider, timeout_s)
    if outcome.exit_code == 0 and outcome.n_requests and _ANSWER in outcome.stdout:
        says = (
            f"an emulated provider answered it through the proxy: {_calls(outcome)}, "
            f"{outcome.duration_s:.1f} s in all, exit code 0"
        )
        return Finding(about, State.OK, says)
    if outcome.exit_code is None:
        happened = f"did not end within {timeout_s:.0f} s"
    elif outcome.exit_code:
        happened = f"ended with exit code {outcome.exit_code}"
    else:
        happened = "ended without the answer"
    asked = "no request came through the proxy" if not outcome.n_requests else _calls(outcome)
    said = " | ".join(_last_lines(outcome.stderr or outcome.stdout))
    says = f"a session with an emulated provider {happened}; {asked}" + (f"; it said: {said}" if said else "")
    return Finding(about, State.PROBLEM, says, f"See what it says: headroom wrap -v {agent.name}")


def _run(agent: Agent, env: Mapping[str, str], open_provider: OpenProvider, timeout_s: float) -> _Outcome:
    if agent.probe is None:
        raise ValueError(f"{agent.name} has no probe")
    with (
        tempfile.TemporaryDirectory(prefix="headroom-doctor-", ignore_cleanup_errors=True) as folder,
        open_provider() as provider,
    ):
        home, work = Path(folder) / "home", Path(folder) / "work"
        home.mkdir()
        work.mkdir()
        own = {name: env[name] for name in _KEPT if env.get(name)}
        own |= {"HOME": str(home), paths.HOME_VARIABLE: str(Path(folder) / "headroom")}
        own |= dict.fromkeys(("NO_PROXY", "no_proxy"), without_proxy_for_loopback(None))
        started = time.monotonic()
        process = subprocess.Popen(
            _argv(agent, provider.url), cwd=work, env={**own, **agent.probe.env}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True,
        )  # fmt: skip
        with process:
            try:
                stdout, stderr = process.communicate(timeout=timeout_s)
                code: int | None = process.returncode
            except subprocess.TimeoutExpired:
                process.terminate()
                stdout, stderr = process.communicate()
                code = None
            except BaseException:
                process.terminate()
                raise
        return _Outcome(code, stdout, stderr, len(provider.model_requests), time.monotonic() - started)


def _argv(agent: Agent, url: str) -> list[str]:
    if agent.probe is None:
        return []
    wrap = [sys.executable, "-m", "headroom_wrap", "wrap", "--anthropic-url", url, "--openai-url", f"{url}/v1"]
    return [*wrap, "--chatgpt-url", f"{url}/backend-api/codex", agent.name, *agent.probe.args, _PROMPT]


def _calls(outcome: _Outcome) -> str:
    return "1 model call" if outcome.n_requests == 1 else f"{outcome.n_requests} model calls"


def _last_lines(text: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return [line[:_LINE_CHARS] for line in lines[-_LINES_SHOWN:]]
