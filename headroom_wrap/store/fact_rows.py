"""Facts as rows: their tables, their words in the index, and each change written beside the row that it changes."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256
from typing import Any

from headroom_wrap.store.fact_records import Fact, Kind, Scope
from headroom_wrap.store.ledger import storable
from headroom_wrap.store.table import Read

TABLES = """
CREATE TABLE IF NOT EXISTS facts (
    rowid INTEGER PRIMARY KEY AUTOINCREMENT,
    project TEXT NOT NULL,
    user TEXT NOT NULL,
    text TEXT NOT NULL,
    normal TEXT NOT NULL,
    kind TEXT NOT NULL,
    agent TEXT NOT NULL,
    session TEXT NOT NULL,
    evidence TEXT NOT NULL,
    created REAL NOT NULL,
    updated REAL NOT NULL,
    last_used REAL,
    uses INTEGER NOT NULL,
    state TEXT NOT NULL,
    superseded_by TEXT NOT NULL,
    linked TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS facts_scope ON facts (project, user, state);
CREATE INDEX IF NOT EXISTS facts_normal ON facts (project, user, normal);

CREATE TABLE IF NOT EXISTS fact_changes (
    id INTEGER PRIMARY KEY,
    batch INTEGER NOT NULL,
    at REAL NOT NULL,
    project TEXT NOT NULL,
    user TEXT NOT NULL,
    what TEXT NOT NULL,
    fact INTEGER NOT NULL,
    before TEXT,
    after TEXT,
    undone INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS fact_changes_scope ON fact_changes (project, user, batch);
CREATE INDEX IF NOT EXISTS fact_changes_batch ON fact_changes (batch);
CREATE INDEX IF NOT EXISTS fact_changes_fact ON fact_changes (fact);

CREATE TABLE IF NOT EXISTS fact_vectors (
    fact INTEGER NOT NULL,
    model TEXT NOT NULL,
    vector BLOB NOT NULL,
    PRIMARY KEY (fact, model)
) WITHOUT ROWID;
"""
WORDS_TABLE = """
CREATE VIRTUAL TABLE IF NOT EXISTS fact_words USING fts5 (
    scope, body, context, tokenize = "porter unicode61 remove_diacritics 2"
);
"""
COLUMNS = (
    "rowid, project, user, text, kind, agent, session, evidence, created, updated, last_used, uses, state, "
    "superseded_by, linked"
)
_MAX_ROWS = 8000
"""How many rows a search ranks at most, as long as it has a word that is rarer than the others."""
_MAX_TERMS = 24
_RANK = "bm25(0.0, 1.0, 0.5)"
"""Said with each search: kept in the table, it made searches of other processes fail while a new file was made."""
_WORD = re.compile(r"[^\W_]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_STOP = frozenset(
    "a an the and or but if of in on at to from by for with as is are was were be been being am do does did done has "
    "have had having it its this that these those there here he she they we you i me him her them us his their our "
    "your my what which who whom whose when where why how can could will would shall should may might must so than "
    "then too very s t d ll re ve m".split()
)


def fact_of(row: Sequence[Any]) -> Fact:
    """A row of `COLUMNS` as a fact."""
    number, project, user, text, kind, *rest, linked = row
    names = ("agent", "session", "evidence", "created", "updated", "last_used", "uses", "state", "superseded_by")
    others = dict(zip(names, rest, strict=True))
    return Fact(text, Kind(kind), Scope(project, user), id=f"m{number}", linked=tuple(json.loads(linked)), **others)


def values_of(fact: Fact, normal: str) -> tuple[Any, ...]:
    """What the columns of a fact hold, in their order, without its number."""
    return (
        storable(fact.scope.project), storable(fact.scope.user), storable(fact.text), storable(normal), fact.kind.value,
        storable(fact.agent), storable(fact.session), storable(fact.evidence), fact.created, fact.updated,
        fact.last_used, fact.uses, fact.state, fact.superseded_by, json.dumps(fact.linked),
    )  # fmt: skip


def insert(connection: sqlite3.Connection, fact: Fact, normal: str) -> Fact:
    """Write a new fact and its words; gives it with its id."""
    sql = (
        "INSERT INTO facts (project, user, text, normal, kind, agent, session, evidence, created, updated, last_used,"
        " uses, state, superseded_by, linked) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    )
    number = connection.execute(sql, values_of(fact, normal)).lastrowid or 0
    row = connection.execute(f"SELECT {COLUMNS} FROM facts WHERE rowid = ?", (number,)).fetchone()  # noqa: S608
    saved = fact_of(row)
    _index(connection, number, saved)
    return saved


def record(  # noqa: PLR0913 - a row of the history has so many columns
    connection: sqlite3.Connection, at: float, what: str, before: Fact | None, after: Fact, *,
    batch: int | None = None, normal: str | None = None,
) -> int:  # fmt: skip
    """Write a change to the history and, unless it is a new fact, to its row; gives the number of its batch."""
    if batch is None:
        (batch,) = connection.execute("SELECT COALESCE(MAX(batch), 0) + 1 FROM fact_changes").fetchone()
    number = int(after.id[1:])
    old = None
    if before is not None:
        (old_normal,) = connection.execute("SELECT normal FROM facts WHERE rowid = ?", (number,)).fetchone()
        old = _dumped(before, old_normal)
        _write(connection, number, after, old_normal if normal is None else normal)
    sql = (
        "INSERT INTO fact_changes (batch, at, project, user, what, fact, before, after) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    )
    scope = (storable(after.scope.project), storable(after.scope.user))
    connection.execute(sql, (batch, at, *scope, what, number, old, _dumped(after, "")))
    return batch


def restore(connection: sqlite3.Connection, number: int, before: str | None) -> None:
    """Bring a fact back to what it was; one that was not there goes."""
    if before is None:
        connection.execute("DELETE FROM facts WHERE rowid = ?", (number,))
        connection.execute("DELETE FROM fact_words WHERE rowid = ?", (number,))
        connection.execute("DELETE FROM fact_vectors WHERE fact = ?", (number,))
        return
    held = json.loads(before)
    normal = held.pop("normal")
    scope, kind, linked = Scope(**held.pop("scope")), Kind(held.pop("kind")), tuple(held.pop("linked"))
    _write(connection, number, Fact(scope=scope, kind=kind, linked=linked, **held), normal)


def search_text(text: str) -> str:
    """What is indexed of a text: itself, and names in camel case as their parts, too."""
    parts = [part for word in _WORD.findall(text) for part in _CAMEL.split(word)[:9] if part != word]
    return f"{text} {' '.join(parts)}" if parts else text


def terms_of(query: str) -> list[str]:
    """The words of a query, each once, without the commonest of the language unless it has no others."""
    words = list(dict.fromkeys(word.lower() for word in _WORD.findall(search_text(storable(query)))))
    return [word for word in words if word not in _STOP] or words


def best(read: Read, scope: Scope, terms: Sequence[str], limit: int, max_rows: int = _MAX_ROWS) -> list[Fact]:
    """The facts of a scope that hold any of these words, best first.

    In a big scope the commonest words are left out: they tell little, and each costs a look at every row that has it.
    """
    kept, held = list(terms[: _MAX_TERMS * 4]), (storable(scope.project), storable(scope.user))
    sql = f"SELECT COUNT(*) FROM (SELECT 1 FROM facts WHERE project = ? AND user = ? LIMIT {max_rows + 1})"  # noqa: S608
    ((n_rows,),) = read(sql, held)
    is_big = n_rows > max_rows
    if is_big or len(kept) > _MAX_TERMS:
        kept = _rare(read, kept, max_rows)
    if not kept:
        return []
    any_of = "{body context} : (" + " OR ".join(f'"{word}"' for word in kept) + ")"
    # A small scope is a word of the query; a big one, whose word stands nearly everywhere, is looked up for each hit.
    expression = any_of if is_big else f'scope : "{_token(scope)}" AND {any_of}'
    columns = ", ".join(f"facts.{name.strip()}" for name in COLUMNS.split(","))
    ours = "EXISTS (SELECT 1 FROM facts WHERE facts.rowid = fact_words.rowid AND project = ? AND user = ?)"
    ranked = f"fact_words MATCH ? AND rank MATCH '{_RANK}'"
    hits = f"SELECT rowid AS n, rank AS r FROM fact_words WHERE {ranked} AND {ours} ORDER BY rank LIMIT ?"  # noqa: S608
    sql = f"SELECT {columns} FROM ({hits}) JOIN facts ON facts.rowid = n ORDER BY r"  # noqa: S608
    return [fact_of(row) for row in read(sql, (expression, *held, limit))]


def _rare(read: Read, terms: Sequence[str], max_rows: int) -> list[str]:
    counted = sorted((_n_rows(read, term, max_rows), place) for place, term in enumerate(terms))
    kept: list[int] = []
    total = 0
    for n_rows, place in counted:
        if kept and (total + n_rows > max_rows or len(kept) >= _MAX_TERMS):
            break
        if n_rows:
            kept.append(place)
            total += n_rows
    return [terms[place] for place in sorted(kept)] or list(terms[:1])


def _n_rows(read: Read, term: str, max_rows: int) -> int:
    """In how many rows a word stands, counted no further than needed."""
    sql = f"SELECT COUNT(*) FROM (SELECT 1 FROM fact_words WHERE fact_words MATCH ? LIMIT {max_rows + 1})"  # noqa: S608
    ((n_rows,),) = read(sql, (f'{{body context}} : "{term}"',))
    return int(n_rows)


def _write(connection: sqlite3.Connection, number: int, fact: Fact, normal: str) -> None:
    old = connection.execute("SELECT text, evidence, state FROM facts WHERE rowid = ?", (number,)).fetchone()
    names = [name.strip() for name in COLUMNS.split(",")][1:]
    names.insert(3, "normal")
    places = ", ".join(f"{name} = ?" for name in names)
    connection.execute(f"UPDATE facts SET {places} WHERE rowid = ?", (*values_of(fact, normal), number))  # noqa: S608
    if old != (storable(fact.text), storable(fact.evidence), fact.state):
        connection.execute("DELETE FROM fact_words WHERE rowid = ?", (number,))
        if fact.state == "active":
            _index(connection, number, fact)
    if old is None or old[0] != storable(fact.text):
        connection.execute("DELETE FROM fact_vectors WHERE fact = ?", (number,))


def _index(connection: sqlite3.Connection, number: int, fact: Fact) -> None:
    sql = "INSERT INTO fact_words (rowid, scope, body, context) VALUES (?, ?, ?, ?)"
    body, context = search_text(storable(fact.text)), search_text(storable(fact.evidence))
    connection.execute(sql, (number, _token(fact.scope), body, context))


def _token(scope: Scope) -> str:
    """One word that stands for a scope in the index, and for no other."""
    return "z" + sha256(f"{storable(scope.project)}\0{storable(scope.user)}".encode()).hexdigest()[:24] + "z"


def _dumped(fact: Fact, normal: str) -> str:
    return json.dumps({**asdict(fact), "normal": normal})
