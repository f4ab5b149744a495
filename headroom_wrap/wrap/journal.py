"""Edits of the user's files that undo themselves: on exit, and after a crash on the next start of anything.

A journal is a folder `journal/` in the session's own directory with three files per edited file: `NNNN.original`, the
bytes as they were, `NNNN.written`, those we wrote, and `NNNN.json`, what was done. The entry is on the disk before the
user's file is touched. Where the user edited the file after us, the edit is taken out and the user's own stay, if they
can be told apart.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from enum import Enum
from pathlib import Path
from types import TracebackType

from headroom_wrap.edits import replacing
from headroom_wrap.edits.merging import merge
from headroom_wrap.edits.replacing import replace as replace_file
from headroom_wrap.errors import Code, HeadroomError

FOLDER = "journal"
Step = replacing.Step
no_step = replacing.no_step
_HELD = "held.json"

_NEW_FILE_MODE = 0o600
_WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
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


class Outcome(str, Enum):
    """What became of one edit."""

    RESTORED = "restored"
    """The file is again what it was."""
    REMOVED = "removed"
    """The file is gone, as it was before."""
    MERGED = "merged"
    """Our edit is out of the file, the user's later ones are in it."""
    LEFT = "left"
    """The file was not touched: see the `Conflict`."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One edit.

    Attributes:
        number: counts the edits of a journal.
        path: the edited file, without symbolic links in it.
        before: digest of the file as it was; empty where there was none.
        mode: the file's permissions.
        written: digests of what we wrote, the latest last.
        made_dirs: folders that we made for it.
        temporary: the neighbour that is renamed over the file.
        merged: digest of what the undoing makes of a file that was edited after us, once that is known.
    """

    number: int
    path: str
    before: str
    mode: int
    written: tuple[str, ...]
    made_dirs: tuple[str, ...]
    temporary: str
    merged: str | None = None

    @property
    def existed(self) -> bool:
        """Whether there was a file before."""
        return self.before != _ABSENT


Tell = Callable[[Outcome, Path], None]


def tell_nobody(_outcome: Outcome, _path: Path) -> None:
    """Nobody asked."""


class Transaction:
    """Journaled edits; an exception inside the `with` block takes back those made in it.

    Args:
        session_dir: the session's own directory; the journal lives in it.
        step: called with the name of each step before it is taken (tests crash there).
    """

    def __init__(self, session_dir: Path, step: Step = no_step) -> None:
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
        if old is not None and not target.stat().st_mode & _WRITABLE:
            # A rename would replace it all the same, but who takes away this permission wants no edits.
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(target))
        entry = self._entry_for(target, old, new)
        self._numbers.add(entry.number)
        journal = _journal(self._session_dir)
        original = _original(journal, entry.number)
        if old is not None and len(entry.written) == 1:
            self._step("write original")
            replace_file(original, old, 0o600, original.with_suffix(".tmp"))
        self._step("write copy")
        copy = _written(journal, entry.number)
        replace_file(copy, new, 0o600, copy.with_suffix(".tmp"))
        self._step("write entry")
        _commit(journal, entry)
        self._step("make folders")
        target.parent.mkdir(parents=True, exist_ok=True)
        replace_file(target, new, entry.mode, Path(entry.temporary), self._step)
        self._step("done")

    def _entry_for(self, target: Path, old: bytes | None, new: bytes) -> Entry:
        """A file written twice in this transaction keeps its first original; any other gets an entry of its own."""
        entries = entries_in(_journal(self._session_dir))
        for entry in reversed(entries):
            if entry.number in self._numbers and entry.path == str(target) and _digest(old) in entry.written:
                return replace(entry, written=(*entry.written, _digest(new)))
        number = entries[-1].number + 1 if entries else 1
        missing = [str(parent) for parent in target.parents if not parent.exists()]
        return Entry(
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
    step: Step = no_step,
    tell: Tell = tell_nobody,
) -> list[Conflict]:
    """Put back every file that still is what we wrote, and take our edit out of the others where that can be done.

    It is safe to repeat after a crash at any point.

    Args:
        session_dir: the directory whose journal is undone; it may have none.
        keep_dir: where the originals of conflicting files and `report.json` go; default `session_dir/conflicts`.
        only: numbers of the entries to undo; default all.
        step: called with the name of each step before it is taken.
        tell: called with what became of each file.
    """
    journal = _journal(session_dir)
    keep = session_dir / "conflicts" if keep_dir is None else keep_dir
    conflicts = []
    for entry in reversed(entries_in(journal)):
        if only is not None and entry.number not in only:
            continue
        try:
            outcome, reason = _put_back(journal, entry, step)
        except OSError as error:
            outcome, reason = Outcome.LEFT, f"it could not be restored: {error.strerror}"
        tell(outcome, Path(entry.path))
        if outcome is Outcome.LEFT:
            step("keep original")
            conflict = Conflict(Path(entry.path), _keep(journal, entry, keep), reason)
            _report(keep, conflict)
            conflicts.append(conflict)
        step("forget entry")
        _forget(journal, entry)
    return conflicts


