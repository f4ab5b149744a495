"""`headroom doctor` with the real agents: each is found, and answered in a whole session."""

from __future__ import annotations

import json
import os
import shutil
import sys

import pytest

from headroom_wrap.agents import AGENTS, Agent
from tests.e2e.sandbox import AGENTS_VARIABLE, Sandbox

pytestmark = pytest.mark.e2e

TRIED = [agent for agent in AGENTS.values() if agent.probe is not None and agent.name != "demo"]


@pytest.mark.parametrize("agent", TRIED, ids=lambda agent: agent.name)
def test_an_agent_is_found_and_answered_in_a_session(agent: Agent, sandbox: Sandbox) -> None:
    if shutil.which(agent.name, path=os.environ.get(AGENTS_VARIABLE, "")) is None:
        pytest.skip(f"{agent.title} is not installed: {AGENTS_VARIABLE} names no folder with it")
    done = sandbox.run(sys.executable, "-m", "headroom_wrap", "doctor", "--json", agent.name)
    assert done.returncode == 0, done.stdout + done.stderr
    found = {finding["about"]: finding for finding in json.loads(done.stdout)}
    assert found[agent.name]["state"] == "ok"
    assert found[f"{agent.name} route"]["state"] == "ok"
    assert "answered it through the proxy" in found[f"{agent.name} session"]["says"]
    assert sandbox.leftovers() == []
