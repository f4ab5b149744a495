"""The tables, and how an older file is brought up to date."""

from __future__ import annotations

import contextlib
import sqlite3

from headroom_wrap.store.briefs import TABLES as _BRIEF_TABLES
from headroom_wrap.store.fact_rows import TABLES as _FACT_TABLES
from headroom_wrap.store.fact_rows import WORDS_TABLE
from headroom_wrap.store.learned_files import TABLES as _LEARNED_FILES
from headroom_wrap.store.learned_lines import TABLES as _LEARNED_LINES
from headroom_wrap.store.shared_texts import TABLES as _SHARED_TEXTS

VERSION = 5

_TABLES = """
CREATE TABLE IF NOT EXISTS originals (
    id TEXT PRIMARY KEY,
    sha256 TEXT NOT NULL UNIQUE,
    body BLOB NOT NULL,
    n_chars INTEGER NOT NULL,
    tool_name TEXT NOT NULL,
    created REAL NOT NULL,
    last_used REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS originals_last_used ON originals (last_used);

CREATE TABLE IF NOT EXISTS decisions (
    key TEXT PRIMARY KEY,
    family TEXT NOT NULL,
    profile TEXT NOT NULL,
    rendered BLOB,
    reason TEXT NOT NULL,
    compressor TEXT NOT NULL,
    tokens_before INTEGER NOT NULL,
    tokens_after INTEGER NOT NULL,
    original_id TEXT,
    depends TEXT NOT NULL,
    created REAL NOT NULL,
    last_used REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS decisions_family ON decisions (family);
CREATE INDEX IF NOT EXISTS decisions_original ON decisions (original_id) WHERE original_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS decisions_last_used ON decisions (last_used);
CREATE INDEX IF NOT EXISTS decisions_depends ON decisions (last_used) WHERE depends != '[]';

CREATE TABLE IF NOT EXISTS ledger (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    session TEXT NOT NULL,
    agent TEXT NOT NULL,
    wire TEXT NOT NULL,
    model TEXT NOT NULL,
    status INTEGER NOT NULL,
    tokens_before INTEGER NOT NULL,
    tokens_after INTEGER NOT NULL,
    new_tokens_before INTEGER NOT NULL,
    new_tokens_after INTEGER NOT NULL,
    blocks_replaced INTEGER NOT NULL,
    blocks_new INTEGER NOT NULL,
    input_tokens INTEGER,
    cache_read_tokens INTEGER,
    cache_write_tokens INTEGER,
    output_tokens INTEGER,
    duration_s REAL NOT NULL,
    error TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS ledger_session ON ledger (session);

CREATE TABLE IF NOT EXISTS retrievals (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    session TEXT NOT NULL,
    original_id TEXT NOT NULL,
    what TEXT NOT NULL,
    n_chars INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS retrievals_session ON retrievals (session);

CREATE TABLE IF NOT EXISTS calls (
    call_id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    input BLOB NOT NULL,
    created REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS calls_created ON calls (created);

CREATE TABLE IF NOT EXISTS calibrations (
    model TEXT PRIMARY KEY,
    factor REAL NOT NULL,
    n INTEGER NOT NULL,
    updated REAL NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS stamps (
    name TEXT PRIMARY KEY,
    at REAL NOT NULL
) WITHOUT ROWID;
"""


def has_full_text() -> bool:
    """Whether this SQLite was built with FTS5, by which facts are searched."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        return connection.execute("SELECT 1 FROM pragma_module_list WHERE name = 'fts5'").fetchone() is not None


def prepare(connection: sqlite3.Connection) -> None:
    """Create what is missing; versions so far differ only in the tables and indexes that they have.

    Without FTS5 everything but memory works, and the file keeps its version: a SQLite that has it adds what is missing.
    A file that was made before version 3 also keeps its free pages until it is purged: see `retention.rewrite`.

    Raises:
        sqlite3.DatabaseError: the file was written by a newer Headroom, or is no database.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise sqlite3.DatabaseError(f"the store has format {version}; this Headroom reads up to {VERSION}")
    if version < VERSION:
        tables = f"{_TABLES} {_FACT_TABLES} {_BRIEF_TABLES} {_LEARNED_FILES} {_LEARNED_LINES} {_SHARED_TEXTS}"
        last = f"{WORDS_TABLE} PRAGMA user_version = {VERSION};" if has_full_text() else ""
        connection.executescript(f"BEGIN IMMEDIATE; {tables} {last} COMMIT;")
