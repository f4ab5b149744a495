"""Which project a folder belongs to: the root of its Git repository, shared by worktrees and subfolders."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

from headroom_wrap.store import Scope

_MAX_POINTER_BYTES = 4096


def project_of(folder: Path) -> Path:
    """The root of the repository that holds `folder`; the folder itself where there is none.

    A worktree belongs to the main one. Git's files are read, Git is not run (gitrepository-layout(5)). A pointer that
    the repository does not confirm is not followed: else a folder could claim to be part of another project.
    """
    folder = folder.expanduser().resolve()
    for place in (folder, *folder.parents):
        git = place / ".git"
        if (git / "HEAD").is_file():
            return place
        if git.is_file():
            return _main_of(git) or place
    return folder


def user_name() -> str:
    """The user whose facts are meant; by number where the system has no name for them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def scope_of(folder: Path) -> Scope:
    """Whose facts are meant in a folder: those of its project and of this user."""
    return Scope(str(project_of(folder)), user_name())


def _main_of(pointer: Path) -> Path | None:
    """The root of the repository of which `pointer` is a worktree; None for a submodule, or if it does not say so."""
    target = _line(pointer).removeprefix("gitdir:").strip()
    if not target or "\0" in target:
        return None
    private = (pointer.parent / target).resolve()
    common, back = _line(private / "commondir"), _line(private / "gitdir")
    if not common or not back or "\0" in common + back or (private / back).resolve() != pointer.resolve():
        return None
    shared = (private / common).resolve()
    return shared.parent if shared.name == ".git" else shared


def _line(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return opened.read(_MAX_POINTER_BYTES).decode("utf-8", "surrogateescape").strip()
    except OSError:
        return ""
