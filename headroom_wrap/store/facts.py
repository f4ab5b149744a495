"""Facts of projects: saved after a comparison in the same transaction, searched, changed with a history, undone.

No sweep comes here: a fact stays until somebody forgets or erases it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from headroom_wrap.store.briefs import take_out
from headroom_wrap.store.fact_records import Change, Fact, Relation, Saved, Scope
from headroom_wrap.store.fact_rows import (
    COLUMNS,
    best,
    fact_of,
    insert,
    record,
    restore,
    terms_of,
)
from headroom_wrap.store.ledger import storable
from headroom_wrap.store.table import Read, Table, Write

Judge = Callable[[Sequence[Fact]], Sequence[Relation]]
"""How a new fact stands to each of the old ones that it resembles."""

N_CANDIDATES = 8
_MAX_EVIDENCE_CHARS = 4000
_ACTIVE = "state = 'active'"


class Facts(Table):
    """The facts of every project, each read and written for one `Scope` at a time."""

    def __init__(self, read: Read, write: Write, clock: Callable[[], float]) -> None:
        super().__init__(read, write)
        self._clock = clock

    def save(self, fact: Fact, normal: str, judge: Judge) -> Saved:
        """Keep a fact, unless one that is there says it already.

        Args:
            fact: what is to be kept; its id, times and count are given here.
            normal: equal for two facts that are one.
            judge: compares it with the facts that resemble it, inside the transaction, so that of two processes
                that save the same at once one merges.
        """

        def job(connection: sqlite3.Connection) -> Saved:
            now = self._clock()
            known = _candidates(connection, fact, normal)
            judged = list(zip(known, judge(known), strict=True))
            for old, how in judged:
                if how in (Relation.SAME, Relation.CONTAINED):
                    merged = replace(old, uses=old.uses + 1, evidence=_joined(old.evidence, fact.evidence), updated=now)
                    record(connection, now, "merge", old, merged)
                    return Saved(merged, how)
            linked = tuple(old.id for old, how in judged if how is Relation.LINKED)
            new = insert(connection, replace(fact, linked=linked, created=now, updated=now), normal)
            batch = record(connection, now, "add", None, new)
            replaced = [(old, how) for old, how in judged if how in (Relation.EXTENDS, Relation.CONTRADICTS)]
            for old, _ in replaced:
                gone = replace(old, state="superseded", superseded_by=new.id, updated=now)
                record(connection, now, "supersede", old, gone, batch=batch)
            how = replaced[0][1] if replaced else Relation.LINKED if linked else Relation.DISTINCT
            return Saved(new, how, tuple(old.id for old, _ in replaced))

        return cast("Saved", self._write(job).result())

    def get(self, scope: Scope, id_: str) -> Fact | None:
        """A fact of this scope, whatever its state; None where there is none."""
        rows = self._read(
            f"SELECT {COLUMNS} FROM facts WHERE rowid = ? AND project = ? AND user = ?",  # noqa: S608 - names of ours
            (_number(id_), *_key(scope)),
        )
        return fact_of(rows[0]) if rows else None

    def active(self, scope: Scope, limit: int = -1) -> list[Fact]:
        """The facts that hold, the newest first."""
        sql = f"SELECT {COLUMNS} FROM facts WHERE project = ? AND user = ? AND {_ACTIVE} ORDER BY rowid DESC LIMIT ?"  # noqa: S608
        return [fact_of(row) for row in self._read(sql, (*_key(scope), limit))]

    def every(self, scope: Scope) -> list[Fact]:
        """The facts of a scope in any state, the oldest first."""
        sql = f"SELECT {COLUMNS} FROM facts WHERE project = ? AND user = ? ORDER BY rowid"  # noqa: S608
        return [fact_of(row) for row in self._read(sql, _key(scope))]

    def search(self, scope: Scope, query: str, limit: int) -> list[Fact]:
        """The facts that hold any word of `query`, best first: BM25 over porter stems."""
        return best(self._read, scope, terms_of(query), limit)

    def by_id(self, scope: Scope, ids: Sequence[str]) -> list[Fact]:
        """The facts with these ids that are in this scope, in that order."""
        found = [self.get(scope, id_) for id_ in ids]
        return [fact for fact in found if fact is not None]

    def edit(self, scope: Scope, id_: str, normal: str, **changes: Any) -> Fact | None:
        """Change the text or the kind of a fact that holds; None where there is none."""
        return self._change(scope, id_, "edit", normal, **changes)

    def forget(self, scope: Scope, id_: str) -> Fact | None:
        """Let a fact hold no longer; it stays in the history."""
        return self._change(scope, id_, "forget", None, state="forgotten")

    def erase(self, scope: Scope, id_: str) -> bool:
        """Remove a fact with its history and its words, and overwrite them; whether it was there. Not to be undone."""

        def job(connection: sqlite3.Connection) -> bool:
            number = _number(id_)
            sql = "DELETE FROM facts WHERE rowid = ? AND project = ? AND user = ?"
            if not connection.execute(sql, (number, *_key(scope))).rowcount:
                return False
            connection.execute("DELETE FROM fact_words WHERE rowid = ?", (number,))
            connection.execute("DELETE FROM fact_vectors WHERE fact = ?", (number,))
            connection.execute("DELETE FROM fact_changes WHERE fact = ?", (number,))
            connection.execute("INSERT INTO fact_words (fact_words) VALUES ('optimize')")
            take_out(connection, scope, id_)
            return True

        return bool(self._write(job).result())

    def used(self, scope: Scope, ids: Iterable[str]) -> None:
        """Count that facts were read; queued, returns at once."""
        rows = [(self._clock(), _number(id_), *_key(scope)) for id_ in ids]
        sql = "UPDATE facts SET uses = uses + 1, last_used = ? WHERE rowid = ? AND project = ? AND user = ?"
        if rows:
            self._write(lambda connection: connection.executemany(sql, rows).rowcount)

    def history(self, scope: Scope, limit: int = -1) -> list[Change]:
        """What happened to the facts of a scope, the newest first."""
        sql = (
            "SELECT batch, at, what, fact, before, after, undone FROM fact_changes"
            " WHERE project = ? AND user = ? ORDER BY id DESC LIMIT ?"
        )
        return [
            Change(batch, at, what, f"m{fact}", _text(before), _text(after), bool(undone))
            for batch, at, what, fact, before, after, undone in self._read(sql, (*_key(scope), limit))
        ]

    def undo(self, scope: Scope) -> list[Change]:
        """Take the last change of a scope back, with all that belongs to it; gives what was taken back."""

        def job(connection: sqlite3.Connection) -> list[Change]:
            sql = "SELECT MAX(batch) FROM fact_changes WHERE project = ? AND user = ? AND NOT undone"
            (batch,) = connection.execute(sql, _key(scope)).fetchone()
            sql = "SELECT at, what, fact, before, after FROM fact_changes WHERE batch = ? ORDER BY id DESC"
            changes = connection.execute(sql, (batch,)).fetchall()
            for _, _, fact, before, _ in changes:
                restore(connection, fact, before)
            connection.execute("UPDATE fact_changes SET undone = 1 WHERE batch = ?", (batch,))
            return [
                Change(batch, at, what, f"m{fact}", _text(before), _text(after), is_undone=True)
                for at, what, fact, before, after in changes
            ]

        return cast("list[Change]", self._write(job).result())

    def projects(self, user: str) -> list[tuple[str, int, int]]:
        """Each project of a user with the number of its facts that hold, and of all."""
        sql = f"SELECT project, SUM({_ACTIVE}), COUNT(*) FROM facts WHERE user = ? GROUP BY project ORDER BY project"  # noqa: S608
        return self._read(sql, (storable(user),))

    # -- vectors

    def without_vector(self, scope: Scope, model: str, limit: int) -> list[Fact]:
        """Facts that hold and have no vector of this model yet."""
        sql = (
            f"SELECT {COLUMNS} FROM facts WHERE project = ? AND user = ? AND {_ACTIVE}"  # noqa: S608
            " AND NOT EXISTS (SELECT 1 FROM fact_vectors WHERE fact = facts.rowid AND model = ?) LIMIT ?"
        )
        return [fact_of(row) for row in self._read(sql, (*_key(scope), model, limit))]

    def put_vectors(self, model: str, vectors: Mapping[str, tuple[str, bytes]]) -> int:
        """Keep vectors by fact id, each with the text that it was made of; gives how many still have it."""
        sql = (
            "INSERT OR REPLACE INTO fact_vectors (fact, model, vector)"
            " SELECT rowid, ?, ? FROM facts WHERE rowid = ? AND text = ?"
        )
        rows = [(model, vector, _number(id_), text) for id_, (text, vector) in vectors.items()]
        return int(self._write(lambda connection: connection.executemany(sql, rows).rowcount).result())

    def vectors(self, scope: Scope, model: str) -> list[tuple[str, bytes]]:
        """Ids and vectors of the facts that hold."""
        sql = (
            f"SELECT rowid, vector FROM facts JOIN fact_vectors ON fact = rowid WHERE {_ACTIVE}"  # noqa: S608
            " AND project = ? AND user = ? AND model = ? ORDER BY rowid"
        )
        return [(f"m{number}", vector) for number, vector in self._read(sql, (*_key(scope), model))]

    def _change(self, scope: Scope, id_: str, what: str, normal: str | None, **changes: Any) -> Fact | None:
        def job(connection: sqlite3.Connection) -> Fact | None:
            sql = f"SELECT {COLUMNS} FROM facts WHERE rowid = ? AND project = ? AND user = ? AND {_ACTIVE}"  # noqa: S608
            row = connection.execute(sql, (_number(id_), *_key(scope))).fetchone()
            if row is None:
                return None
            old = fact_of(row)
            new = replace(old, **{**changes, "updated": self._clock()})
            record(connection, new.updated, what, old, new, normal=normal)
            return new

        return cast("Fact | None", self._write(job).result())


def _candidates(connection: sqlite3.Connection, fact: Fact, normal: str) -> list[Fact]:
    """The fact with the same words, if there is one, and those that resemble the new one most."""

    def read(sql: str, parameters: Sequence[object]) -> list[Any]:
        return connection.execute(sql, parameters).fetchall()

    sql = f"SELECT {COLUMNS} FROM facts WHERE project = ? AND user = ? AND normal = ? AND {_ACTIVE}"  # noqa: S608
    same = [fact_of(row) for row in read(sql, (*_key(fact.scope), storable(normal)))]
    if same:
        return same
    return best(read, fact.scope, terms_of(fact.text), N_CANDIDATES, _SAVE_ROWS)


_SAVE_ROWS = 600
"""How many rows may be ranked to find what a new fact resembles: saving is to take 5 ms at most."""


def _joined(old: str, new: str) -> str:
    if not new or new in old or len(old) + len(new) > _MAX_EVIDENCE_CHARS:
        return old
    return f"{old}\n{new}" if old else new


def _key(scope: Scope) -> tuple[str, str]:
    return storable(scope.project), storable(scope.user)


def _number(id_: str) -> int:
    digits = id_[1:]
    return int(digits) if id_.startswith("m") and digits.isascii() and digits.isdigit() and len(digits) < 16 else -1  # noqa: PLR2004 - what SQLite holds


def _text(row: str | None) -> str:
    return "" if row is None else str(json.loads(row)["text"])
