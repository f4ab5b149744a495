"""What stood in the user's files before each run, in the data directory; and the way back there.

A run is a folder `<home>/learn/<project>/NNNN` with `about.json` and, per file, `N.original` and `N.written`. All of it
is on the disk before the user's file is touched.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import stat
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from headroom_wrap import paths
from headroom_wrap.edits import locking, replacing
from headroom_wrap.edits.merging import merge
from headroom_wrap.edits.text import EditError
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.learn import files, section
from headroom_wrap.learn.files import Held
from headroom_wrap.store import LearnedLine, LearnedLines

_ABOUT = "about.json"
_MAX_RUNS = 20


class Outcome(str, Enum):
    """What the undoing of a run made of a file."""

    RESTORED = "is again what it was"
    REMOVED = "is gone, as before"
    MERGED = "is without our lines; what you changed since stays"
    SAME = "had been put back already"
    LEFT = "was left as it is: your changes and ours cannot be told apart"


@dataclass(slots=True)
class Run:
    """One run's record, kept on the disk as it grows.

    Attributes:
        folder: where it is kept.
        at: unix seconds.
        files: of each file the path, the folders made for it, and what was remembered of its lines before.
        facts: ids of the facts that were saved, and by which finding.
    """

    folder: Path
    at: float
    files: list[dict[str, Any]] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)

    def keep(self, held: Held, new: bytes, lines: Mapping[str, LearnedLine]) -> None:
        """Note that a file is about to be written; again, where the first attempt failed."""
        path = str(held.real)
        number = next((n for n, each in enumerate(self.files) if each["path"] == path), len(self.files))
        _save(self.folder / f"{number}.written", new)
        if held.data is not None:
            _save(self.folder / f"{number}.original", held.data)
        row = {"path": path, "made": [], "lines": [asdict(line) for line in lines.values()]}
        self.files[number:] = [row]
        self.save()

    def made(self, folders: Iterable[Path]) -> None:
        """Note which folders were made for the file that was written last."""
        self.files[-1]["made"] = [str(folder) for folder in folders]
        self.save()

    def drop(self, held: Held) -> None:
        """Note that a file was not written after all."""
        self.files = [each for each in self.files if each["path"] != str(held.real)]
        self.save()

    def save(self) -> None:
        """Write the record."""
        content = {"at": self.at, "files": self.files, "facts": self.facts}
        _save(self.folder / _ABOUT, json.dumps(content).encode())


def begin(home: Path, root: Path, now: float) -> Run:
    """A new run of a project; the oldest beyond 20 are forgotten."""
    folder = paths.make_private_dir(_folder(home, root))
    runs = _runs(folder)
    for old in runs[: max(len(runs) - _MAX_RUNS + 1, 0)]:
        shutil.rmtree(old, ignore_errors=True)
    number = int(runs[-1].name) + 1 if runs else 1
    return Run(paths.make_private_dir(folder / f"{number:04d}"), now)


def last(home: Path, root: Path) -> Run | None:
    """The newest run of a project that was not undone."""
    for folder in reversed(_runs(_folder(home, root))):
        with suppress(OSError, ValueError, KeyError):
            about = json.loads((folder / _ABOUT).read_bytes())
            return Run(folder, about["at"], about["files"], about["facts"])
    return None


def end(run: Run) -> None:
    """Forget a run."""
    shutil.rmtree(run.folder, ignore_errors=True)


def undo(run: Run, lines: LearnedLines) -> list[tuple[Path, Outcome]]:
    """Put a run's files back; edits of the user's since then stay.

    The run is forgotten, unless a file had to be left: then its folder is renamed to `NNNN.left`.
    """
    told = []
    for number in reversed(range(len(run.files))):
        row = run.files[number]
        path = Path(row["path"])
        before = {each["finding"]: LearnedLine(**each) for each in row["lines"]}
        outcome = _put_back(run.folder, number, path, lines.of(str(path)), before)
        if outcome is Outcome.REMOVED:
            files.remove_folders([Path(each) for each in row["made"]])
        if outcome is not Outcome.LEFT:
            lines.replace({str(path): before.values()})
        told.append((path, outcome))
    if any(outcome is Outcome.LEFT for _, outcome in told):
        run.folder.rename(run.folder.with_suffix(".left"))
    else:
        end(run)
    return told


def locked(home: Path) -> AbstractContextManager[None]:
    """One writer at a time: two would take each other's lines for the user's."""
    return locking.held(paths.make_private_dir(home / "learn") / ".lock")


def _put_back(
    folder: Path, number: int, path: Path, now: Mapping[str, LearnedLine], before: Mapping[str, LearnedLine]
) -> Outcome:
    written, original = files.read(folder / f"{number}.written"), files.read(folder / f"{number}.original")
    current = files.read(path)
    if current == original:
        return Outcome.SAME
    if current is None or written is None:
        return Outcome.LEFT
    is_ours = current == written
    new = original if is_ours else merge(path.name, written, current, original)
    if new is None and not is_ours:
        new = _without_lines(path, current, now, before)
        if new == current:
            return Outcome.LEFT
    if original is None and not new:
        path.unlink()
        return Outcome.REMOVED
    _replace(path, current, new or b"")
    return Outcome.RESTORED if is_ours else Outcome.MERGED


def _without_lines(
    path: Path, current: bytes, now: Mapping[str, LearnedLine], before: Mapping[str, LearnedLine]
) -> bytes:
    """The file without our lines, where the person changed others of the same section."""
    try:
        return files.bytes_of(section.without(Held(path, path, current).text, now, before))
    except EditError:
        return current


def _replace(path: Path, current: bytes, new: bytes) -> None:
    try:
        files.write(Held(path, path, current), new)
    except (OSError, files.ChangedError) as error:
        message = f"{path} could not be put back: {error or 'it was being changed'}."
        raise HeadroomError(Code.JOURNAL_CONFLICT, message, "Type headroom learn --undo again.") from error


def _save(file: Path, data: bytes) -> None:
    replacing.replace(file, data, stat.S_IRUSR | stat.S_IWUSR, file.with_suffix(f"{file.suffix}.tmp"))


def _folder(home: Path, root: Path) -> Path:
    return home / "learn" / hashlib.sha256(str(root.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _runs(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("[0-9]*") if path.is_dir() and path.name.isdecimal())
