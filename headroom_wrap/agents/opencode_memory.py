"""The memory in OpenCode: which session a command line takes up again, and what OpenCode reads by itself."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from headroom_wrap.agents import resuming
from headroom_wrap.agents.agent import Context
from headroom_wrap.memory import project_of

_CONTINUE = frozenset({"-c", "--continue"})
_SESSION = ("-s", "--session")
_NAMES = ("AGENTS.md", "CLAUDE.md", "CONTEXT.md")
_MS = 1000.0
_BUSY_TIMEOUT_S = 0.5


def began(context: Context, database: Path) -> float | None:
    """When the session began that `--continue`, or `--session ID`, takes up again (tables of 1.18.33)."""
    id_ = resuming.option(context.args, _SESSION)
    if id_:
        return _asked(database, "SELECT time_created FROM session WHERE id = ?", (id_,))
    if not _CONTINUE.intersection(context.args):
        return None
    here = "SELECT time_created FROM session WHERE parent_id IS NULL AND directory = ? ORDER BY time_updated DESC"
    return _asked(database, here, (str(context.cwd),))


def instructions(context: Context, folder: Path) -> tuple[Path, ...]:
    """AGENTS.md and its like: of OpenCode's own folder, and from the root of the project down to here.

    Args:
        context: the user's side.
        folder: where OpenCode's configuration is.
    """
    root = project_of(context.cwd)
    places = [context.cwd, *(place for place in context.cwd.parents if place.is_relative_to(root))]
    own = (folder / "AGENTS.md", context.home / ".claude" / "CLAUDE.md")
    return (*own, *(place / name for place in places for name in _NAMES))


def _asked(database: Path, sql: str, values: Sequence[str]) -> float | None:
    try:
        uri = f"{database.resolve().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=_BUSY_TIMEOUT_S)) as connection:
            row = connection.execute(sql, values).fetchone()
    except sqlite3.Error:
        return None
    return None if row is None else float(row[0]) / _MS
