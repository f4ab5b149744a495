"""What was written of what is learned, line by line: so that what a person edits or deletes is not written again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass

from headroom_wrap.store.ledger import storable
from headroom_wrap.store.table import Table

TABLES = """
CREATE TABLE IF NOT EXISTS learned_lines (
    file TEXT NOT NULL,
    finding TEXT NOT NULL,
    line TEXT NOT NULL,
    text TEXT NOT NULL,
    state TEXT NOT NULL,
    expires REAL NOT NULL,
    PRIMARY KEY (file, finding)
) WITHOUT ROWID;
"""
WRITTEN, EDITED, DELETED = "written", "edited", "deleted"


@dataclass(frozen=True, slots=True)
class LearnedLine:
    """One correction in one file.

    Attributes:
        finding: the finding's id.
        line: as we wrote it, without what makes it an item of a list; in a memory, the id of the fact.
        text: the correction in it.
        state: `WRITTEN`, or what a person made of it: `EDITED`, `DELETED`.
        expires: unix seconds, as of the finding.
    """

    finding: str
    line: str
    text: str
    state: str = WRITTEN
    expires: float = 0.0


class LearnedLines(Table):
    """The lines of every file."""

    def of(self, file: str) -> dict[str, LearnedLine]:
        """The lines of a file, by the ids of their findings."""
        sql = "SELECT finding, line, text, state, expires FROM learned_lines WHERE file = ? ORDER BY finding"
        return {row[0]: LearnedLine(*row) for row in self._read(sql, (storable(file),))}

    def replace(self, lines: Mapping[str, Iterable[LearnedLine]]) -> None:
        """Make these all the lines of each of these files, in one transaction."""
        rows = [
            (storable(file), *(storable(each) if isinstance(each, str) else each for each in astuple(line)))
            for file, of_file in lines.items()
            for line in of_file
        ]

        def job(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM learned_lines WHERE file = ?", [(storable(file),) for file in lines])
            connection.executemany("INSERT INTO learned_lines VALUES (?, ?, ?, ?, ?, ?)", rows)

        self._write(job).result()
