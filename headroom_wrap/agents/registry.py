"""The table of agents."""

from __future__ import annotations

from headroom_wrap.agents.agent import Agent
from headroom_wrap.agents.aider import AIDER
from headroom_wrap.agents.claude import CLAUDE
from headroom_wrap.agents.codex import CODEX
from headroom_wrap.agents.copilot import COPILOT
from headroom_wrap.agents.cursor import CURSOR
from headroom_wrap.agents.demo import DEMO
from headroom_wrap.agents.openclaw import OPENCLAW
from headroom_wrap.agents.opencode import OPENCODE
from headroom_wrap.errors import Code, HeadroomError

AGENTS: dict[str, Agent] = {
    agent.name: agent for agent in (CLAUDE, CODEX, COPILOT, CURSOR, AIDER, OPENCLAW, OPENCODE, DEMO)
}


def agent_named(name: str) -> Agent:
    """The agent of this name.

    Raises:
        HeadroomError: `AGENT_UNKNOWN`, naming those that there are.
    """
    if name not in AGENTS:
        known = ", ".join(AGENTS)
        raise HeadroomError(
            Code.AGENT_UNKNOWN, f"There is no agent {name!r} here.", f"Type headroom wrap with: {known}."
        )
    return AGENTS[name]
