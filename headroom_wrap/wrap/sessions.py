"""The session's own directory, and the recovery of those whose wrapper is dead.

`<home>/sessions/<id>/` belongs to one wrapper. A lock file beside it, `<id>.lock`, is taken (flock) before the
directory is made and held until the wrapper ends, however it ends: whoever gets the lock knows that the wrapper is
dead. Process numbers and creation times would lie after a reboot or a change of the clock.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from headroom_wrap import paths
from headroom_wrap.wrap import journal

SESSION_VARIABLE = "HEADROOM_SESSION"

_RECORD = "session.json"
_EDITS_LOCK = "edits.lock"
_EDITS_WAIT_S = 2.0
_EDITS_LOOK_S = 0.005


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """What `session.json` says. `create_time` and `started` are seconds since the epoch."""

    id: str
    pid: int
    create_time: float
    agent: str
    port: int
    started: float


@dataclass(frozen=True, slots=True)
class Session:
    """A live session of this process: its record, its directory, and the lock it holds."""

    record: SessionRecord
    directory: Path
    home: Path
    lock: int


@dataclass(frozen=True, slots=True)
class Recovered:
    """A session that was cleared away.

    Attributes:
        id: the session.
        conflicts: files that were not put back because they are no longer what we wrote.
        broken: why its journal could not be undone, if so.
        kept: where the originals of the conflicting files are, or a journal that could not be read; None if nowhere.
    """

    id: str
    conflicts: tuple[journal.Conflict, ...] = ()
    broken: str = ""
    kept: Path | None = None


def create(
    home: Path,
    agent: str,
    port: int,
    *,
    session_id: str | None = None,
    clock: Callable[[], float] = time.time,
) -> Session:
    """Make the directory of a new session of this process, readable by the user alone."""
    name = secrets.token_hex(8) if session_id is None else session_id
    sessions = paths.make_private_dir(paths.sessions_dir(home))
    lock = _lock_new(sessions / f"{name}.lock")
    directory = sessions / name
    directory.mkdir(mode=0o700)
    created = psutil.Process().create_time()
    record = SessionRecord(name, os.getpid(), created, agent, port, clock())
    paths.write_private(directory / _RECORD, json.dumps(asdict(record)))
    return Session(record, directory, home, lock)


@contextlib.contextmanager
def editing(home: Path) -> Iterator[None]:
    """One session at a time reads the user's files and edits them, or undoes its edits.

    One that stands still for long keeps nobody from starting or ending: then it is as if there were no such turn.
    """
    lock = os.open(home / _EDITS_LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    end_s = time.monotonic() + _EDITS_WAIT_S
    try:
        while not _takes(lock) and time.monotonic() < end_s:
            time.sleep(_EDITS_LOOK_S)
        yield
    finally:
        os.close(lock)


def remove(
    session: Session,
    *,
    step: journal.Step = journal.no_step,
    tell: journal.Tell = journal.tell_nobody,
    hands_over: bool = True,
) -> Recovered:
    """Undo the session's journal and delete its directory; originals of conflicting files are kept.

    Args:
        session: of this process.
        step: called with the name of each step before it is taken.
        tell: called with what became of each file.
        hands_over: whether a file that another live session holds, too, stays edited until that ends.
    """
    try:
        return _clear(session.home, session.record.id, step, tell, hands_over=hands_over)
    finally:
        os.close(session.lock)


def live_sessions(home: Path) -> list[SessionRecord]:
    """The sessions whose wrapper lives (or that are being recovered at this moment), the oldest first."""
    records = []
    for name in _names(home):
        record = _record(paths.sessions_dir(home) / name)
        if record is None:
            continue
        with contextlib.suppress(FileNotFoundError):
            lock = _try_lock(paths.sessions_dir(home) / f"{name}.lock", fcntl.LOCK_SH)
            if lock is None:
                records.append(record)
            else:
                os.close(lock)
    return sorted(records, key=lambda record: record.started)


def recover(home: Path) -> list[Recovered]:
    """Undo and delete every session whose wrapper is dead. Many may do so at once: each session goes to one of them."""
    found = (recover_one(home, name) for name in _names(home))
    return [recovered for recovered in found if recovered is not None]


def recover_one(home: Path, session_id: str) -> Recovered | None:
    """Clear one session away if its wrapper is dead and nobody else is doing so; None otherwise."""
    file = paths.sessions_dir(home) / f"{session_id}.lock"
    try:
        file.touch(mode=0o600)
        lock = _try_lock(file, fcntl.LOCK_EX)
    except FileNotFoundError:
        return None
    if lock is None:
        return None
    try:
        if not (paths.sessions_dir(home) / session_id).is_dir():
            file.unlink(missing_ok=True)
            return None
        return _clear(home, session_id)
    finally:
        os.close(lock)


def _takes(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _hand_over(home: Path, session_id: str, step: journal.Step) -> None:
    directory = paths.sessions_dir(home) / session_id
    if not journal.entries_in(directory / journal.FOLDER):
        return
    for record in live_sessions(home):
        if record.id != session_id:
            journal.hand_over(directory, paths.sessions_dir(home) / record.id, step)


def _clear(
    home: Path,
    session_id: str,
    step: journal.Step = journal.no_step,
    tell: journal.Tell = journal.tell_nobody,
    *,
    hands_over: bool = True,
) -> Recovered:
    """Undo, then delete the directory, then the lock file: whoever holds the lock may do this."""
    sessions = paths.sessions_dir(home)
    directory, keep = sessions / session_id, home / "conflicts" / session_id
    try:
        with editing(home):
            if hands_over:
                _hand_over(home, session_id, step)
            conflicts = tuple(journal.undo(directory, keep_dir=keep, step=step, tell=tell))
            recovered = Recovered(session_id, conflicts, kept=keep if conflicts else None)
            step("remove session")
            shutil.rmtree(directory)
    except OSError as error:
        # A full disk, say: the next start tries again.
        return Recovered(session_id, broken=str(error))
    except (ValueError, KeyError, TypeError) as error:
        # An unreadable journal must not stop every later start: it is put aside for the user.
        keep.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.replace(keep / "session")
        recovered = Recovered(session_id, broken=f"its journal cannot be read: {error}", kept=keep)
    (sessions / f"{session_id}.lock").unlink(missing_ok=True)
    return recovered


def _lock_new(file: Path) -> int:
    """Create and lock `file`. A recovery that found it before it was locked may have deleted it: then again."""
    while True:
        lock = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _is_in_place(file, lock):
            return lock
        os.close(lock)


def _is_in_place(file: Path, lock: int) -> bool:
    """Whether `file` is what was locked: a recovery deletes lock files, and a lock on a deleted one says nothing."""
    try:
        return file.stat().st_ino == os.fstat(lock).st_ino
    except FileNotFoundError:
        return False


def _try_lock(file: Path, kind: int) -> int | None:
    """Lock `file`; None if another has it. Raises FileNotFoundError if it is not there, or not any more."""
    lock = os.open(file, os.O_RDWR)
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    if _is_in_place(file, lock):
        return lock
    os.close(lock)
    raise FileNotFoundError(file)


def _names(home: Path) -> list[str]:
    try:
        return sorted({file.name.removesuffix(".lock") for file in paths.sessions_dir(home).iterdir()})
    except FileNotFoundError:
        return []


def _record(directory: Path) -> SessionRecord | None:
    """None while it is being written, or after it was removed."""
    try:
        return SessionRecord(**json.loads((directory / _RECORD).read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
