"""Opening the file: private from its first byte, in WAL mode, deleted content overwritten, free space given back."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from headroom_wrap import zstd
from headroom_wrap.errors import Code, HeadroomError

T = TypeVar("T")

BUSY_TIMEOUT_S = 4.0
"""With the engine's own budget for new blocks still below the proxy's deadline for one request."""
_LOOK_MS = 20
_WITHOUT_FTS5 = re.compile(r"no such (?:module: fts5|table: fact_words)")
_MAX_IDLE_WAL_BYTES = 16 * 1024 * 1024


def connect(path: Path) -> sqlite3.Connection:
    """Open for reading and writing; transactions are begun by hand."""
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    _switch_to_wal(connection)
    # A power cut may take the last commits, never the file; a lost decision is taken again, to the same bytes.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute(f"PRAGMA journal_size_limit = {_MAX_IDLE_WAL_BYTES}")
    return connection


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Open without writing; where even WAL's shared memory may not be made, as a file that nobody changes."""
    for mode in ("mode=ro", "mode=ro&immutable=1"):
        uri = f"{path.resolve().as_uri()}?{mode}"
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, check_same_thread=False)
        try:
            connection.execute("SELECT 1 FROM originals LIMIT 1")
        except sqlite3.OperationalError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise failure


def create(path: Path) -> None:
    """Make the file, private from its first byte on, unless another process has just done so."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def in_transaction(connection: sqlite3.Connection, job: Callable[[sqlite3.Connection], T]) -> T:
    """Run `job` in a transaction of its own; gives what it gives."""
    _begin(connection)
    try:
        result = job(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return result


@contextlib.contextmanager
def as_store_error(path: Path) -> Iterator[None]:
    """Turn what the file's layers raise into an error of ours.

    Raises:
        HeadroomError: `STORE_FAILED`.
    """
    try:
        yield
    except (sqlite3.Error, zstd.ZstdError, UnicodeError, OverflowError) as error:
        if _WITHOUT_FTS5.search(str(error)):
            message = "There is no memory here: the SQLite of this Python has no full-text search (FTS5)."
            raise HeadroomError(Code.STORE_FAILED, message, "headroom doctor says what to do.") from error
        hint = "Free disk space or set HEADROOM_HOME to a folder that can be written; then try again."
        raise HeadroomError(Code.STORE_FAILED, f"The store {path} failed: {error}.", hint) from error


def _begin(connection: sqlite3.Connection) -> None:
    """Begin to write when nobody else does; looks often, since among many the one that looks seldom waits for ever.

    SQLite's own waiting pauses for up to 100 ms between two looks.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    connection.execute(f"PRAGMA busy_timeout = {_LOOK_MS}")
    try:
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:  # noqa: PERF203 - it loops only when it fails
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
            else:
                return
    finally:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_S * 1000:.0f}")


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Processes that open a new file at once collide here, and SQLite's busy timeout does not cover the switch."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            # Only a file without a page takes this without a rewrite, and asking any other would cost a write lock.
            if connection.execute("PRAGMA page_count").fetchone() == (0,):
                connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:  # noqa: PERF203 - it loops only when it fails
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return
