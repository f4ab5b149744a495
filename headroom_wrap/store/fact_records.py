"""What a fact is, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(str, Enum):
    """What sort of thing a fact tells."""

    DECISION = "decision"
    CONVENTION = "convention"
    COMMAND = "command"
    ENVIRONMENT = "environment"
    PREFERENCE = "preference"
    CORRECTION = "correction"


class Relation(str, Enum):
    """How a new fact stands to an old one."""

    SAME = "same"
    CONTAINED = "contained"
    EXTENDS = "extends"
    CONTRADICTS = "contradicts"
    LINKED = "linked"
    DISTINCT = "distinct"


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose facts: a project (the path of its root) and a user."""

    project: str
    user: str


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact.

    Attributes:
        id: "m" and a number; empty before it is saved.
        agent: who saved it: an agent's name, or "user".
        evidence: what was said or done around it; it is searched, too, with less weight.
        uses: how often it was read or saved again.
        state: active, superseded or forgotten.
        superseded_by: id of the fact that replaced it, or empty.
        linked: ids of facts on nearly the same matter, which all hold.
    """

    text: str
    kind: Kind
    scope: Scope
    agent: str = "user"
    session: str = ""
    evidence: str = ""
    id: str = ""
    created: float = 0.0
    updated: float = 0.0
    last_used: float | None = None
    uses: int = 0
    state: str = "active"
    superseded_by: str = ""
    linked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of a fact: the one that holds now, how it stood to what was there, and which facts it replaced."""

    fact: Fact
    relation: Relation
    replaced: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One step of the history; `before` and `after` are texts, empty where there was none."""

    batch: int
    at: float
    what: str
    fact: str
    before: str
    after: str
    is_undone: bool = False
