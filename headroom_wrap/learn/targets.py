"""Which files tell which agents about a project: Claude Code reads CLAUDE.md, Codex AGENTS.md, and so on.

Sources: code.claude.com/docs/en/memory, agents.md, docs.github.com/en/copilot (custom instructions of Copilot CLI),
cursor.com/docs/context/rules, geminicli.com/docs (GEMINI.md).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

_IMPORT = re.compile(r"(?:^|\s)@(?:\./)?AGENTS\.md\b", re.MULTILINE)
_RULE = "---\ndescription: Corrections that Headroom learned from past sessions\nalwaysApply: true\n---\n"


@dataclass(frozen=True, slots=True)
class Target:
    """A file that agents read at the start of a conversation.

    Attributes:
        name: its path from the project's root.
        agents: who reads it.
        instead: the file beside it for what is one person's own; "" where there is none.
        front: what a new one begins with.
    """

    name: str
    agents: tuple[str, ...]
    instead: str = ""
    front: str = ""


CLAUDE = Target("CLAUDE.md", ("claude",), instead="CLAUDE.local.md")
AGENTS_MD = Target("AGENTS.md", ("codex", "opencode", "openclaw", "cursor", "copilot"))
TARGETS = (
    CLAUDE,
    AGENTS_MD,
    Target("GEMINI.md", ()),
    Target(".github/copilot-instructions.md", ("copilot",)),
    Target(".cursor/rules/headroom.mdc", ("cursor",), front=_RULE),
)
_OWN = {agent: target for target in TARGETS for agent in target.agents}
"""The file that is made for an agent where it reads none that is there: the last that names it."""


def chosen(there: Mapping[str, str], agents: Collection[str]) -> list[Target]:
    """The files to write, in the order of the table.

    Those that exist, and one for each agent that reads none of these. CLAUDE.md needs nothing where it imports
    AGENTS.md.

    Args:
        there: name -> content, of those that exist.
        agents: in whose transcripts something was found.
    """
    names = {target.name for target in TARGETS if target.name in there}
    for agent in sorted(agents, key=_place):
        if agent in _OWN and not any(target.name in names for target in TARGETS if agent in target.agents):
            names.add(_OWN[agent].name)
    if AGENTS_MD.name in names and _IMPORT.search(there.get(CLAUDE.name, "")):
        names.discard(CLAUDE.name)
    return [target for target in TARGETS if target.name in names]


def _place(agent: str) -> tuple[int, str]:
    """Agents that read AGENTS.md alone go first: that file then serves others, too."""
    return (0 if _OWN.get(agent) is AGENTS_MD else 1, agent)
