"""What processes of one user share of an account: its token for Copilot's API, under one lock, in one 0600 file.

The file is named after a hash of GitHub's token, so that another sign-in never meets the old one's token. The lock is
a file lock: it serves tasks, threads, event loops and processes alike, and the system frees it when its holder dies.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from headroom_wrap import paths
from headroom_wrap.auth.storage import write_whole
from headroom_wrap.auth.token_class import Way
from headroom_wrap.errors import Code, HeadroomError

LOCK_TIMEOUT_S = 90.0
"""Longer than a renewal with all its attempts takes."""

_LOOK_EVERY_S = 0.02
_HASH_CHARS = 16


@dataclass(frozen=True, slots=True)
class Shared:
    """An account's state. Times are Unix time.

    Attributes:
        way: which way its token reached the API the last time.
        api: the API's host as GitHub named it; may be empty.
        token: what calls carry; empty if there is none yet.
        refresh_at, expires_at: of that token.
        not_before: GitHub asked to be left alone until then.
        login: the account's name; may be empty.
    """

    way: Way
    api: str = ""
    token: str = field(default="", repr=False)
    refresh_at: float = 0.0
    expires_at: float = 0.0
    not_before: float = 0.0
    login: str = ""


def file_of(folder: Path, domain: str, token: str) -> Path:
    """Where the state of an account is."""
    name = hashlib.sha256(f"{domain}\0{token}".encode()).hexdigest()[:_HASH_CHARS]
    return folder / f"copilot-{name}.json"


def read(file: Path) -> Shared | None:
    """The state, or None if there is none that can be read: then it is made anew."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        times = {name: float(found[name]) for name in ("refresh_at", "expires_at", "not_before")}
        return Shared(Way(found["way"]), str(found["api"]), str(found["token"]), login=str(found["login"]), **times)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write(file: Path, state: Shared) -> None:
    """Keep the state.

    Raises:
        HeadroomError: `AUTH_FAILED` where that is not possible.
    """
    try:
        write_whole(file, json.dumps(asdict(state)))
    except OSError as error:
        hint = f"Set {paths.HOME_VARIABLE} to a folder that can be written."
        raise HeadroomError(Code.AUTH_FAILED, f"{file} cannot be written: {error.strerror}.", hint) from None


def forget(folder: Path) -> None:
    """Remove the state of every account."""
    for file in folder.glob("copilot-*.json"):
        file.unlink(missing_ok=True)


@asynccontextmanager
async def locked(folder: Path, *, waits: bool = True) -> AsyncIterator[bool]:
    """Hold the lock; gives False where it is taken and `waits` is off.

    Raises:
        HeadroomError: `AUTH_FAILED` where another process holds it for too long.
    """
    paths.make_private_dir(folder)
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + LOCK_TIMEOUT_S
        while not (is_ours := _take(descriptor)) and waits:
            if time.monotonic() > deadline:
                message = "Another process has been renewing the token for Copilot for too long."
                raise HeadroomError(Code.AUTH_FAILED, message, "Send the request again, or end that process.")
            await asyncio.sleep(_LOOK_EVERY_S)
        yield is_ours
    finally:
        os.close(descriptor)


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
