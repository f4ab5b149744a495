"""A file replaced as a whole: a neighbour is written, flushed to the disk, and renamed over it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

Step = Callable[[str], None]


def no_step(_name: str) -> None:
    """Nothing happens between two steps, except in tests."""


def replace(target: Path, data: bytes, mode: int | None, temporary: Path, step: Step = no_step) -> None:
    """Make `data` the content of `target`; its owner stays, where we may say so.

    Args:
        target: without symbolic links in its path.
        data: the new content.
        mode: the permissions; None: as the user's umask says.
        temporary: the neighbour.
        step: called with the name of each step before it is taken; what it raises leaves the target as it was.

    Raises:
        OSError: the target is as it was.
    """
    step("write neighbour")
    temporary.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    descriptor = os.open(temporary, flags, 0o666 if mode is None else 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        _keep_owner(target, descriptor)
        if mode is not None:
            os.fchmod(descriptor, mode)
        os.fsync(descriptor)
    step("rename")
    temporary.replace(target)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Flush what was renamed in a folder to the disk."""
    directory = os.open(folder, os.O_RDONLY)
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
