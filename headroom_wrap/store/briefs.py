"""What of the memory each agent was given, and since when: a conversation that is taken up again gets the same."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from headroom_wrap.store.fact_records import Scope
from headroom_wrap.store.ledger import storable
from headroom_wrap.store.table import Table

TABLES = """
CREATE TABLE IF NOT EXISTS briefs (
    id INTEGER PRIMARY KEY,
    project TEXT NOT NULL,
    user TEXT NOT NULL,
    agent TEXT NOT NULL,
    at REAL NOT NULL,
    has_tools INTEGER NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS briefs_scope ON briefs (project, user, agent, at);
"""
KEPT_S = 90 * 86_400.0
"""For so long after it was followed by another one a brief stays."""
_WHOSE = "project = ? AND user = ? AND agent = ?"
_COLUMNS = "at, has_tools, text"


@dataclass(frozen=True, slots=True)
class Brief:
    """What was given to the conversations that began at `at` (unix seconds) or later, until the next one.

    Attributes:
        has_tools: whether the memory's tools came with it.
        text: the notes; "" where none were given.
    """

    at: float
    has_tools: bool
    text: str


class Briefs(Table):
    """The briefs of every project and agent."""

    def give(self, scope: Scope, agent: str, brief: Brief) -> None:
        """Note what the conversations from now on get, unless it is what they got so far; committed on return."""
        whose = _key(scope, agent)
        last = self.given(scope, agent, brief.at)
        # What came before the first one is no brief and no tools. The read spares most sessions the writer's lock.
        if (brief.has_tools, brief.text) == ((last.has_tools, last.text) if last else (False, "")):
            return

        def job(connection: sqlite3.Connection) -> None:
            newest_old = f"SELECT MAX(at) FROM briefs WHERE {_WHOSE} AND at < ?"  # noqa: S608 - names of ours
            sql = f"DELETE FROM briefs WHERE {_WHOSE} AND at < ({newest_old})"  # noqa: S608
            connection.execute(sql, (*whose, *whose, brief.at - KEPT_S))
            connection.execute(
                "INSERT INTO briefs (project, user, agent, at, has_tools, text) VALUES (?, ?, ?, ?, ?, ?)",
                (*whose, brief.at, brief.has_tools, storable(brief.text)),
            )

        self._write(job).result()

    def given(self, scope: Scope, agent: str, at: float) -> Brief | None:
        """What a conversation that began at `at` got; None: nothing, for there was none yet."""
        sql = f"SELECT {_COLUMNS} FROM briefs WHERE {_WHOSE} AND at <= ? ORDER BY at DESC, id DESC LIMIT 1"  # noqa: S608
        rows = self._read(sql, (*_key(scope, agent), at))
        return _brief(rows[0]) if rows else None

    def every(self, scope: Scope, agent: str) -> list[Brief]:
        """All that an agent was given in a project, the oldest first."""
        sql = f"SELECT {_COLUMNS} FROM briefs WHERE {_WHOSE} ORDER BY at, id"  # noqa: S608
        return [Brief(at, bool(has_tools), text) for at, has_tools, text in self._read(sql, _key(scope, agent))]

    def texts(self) -> set[str]:
        """Every text that is kept, of all projects."""
        return {text for (text,) in self._read("SELECT DISTINCT text FROM briefs WHERE text != ''", ())}


def take_out(connection: sqlite3.Connection, scope: Scope, fact: str) -> None:
    """Empty the briefs that hold a fact, which is being erased: `fact` is its id."""
    connection.execute(
        "UPDATE briefs SET text = '' WHERE project = ? AND user = ? AND instr(text, ?)",
        (storable(scope.project), storable(scope.user), f'"id": "{fact}"'),
    )


def _brief(row: Sequence[Any] | None) -> Brief | None:
    return None if row is None else Brief(row[0], bool(row[1]), row[2])


def _key(scope: Scope, agent: str) -> tuple[str, str, str]:
    return storable(scope.project), storable(scope.user), storable(agent)
