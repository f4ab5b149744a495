"""What `headroom doctor` looks at: one check a subject, each finding with what to type where something is wrong."""

from __future__ import annotations

import importlib.metadata
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from headroom_wrap import paths, settings
from headroom_wrap.agents import AGENTS, Agent
from headroom_wrap.agents.demo import DEMO
from headroom_wrap.compression import kompress_model
from headroom_wrap.errors import HeadroomError
from headroom_wrap.store import Store
from headroom_wrap.wrap import sessions
from headroom_wrap.wrap.plan import finds_command, own_command
from headroom_wrap.wrap.session import recovery

_VERSION_TIMEOUT_S = 20
_OTHER_DISTRIBUTION = "headroom-ai"


class State(str, Enum):
    """How a finding is to be read."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one subject.

    Attributes:
        about: the subject, a word or two.
        state: whether it is as it should be.
        says: what was found.
        fix: what to type or change; empty where nothing is wrong.
    """

    about: str
    state: State
    says: str
    fix: str = ""


Check = Callable[[Mapping[str, str]], Iterator[Finding]]


def examine(env: Mapping[str, str]) -> Iterator[Finding]:
    """Look at everything, one finding after the other. What ended without clearing up is cleared away meanwhile."""
    for check in CHECKS:
        yield from check(env)


def _settings(env: Mapping[str, str]) -> Iterator[Finding]:
    try:
        found = settings.load({}, env)
    except HeadroomError as error:
        yield Finding("settings", State.PROBLEM, error.message, error.hint)
        return
    set_ones = [f"{name} ({source})" for name, source in found.sources.items() if source != "default"]
    yield Finding("settings", State.OK, f"level {found.level}; set: {', '.join(set_ones) or 'nothing'}")


def _command(env: Mapping[str, str]) -> Iterator[Finding]:
    own = own_command()
    if finds_command(env):
        yield Finding("command", State.OK, "a shell finds headroom, so agents can fetch originals with it")
    elif own is not None:
        yield Finding("command", State.NOTE, f"{own.parent} is not in PATH; sessions add it for their agents")
    else:
        yield Finding("command", State.PROBLEM, "there is no headroom script", "Install it with: pip install .")


def _environment(_env: Mapping[str, str]) -> Iterator[Finding]:
    try:
        version = importlib.metadata.version(_OTHER_DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return
    says = f"{_OTHER_DISTRIBUTION} {version} is installed in this environment: both bring the package `headroom`"
    yield Finding("environment", State.PROBLEM, says, f"Keep one of them: pip uninstall {_OTHER_DISTRIBUTION}")


def _sessions(env: Mapping[str, str]) -> Iterator[Finding]:
    home = paths.home(env)
    for recovered in sessions.recover(home):
        state = State.PROBLEM if recovered.broken else State.NOTE
        yield Finding("sessions", state, recovery(recovered))
    live = sessions.live_sessions(home)
    said = ", ".join(f"{record.agent} on port {record.port}" for record in live)
    yield Finding("sessions", State.OK, f"{len(live)} running: {said}" if live else "none running, none left behind")


def _store(env: Mapping[str, str]) -> Iterator[Finding]:
    file = paths.store_file(paths.home(env))
    if not file.exists():
        yield Finding("store", State.OK, f"none yet; the first session makes {file}")
        return
    try:
        store = Store(file)
        held = store.stats().originals.rows
        store.close()
    except HeadroomError as error:
        yield Finding("store", State.PROBLEM, error.message, error.hint)
        return
    yield Finding("store", State.OK, f"{held:,} originals in {file}")


def _prose(env: Mapping[str, str]) -> Iterator[Finding]:
    try:
        name, why = kompress_model.backend(env)
    except HeadroomError:
        return  # Said of the settings already.
    yield Finding("prose", State.OK, f"{name} runs: {why}")


def _agents(env: Mapping[str, str]) -> Iterator[Finding]:
    for agent in AGENTS.values():
        if agent is DEMO:
            continue
        program = agent.find(env)
        if program is None:
            yield Finding(agent.name, State.NOTE, f"{agent.title} is not installed", agent.install_hint)
        else:
            yield _version(agent, program, env)


def _version(agent: Agent, program: tuple[str, ...], env: Mapping[str, str]) -> Finding:
    try:
        done = subprocess.run(
            [*program, "--version"],
            env=dict(env), capture_output=True, text=True, errors="replace", timeout=_VERSION_TIMEOUT_S, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding(agent.name, State.PROBLEM, f"{program[0]} does not start: {error}", agent.install_hint)
    said = (done.stdout.strip() or done.stderr.strip() or "nothing").splitlines()[0]
    if done.returncode:
        says = f"{program[0]} --version ended with exit code {done.returncode}: {said}"
        return Finding(agent.name, State.PROBLEM, says, agent.install_hint)
    return Finding(agent.name, State.OK, f"{said}, {program[0]}")


CHECKS: tuple[Check, ...] = (_settings, _command, _environment, _sessions, _store, _prose, _agents)
