"""The user's files as they are found: which may be written, and why others may not."""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from headroom_wrap.edits import replacing
from headroom_wrap.edits.replacing import Step, no_step

_MAX_BYTES = 2_000_000
_WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
_PROSE = (".md", ".mdc", ".markdown", ".txt")
_BOM_16 = (b"\xff\xfe", b"\xfe\xff")


class RefusedError(Exception):
    """A file is left as it is.

    Args:
        reason: why, as the end of a sentence that begins with the file.
        hint: what to do about it, a sentence.
        is_others: it is not the user's to change, or not this project's, so that another file may do.
    """

    def __init__(self, reason: str, hint: str, *, is_others: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint
        self.is_others = is_others


class ChangedError(Exception):
    """The file is no longer what was read."""


@dataclass(frozen=True, slots=True)
class Held:
    """A file that may be written.

    Attributes:
        path: as a person names it.
        real: without symbolic links.
        data: what it holds; None where there is none.
    """

    path: Path
    real: Path
    data: bytes | None

    @property
    def text(self) -> str:
        """Its text; bytes that are no UTF-8 are kept, too, and come back in `bytes_of`."""
        return "" if self.data is None else self.data.decode("utf-8", "surrogateescape")


def bytes_of(text: str) -> bytes:
    """The bytes of a text that `Held.text` gave."""
    return text.encode("utf-8", "surrogateescape")


def root_of(folder: Path) -> Path:
    """Where a project's files are read from: the root of the worktree that holds the folder, else the folder."""
    folder = folder.expanduser().resolve()
    return next((place for place in (folder, *folder.parents) if (place / ".git").exists()), folder)


def look(root: Path, name: str) -> Held:
    """Read a file of a project.

    Raises:
        RefusedError: it may not, or should not, be written.
    """
    path = root / name
    real = Path(os.path.realpath(path))
    again = "Then type headroom learn --apply again."
    if not real.is_relative_to(root.resolve()) or ".git" in real.relative_to(root.resolve()).parts:
        hint = f"Make {name} a file of this project, or link to one. {again}"
        raise RefusedError(f"leads to {real}, which is not this project's own", hint, is_others=True)
    if real.suffix.lower() not in _PROSE and not (real.name.startswith(".") and not real.suffix):
        hint = f"Make {name} a file of its own, or link to a Markdown file. {again}"
        raise RefusedError(f"leads to {real}, which is no text for agents", hint, is_others=True)
    try:
        found = real.stat()
        if not stat.S_ISREG(found.st_mode):
            raise RefusedError("is no ordinary file", f"Move it away. {again}", is_others=True)
        if found.st_size > _MAX_BYTES:
            raise RefusedError("is too long to be read by agents", f"Shorten it. {again}")
        data = real.read_bytes()
    except FileNotFoundError:
        return Held(path, real, None)
    except OSError as error:
        raise RefusedError(f"cannot be read: {error.strerror}", f"Mend that. {again}", is_others=True) from error
    if not found.st_mode & _WRITABLE or not os.access(real, os.W_OK):
        raise RefusedError("may not be written", f"chmod u+w {path} lets us. {again}", is_others=True)
    if b"\0" in data or data.startswith(_BOM_16):
        raise RefusedError("is no UTF-8 text", f"Save it as UTF-8. {again}")
    return Held(path, real, data)


def write(held: Held, new: bytes, step: Step = no_step) -> list[Path]:
    """Make `new` its content, if it still is what was read; gives the folders that had to be made.

    Raises:
        ChangedError: it is not; nothing was written.
        OSError: nothing was written.
    """
    made = [folder for folder in held.real.parents if not folder.exists()]
    temporary = held.real.with_name(f".{held.real.name}.headroom-learn")

    def watched(name: str) -> None:
        step(name)
        if name == "rename" and read(held.real) != held.data:
            raise ChangedError

    with contextlib.ExitStack() as unless_written:
        unless_written.callback(remove_folders, made)
        unless_written.callback(temporary.unlink, missing_ok=True)
        held.real.parent.mkdir(parents=True, exist_ok=True)
        mode = None if held.data is None else stat.S_IMODE(held.real.stat().st_mode)
        replacing.replace(held.real, new, mode, temporary, watched)
        unless_written.pop_all()
    return made


def read(path: Path) -> bytes | None:
    """What a file holds; None where there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def remove_folders(made: list[Path]) -> None:
    """Remove folders of ours that are empty, the innermost first."""
    with contextlib.suppress(OSError):
        for folder in made:
            folder.rmdir()
