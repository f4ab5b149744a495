"""Which transcripts were read, as they were then, and what was mined from each: so that none is read twice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from headroom_wrap.store.ledger import storable
from headroom_wrap.store.table import Table

TABLES = """
CREATE TABLE IF NOT EXISTS learned_files (
    file TEXT PRIMARY KEY,
    agent TEXT NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    miner TEXT NOT NULL,
    n_sessions INTEGER NOT NULL,
    n_bad INTEGER NOT NULL,
    projects TEXT NOT NULL,
    mined TEXT NOT NULL
) WITHOUT ROWID;
"""
_COLUMNS = "file, agent, size, mtime_ns, miner, n_sessions, n_bad, projects, mined"


@dataclass(frozen=True, slots=True)
class LearnedFile:
    """One transcript as it was read.

    Attributes:
        file: its path.
        agent: whose it is.
        size: bytes, and `mtime_ns`: as they were when it was read.
        miner: what read it; another one reads it again.
        n_sessions, n_bad: how many sessions it holds, and how many lines that could not be read.
        projects: the projects of its sessions, as JSON.
        mined: what was found in it, as JSON.
    """

    file: str
    agent: str
    size: int
    mtime_ns: int
    miner: str
    n_sessions: int
    n_bad: int
    projects: str
    mined: str


class LearnedFiles(Table):
    """The transcripts that were read."""

    def stamps(self, miner: str) -> dict[str, tuple[int, int]]:
        """Size and mtime of every file that this miner read."""
        sql = "SELECT file, size, mtime_ns FROM learned_files WHERE miner = ?"
        return {file: (size, mtime_ns) for file, size, mtime_ns in self._read(sql, (miner,))}

    def get(self, file: str) -> LearnedFile | None:
        """What is kept of a file; None where it was not read."""
        rows = self._read(f"SELECT {_COLUMNS} FROM learned_files WHERE file = ?", (storable(file),))  # noqa: S608 - names of ours
        return LearnedFile(*rows[0]) if rows else None

    def put(self, files: Iterable[LearnedFile]) -> None:
        """Keep what was read, in the place of what was kept of the same files."""
        sql = f"INSERT OR REPLACE INTO learned_files ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
        rows = [
            (
                storable(each.file), each.agent, each.size, each.mtime_ns, each.miner, each.n_sessions, each.n_bad,
                storable(each.projects), storable(each.mined),
            )
            for each in files
        ]  # fmt: skip
        self._write(lambda connection: connection.executemany(sql, rows).rowcount).result()

    def forget(self, files: Iterable[str]) -> None:
        """Keep nothing of these files."""
        rows = [(storable(file),) for file in files]
        sql = "DELETE FROM learned_files WHERE file = ?"
        self._write(lambda connection: connection.executemany(sql, rows).rowcount).result()
