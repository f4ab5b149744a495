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
"""The directive is the emulated model's: no agent and no real model knows it."""
_LINES_SHOWN = 3
_LINE_CHARS = 200
_END_S = 10.0


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
        work.mkdir()
        home.mkdir()
        for name, text in agent.probe.files.items():
            file = home / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        own = {name: env[name] for name in _KEPT if env.get(name)}
        own |= {"HOME": str(home), paths.HOME_VARIABLE: str(Path(folder) / "headroom")}
        own |= dict.fromkeys(("NO_PROXY", "no_proxy"), without_proxy_for_loopback(None))
        argv = [*_wrap(provider.url), agent.name, *agent.probe.args, _PROMPT]
        # Files, not pipes: what an agent leaves running on purpose may keep a pipe open.
        stdout, stderr = Path(folder) / "stdout", Path(folder) / "stderr"
        started = time.monotonic()
        with stdout.open("wb") as out, stderr.open("wb") as err:
            process = subprocess.Popen(
                argv, cwd=work, env={**own, **agent.probe.env}, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                start_new_session=True,
            )  # fmt: skip
            code = _wait(process, timeout_s)
        duration_s = time.monotonic() - started
        return _Outcome(code, _text(stdout), _text(stderr), len(provider.model_requests), duration_s)


def _wait(process: subprocess.Popen[bytes], timeout_s: float) -> int | None:
    """The exit code, or None where the time ran out; either way, and when we are interrupted, the session is over."""
    try:
        return process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        return None
    finally:
        process.terminate()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            # Its guard clears up behind it.
            process.kill()
            process.wait()


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace")


def _wrap(url: str) -> tuple[str, ...]:
    flags = ("--anthropic-url", url, "--openai-url", f"{url}/v1", "--chatgpt-url", f"{url}/backend-api/codex")
    return (sys.executable, "-m", "headroom_wrap", "wrap", *flags)


def _calls(outcome: _Outcome) -> str:
    return "1 model call" if outcome.n_requests == 1 else f"{outcome.n_requests} model calls"


def _last_lines(text: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return [line[:_LINE_CHARS] for line in lines[-_LINES_SHOWN:]]
