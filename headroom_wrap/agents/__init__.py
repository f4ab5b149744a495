"""The agents that can be wrapped: one file each says how it is found and pointed at the proxy."""

from headroom_wrap.agents.agent import (
    MEMORY_TOOLS,
    Agent,
    Context,
    Installation,
    Option,
    OwnNote,
    Plan,
    Probe,
    PublicName,
    Route,
    Shared,
    Upstream,
)
from headroom_wrap.agents.registry import AGENTS, agent_named

__all__ = [
    "AGENTS",
    "MEMORY_TOOLS",
    "Agent",
    "Context",
    "Installation",
    "Option",
    "OwnNote",
    "Plan",
    "Probe",
    "PublicName",
    "Route",
    "Shared",
    "Upstream",
    "agent_named",
]