def hold(session_dir: Path, files: Iterable[Path]) -> None:
    """Say that the session wants these files as they are now, whoever edited them: see `hand_over`."""
    held = sorted({os.path.realpath(file) for file in files})
    replace_file(session_dir / _HELD, json.dumps(held).encode(), 0o600, session_dir / f"{_HELD}.tmp")


def hand_over(session_dir: Path, heir_dir: Path, step: Step = no_step) -> None:
    """Give another live session the edits of files that it holds, too; it undoes them when it ends.

    It is safe to repeat after a crash at any point. An edit that the other has made of the same file itself stands on
    ours: that one is undone as ever.
    """
    held = set(json.loads(_read(heir_dir / _HELD) or b"[]"))
    if not held:
        return
    mine, theirs = _journal(session_dir), _journal(heir_dir)
    given = [entry for entry in entries_in(mine) if entry.path in held]
    names = {entry.temporary for entry in given}
    own = {entry.path for entry in entries_in(theirs) if entry.temporary not in names}
    for entry in given:
        known = entries_in(theirs)
        if entry.path in own:
            continue
        if entry.temporary not in {other.temporary for other in known}:
            number = known[-1].number + 1 if known else 1
            for place in (_original, _written):
                content = _read(place(mine, entry.number))
                if content is not None:
                    step("copy")
                    copy = place(theirs, number)
                    replace_file(copy, content, 0o600, copy.with_suffix(".tmp"))
            step("give entry")
            _commit(theirs, replace(entry, number=number))
        step("forget given entry")
        _forget(mine, entry)


def _put_back(journal: Path, entry: Entry, step: Step) -> tuple[Outcome, str]:
    """Undo one edit. Returns what became of the file and, where it was left alone, why."""
    target, temporary = Path(entry.path), Path(entry.temporary)
    temporary.unlink(missing_ok=True)
    current = _read(target)
    digest = _digest(current)
    outcome = Outcome.RESTORED if entry.existed else Outcome.REMOVED
    if current is not None and digest == entry.merged:
        outcome = Outcome.MERGED
    elif digest in entry.written:
        step("put back")
        if entry.existed:
            mode = stat.S_IMODE(target.stat().st_mode)
            replace_file(target, _original(journal, entry.number).read_bytes(), mode, temporary, step)
        else:
            target.unlink()
    elif digest != entry.before:
        if current is None:
            return Outcome.LEFT, "it was removed since our edit"
        merged = _merged(journal, entry, current)
        if merged is None:
            return Outcome.LEFT, "it was changed since our edit"
        step("write merged entry")
        _commit(journal, replace(entry, merged=_digest(merged)))
        if entry.existed or merged:
            replace_file(target, merged, stat.S_IMODE(target.stat().st_mode), temporary, step)
            outcome = Outcome.MERGED
        else:
            target.unlink()
    if not entry.existed:
        for directory in entry.made_dirs:
            with contextlib.suppress(OSError):
                Path(directory).rmdir()
    return outcome, ""


def _merged(journal: Path, entry: Entry, current: bytes) -> bytes | None:
    written = _read(_written(journal, entry.number))
    if written is None:
        return None
    return merge(Path(entry.path).name, written, current, _read(_original(journal, entry.number)))


def _keep(journal: Path, entry: Entry, keep: Path) -> Path | None:
    if not entry.existed:
        return None
    keep.mkdir(mode=0o700, parents=True, exist_ok=True)
    backup = keep / f"{entry.number:04d}-{Path(entry.path).name}"
    try:
        replace_file(backup, _original(journal, entry.number).read_bytes(), 0o600, backup.with_suffix(".tmp"))
    except OSError:
        return None
    return backup


def _report(keep: Path, conflict: Conflict) -> None:
    keep.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = keep / "report.json"
    rows = json.loads(_read(file) or b"[]")
    row = {"path": str(conflict.path), "backup": str(conflict.backup or ""), "reason": conflict.reason}
    if row not in rows:
        replace_file(file, json.dumps([*rows, row], indent=1).encode(), 0o600, keep / "report.tmp")


def _journal(session_dir: Path) -> Path:
    return session_dir / FOLDER


def _entry_file(journal: Path, number: int) -> Path:
    return journal / f"{number:04d}.json"


def _original(journal: Path, number: int) -> Path:
    return journal / f"{number:04d}.original"


def _written(journal: Path, number: int) -> Path:
    return journal / f"{number:04d}.written"


def _forget(journal: Path, entry: Entry) -> None:
    for place in (_entry_file, _original, _written):
        place(journal, entry.number).unlink(missing_ok=True)


def entries_in(journal: Path) -> list[Entry]:
    """The edits that a journal's folder tells of, the first one first."""
    entries = []
    for file in sorted(journal.glob("[0-9]*.json")):
        fields = json.loads(file.read_bytes())
        fields["written"] = tuple(fields["written"])
        fields["made_dirs"] = tuple(fields["made_dirs"])
        entries.append(Entry(**fields))
    return entries


def _commit(journal: Path, entry: Entry) -> None:
    file = _entry_file(journal, entry.number)
    replace_file(file, json.dumps(asdict(entry)).encode(), 0o600, file.with_suffix(".entry"))


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _digest(data: bytes | None) -> str:
    return _ABSENT if data is None else hashlib.sha256(data).hexdigest()
