"""Twelve secrets that every end-to-end test carries, and where they may be found when it is over."""

from __future__ import annotations

import contextlib
import math
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from headroom_wrap import paths, zstd
from headroom_wrap.errors import HeadroomError
from headroom_wrap.store import Store
from headroom_wrap.store.retention import Cut

HEADERS = {name: f"canary-{name}-3b7e19d2f4" for name in ("team", "cookie", "organization", "project")}
ENVIRONMENT = {name: f"canary-{name}-a41c60e8d5" for name in ("npm", "gitlab", "database", "sentry")}
BODIES = {name: f"canary-{name}-90d6b2f7ac" for name in ("batch", "error", "source", "instructions")}

VARIABLES = {
    "ANTHROPIC_CUSTOM_HEADERS": f"x-team: {HEADERS['team']}\ncookie: session={HEADERS['cookie']}",
    "OPENAI_ORGANIZATION": HEADERS["organization"],
    "OPENAI_PROJECT": HEADERS["project"],
    "NPM_TOKEN": ENVIRONMENT["npm"],
    "GITLAB_TOKEN": ENVIRONMENT["gitlab"],
    "DATABASE_PASSWORD": ENVIRONMENT["database"],
    "SENTRY_AUTH_TOKEN": ENVIRONMENT["sentry"],
}
"""Those of headers as the agents are told to send them; no agent that is tested takes one of the others for its own."""
_INSTRUCTIONS = (".claude/CLAUDE.md", ".codex/AGENTS.md", ".config/opencode/AGENTS.md")
FRAME = bytes.fromhex("28b52ffd")
"""How Zstandard's frames begin (RFC 8878, section 3.1.1)."""


def write_instructions(home: Path) -> None:
    """A secret that the agents themselves put into every body."""
    for name in _INSTRUCTIONS:
        file = home / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"The staging password is {BODIES['instructions']}.\n", encoding="utf-8")


def assert_nowhere_but_in_originals(data: Path, more: Iterable[str] = ()) -> None:
    """Secrets of headers and environment are in no file of ours; those of bodies in the private store, until a purge.

    Args:
        data: our data directory.
        more: further secrets of headers and environment.
    """
    nowhere = [*HEADERS.values(), *ENVIRONMENT.values(), *more]
    store_file = paths.store_file(data)
    for file, content in files_below(data):
        assert leaks(content, nowhere) == [], file
        if leaks(content, BODIES.values()):
            assert file.name.startswith(store_file.name), file
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    with contextlib.suppress(HeadroomError):  # a test's broken store
        store = Store(store_file)
        store.purge(Cut(math.inf, math.inf))
        store.close()
    for file, content in files_below(data):
        assert leaks(content, [*nowhere, *BODIES.values()]) == [], file


def files_below(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Each file with its bytes; one of a running session may go meanwhile."""
    for file in folder.rglob("*"):
        if file.is_file() and not file.is_symlink():
            with contextlib.suppress(FileNotFoundError):
                yield file, file.read_bytes()


def leaks(text: bytes | str, canaries: Iterable[str]) -> list[str]:
    """The canaries in a text."""
    data = text.encode() if isinstance(text, str) else text
    return [canary for canary in canaries if canary.encode() in data]


def opened(value: bytes) -> bytes:
    """A value of the store, decompressed where it is a frame."""
    return zstd.decompress(value) if value.startswith(FRAME) else value
