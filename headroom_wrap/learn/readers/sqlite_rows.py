"""Other programs' SQLite databases, read without leaving anything beside them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

_BUSY_TIMEOUT_S = 2.0


@contextmanager
def opened(file: Path) -> Iterator[sqlite3.Connection]:
    """A connection that cannot write.

    Raises:
        OSError: the file cannot be read, or is not what it was taken for.
    """
    # Without a write-ahead log nothing is missing from the file itself; opened so, none is made.
    mode = "mode=ro" if file.with_name(f"{file.name}-wal").exists() else "mode=ro&immutable=1"
    try:
        with closing(
            sqlite3.connect(f"{file.resolve().as_uri()}?{mode}", uri=True, timeout=_BUSY_TIMEOUT_S)
        ) as connection:
            connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
            yield connection
    except sqlite3.Error as error:
        raise OSError(f"{file}: {error}") from error


def columns_of(connection: sqlite3.Connection, table: str) -> Sequence[str]:
    """The names of a table's columns; none where there is no such table."""
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
