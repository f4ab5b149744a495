"""What a reader of one agent's transcripts is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from headroom_wrap.agents.agent import Context
from headroom_wrap.learn.events import Session


@dataclass(slots=True)
class Tally:
    """What a reader met on its way; it counts on while it reads.

    Attributes:
        n_bytes: of the file, read so far.
        n_bad: lines or rows that were no event: cut, no JSON, too long, of another shape.
    """

    n_bytes: int = 0
    n_bad: int = 0


def stamp_of(path: Path) -> tuple[int, int]:
    """Size and mtime (ns) of a transcript; of a database, with what it has not taken in yet. (0, 0): none there."""
    size = mtime_ns = 0
    for part in (path, path.with_name(f"{path.name}-wal")):
        with suppress(OSError):
            status = part.stat()
            size += status.st_size
            mtime_ns = max(mtime_ns, status.st_mtime_ns)
    return size, mtime_ns


class Read(Protocol):
    """Read one transcript."""

    def __call__(self, file: Path, tally: Tally | None = None) -> Iterator[Session]:
        """The sessions of a file; a very long one in parts of the same id.

        Raises:
            OSError: the file cannot be read.
        """


@dataclass(frozen=True, slots=True)
class Reader:
    """How the transcripts of one agent are found and read.

    Attributes:
        agent: as typed after `headroom wrap`.
        files: all transcripts of the user, in no order; with `is_per_project` those of the context's folder.
        read: the sessions of one of them.
        folder: the folder in which a transcript's session began, from its first bytes; "" where they do not say.
        is_per_project: whether the transcripts lie with the project, so that those of others are not found.
    """

    agent: str
    files: Callable[[Context], Iterator[Path]]
    read: Read
    folder: Callable[[Path], str] = lambda _file: ""
    is_per_project: bool = False
