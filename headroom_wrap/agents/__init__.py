"""The agents that can be wrapped: one file each says how it is found and pointed at the proxy."""

from headroom_wrap.agents.agent import Agent, Context, Installation, Option, Plan, Probe, PublicName, Route, Upstream
from headroom_wrap.agents.registry import AGENTS, agent_named

__all__ = [
    "AGENTS",
    "Agent",
    "Context",
    "Installation",
    "Option",
    "Plan",
    "Probe",
    "PublicName",
    "Route",
    "Upstream",
    "agent_named",
]
