"""`headroom doctor` with the real agents: each is found, and answered in a whole session."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Iterator

import pytest

from headroom_wrap.agents import AGENTS, Agent
from headroom_wrap.agents.aider import AIDER
from headroom_wrap.agents.copilot import COPILOT
from headroom_wrap.emulator import faults
from headroom_wrap.emulator.server import EmulatedProvider
from headroom_wrap.wrap.findings import State
from headroom_wrap.wrap.probe import probe
from tests.e2e.sandbox import AGENTS_VARIABLE, Sandbox

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(150)]

TRIED = [agent for agent in AGENTS.values() if agent.probe is not None and agent.name != "demo"]


@pytest.mark.parametrize("agent", TRIED, ids=lambda agent: agent.name)
def test_an_agent_is_found_and_answered_in_a_session(agent: Agent, sandbox: Sandbox) -> None:
    if shutil.which(agent.name, path=os.environ.get(AGENTS_VARIABLE, "")) is None:
        pytest.skip(f"{agent.title} is not installed: {AGENTS_VARIABLE} names no folder with it")
    # Without a provider of the user's own, Copilot CLI has no route to speak of.
    sandbox.env["COPILOT_PROVIDER_API_KEY"] = "sk-copilot-0123456789"
    done = sandbox.run(sys.executable, "-m", "headroom_wrap", "doctor", "--json", agent.name)
    assert done.returncode == 0, done.stdout + done.stderr
    found = {finding["about"]: finding for finding in json.loads(done.stdout)}
    assert found[agent.name]["state"] == "ok"
    assert found[f"{agent.name} route"]["state"] == "ok"
    assert "0123456789" not in done.stdout
    assert "answered it through the proxy" in found[f"{agent.name} session"]["says"]
    assert sandbox.leftovers() == []


@pytest.mark.parametrize(
    ("agent", "happened"),
    [(COPILOT, "ended with exit code 1; 3 model calls"), (AIDER, "ended without the answer; 1 model call")],
    ids=["copilot", "aider"],
)
def test_an_agent_whose_provider_refuses_is_a_problem_with_what_to_type(agent: Agent, happened: str) -> None:
    if shutil.which(agent.name, path=os.environ.get(AGENTS_VARIABLE, "")) is None:
        pytest.skip(f"{agent.title} is not installed: {AGENTS_VARIABLE} names no folder with it")
    env = {**os.environ, "PATH": os.pathsep.join((os.environ[AGENTS_VARIABLE], "/usr/bin", "/bin"))}

    @contextlib.contextmanager
    def refusing() -> Iterator[EmulatedProvider]:
        with EmulatedProvider() as provider:
            provider.faults.add(faults.status(401), times=None)
            yield provider

    finding = probe(agent, env, refusing)
    assert (finding.about, finding.state) == (f"{agent.name} session", State.PROBLEM)
    assert happened in finding.says
    assert "401" in finding.says
    assert finding.fix == f"See what it says: headroom wrap -v {agent.name}"
