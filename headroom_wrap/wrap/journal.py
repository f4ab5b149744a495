"""Edits of the user's files that undo themselves: on exit, and after a crash on the next start of anything.

A journal is a folder `journal/` in the session's own directory with two files per edited file: `NNNN.original`, the
bytes as they were, and `NNNN.json`, what was done. The entry is on the disk before the user's file is touched.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType

from headroom_wrap.errors import Code, HeadroomError

Step = Callable[[str], None]

_NEW_FILE_MODE = 0o600
_ABSENT = ""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A file that was left as it is, because it is no longer what we wrote.

    Attributes:
        path: the user's file.
        backup: its bytes from before our edit; None when it did not exist then.
        reason: why it was left, for a person.
    """

    path: Path
    backup: Path | None
    reason: str


@dataclass(frozen=True, slots=True)
class _Entry:
    number: int
    path: str
    before: str
    mode: int
    written: tuple[str, ...]
    made_dirs: tuple[str, ...]
    temporary: str

    @property
    def existed(self) -> bool:
        return self.before != _ABSENT


def _no_step(_name: str) -> None:
    """Nothing happens between two steps, except in tests."""


class Transaction:
    """Journaled edits; an exception inside the `with` block takes back those made in it.

    Args:
        session_dir: the session's own directory; the journal lives in it.
        step: called with the name of each step before it is taken (tests crash there).
    """

    def __init__(self, session_dir: Path, step: Step = _no_step) -> None:
        self._session_dir = session_dir
        self._step = step
        self._numbers: set[int] = set()

    def __enter__(self) -> Transaction:  # noqa: PYI034  (typing has no Self before 3.11)
        _journal(self._session_dir).mkdir(mode=0o700, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not None:
            undo(self._session_dir, only=frozenset(self._numbers))

    def write(self, path: Path, new: bytes) -> None:
        """Make `new` the content of `path`: atomically, through symbolic links, keeping the file's mode.

        Raises:
            HeadroomError: the file cannot be replaced; it is left as it was.
        """
        target = Path(os.path.realpath(path))
        try:
            self._write(target, new)
        except OSError as error:
            message = f"{path} could not be edited ({error.strerror}), so it was left as it was."
            hint = "Make the file writable, or point the agent at the proxy by hand."
            raise HeadroomError(Code.JOURNAL_CONFLICT, message, hint) from error

    def _write(self, target: Path, new: bytes) -> None:
        old = _read(target)
        if old == new:
            return
        entry = self._entry_for(target, old, new)
        self._numbers.add(entry.number)
        journal = _journal(self._session_dir)
        original = _original(journal, entry.number)
        if old is not None and len(entry.written) == 1:
            self._step("write original")
            _replace(original, old, 0o600, original.with_suffix(".tmp"))
        self._step("write entry")
        _commit(journal, entry)
        self._step("make folders")
        target.parent.mkdir(parents=True, exist_ok=True)
        _replace(target, new, entry.mode, Path(entry.temporary), self._step)
        self._step("done")

    def _entry_for(self, target: Path, old: bytes | None, new: bytes) -> _Entry:
        """A file written twice in this transaction keeps its first original; any other gets an entry of its own."""
        entries = _entries(self._session_dir)
        for entry in reversed(entries):
            if entry.number in self._numbers and entry.path == str(target) and _digest(old) in entry.written:
                return replace(entry, written=(*entry.written, _digest(new)))
        number = entries[-1].number + 1 if entries else 1
        missing = [str(parent) for parent in target.parents if not parent.exists()]
        return _Entry(
            number=number,
            path=str(target),
            before=_digest(old),
            mode=_NEW_FILE_MODE if old is None else stat.S_IMODE(target.stat().st_mode),
            written=(_digest(new),),
            made_dirs=tuple(missing),
            temporary=str(target.with_name(f".{target.name}.headroom-{self._session_dir.name}-{number}")),
        )


def undo(
    session_dir: Path,
    *,
    keep_dir: Path | None = None,
    only: frozenset[int] | None = None,
    step: Step = _no_step,
) -> list[Conflict]:
    """Put back every file that still is what we wrote; safe to repeat after a crash at any point.

    Args:
        session_dir: the directory whose journal is undone; it may have none.
        keep_dir: where the originals of conflicting files and `report.json` go; default `session_dir/conflicts`.
        only: numbers of the entries to undo; default all.
        step: called with the name of each step before it is taken.
    """
    journal = _journal(session_dir)
    keep = session_dir / "conflicts" if keep_dir is None else keep_dir
    conflicts = []
    for entry in reversed(_entries(session_dir)):
        if only is not None and entry.number not in only:
            continue
        try:
            reason = _put_back(journal, entry, step)
        except OSError as error:
            reason = f"it could not be restored: {error.strerror}"
        if reason:
            step("keep original")
            conflict = Conflict(Path(entry.path), _keep(journal, entry, keep), reason)
            _report(keep, conflict)
            conflicts.append(conflict)
        step("forget entry")
        _entry_file(journal, entry.number).unlink(missing_ok=True)
        _original(journal, entry.number).unlink(missing_ok=True)
    return conflicts


def _put_back(journal: Path, entry: _Entry, step: Step) -> str:
    """Undo one edit. Returns why the file was left alone, or nothing."""
    target, temporary = Path(entry.path), Path(entry.temporary)
    temporary.unlink(missing_ok=True)
    current = _read(target)
    digest = _digest(current)
    if digest != entry.before:
        if digest not in entry.written:
            return "it was removed since our edit" if current is None else "it was changed since our edit"
        step("put back")
        if entry.existed:
            mode = stat.S_IMODE(target.stat().st_mode)
            _replace(target, _original(journal, entry.number).read_bytes(), mode, temporary, step)
        else:
            target.unlink()
    if not entry.existed:
        for directory in entry.made_dirs:
            with contextlib.suppress(OSError):
                Path(directory).rmdir()
    return ""


def _keep(journal: Path, entry: _Entry, keep: Path) -> Path | None:
    if not entry.existed:
        return None
    keep.mkdir(mode=0o700, parents=True, exist_ok=True)
    backup = keep / f"{entry.number:04d}-{Path(entry.path).name}"
    try:
        _replace(backup, _original(journal, entry.number).read_bytes(), 0o600, backup.with_suffix(".tmp"))
    except OSError:
        return None
    return backup


def _report(keep: Path, conflict: Conflict) -> None:
    keep.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = keep / "report.json"
    rows = json.loads(_read(file) or b"[]")
    row = {"path": str(conflict.path), "backup": str(conflict.backup or ""), "reason": conflict.reason}
    if row not in rows:
        _replace(file, json.dumps([*rows, row], indent=1).encode(), 0o600, keep / "report.tmp")


def _journal(session_dir: Path) -> Path:
    return session_dir / "journal"


def _entry_file(journal: Path, number: int) -> Path:
    return journal / f"{number:04d}.json"


def _original(journal: Path, number: int) -> Path:
    return journal / f"{number:04d}.original"


def _entries(session_dir: Path) -> list[_Entry]:
    entries = []
    for file in sorted(_journal(session_dir).glob("*.json")):
        fields = json.loads(file.read_bytes())
        fields["written"] = tuple(fields["written"])
        fields["made_dirs"] = tuple(fields["made_dirs"])
        entries.append(_Entry(**fields))
    return entries


def _commit(journal: Path, entry: _Entry) -> None:
    file = _entry_file(journal, entry.number)
    _replace(file, json.dumps(asdict(entry)).encode(), 0o600, file.with_suffix(".entry"))


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _digest(data: bytes | None) -> str:
    return _ABSENT if data is None else hashlib.sha256(data).hexdigest()


def _replace(target: Path, data: bytes, mode: int, temporary: Path, step: Step = _no_step) -> None:
    """Write a neighbour of `target`, flush it to the disk, and rename it over `target`."""
    step("write neighbour")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        _keep_owner(target, descriptor)
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)
    step("rename")
    temporary.replace(target)
    directory = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _keep_owner(target: Path, descriptor: int) -> None:
    """Under sudo the user's file stays the user's."""
    with contextlib.suppress(FileNotFoundError, PermissionError):
        owner = target.stat()
        if (owner.st_uid, owner.st_gid) != (os.geteuid(), os.getegid()):
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
