"""What a session gives its agent of the project's memory: notes at the start of a conversation, and tools.

A conversation keeps what it began with: else the provider's cache would miss the whole of it when it is taken up
again. So each brief is noted before it is given, with the time from which on it holds.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from headroom_wrap import paths
from headroom_wrap.agents import Shared
from headroom_wrap.errors import HeadroomError
from headroom_wrap.memory import Memory, project_of, projects
from headroom_wrap.memory.documents import said_in
from headroom_wrap.store import Brief, Scope, Store
from headroom_wrap.wrap.plan import Launch

_FOLDER = "briefs"
_HASH_LENGTH = 16
_STAYS_WITHOUT = "this conversation began without the memory and stays without it; a new one gets it."


@dataclass(frozen=True, slots=True)
class Sharing:
    """What is given; `note` is a sentence for the user, or empty."""

    shared: Shared | None = None
    note: str = ""


def share(launch: Launch, now: float, *, is_dry: bool = False) -> Sharing:
    """Find what this launch is given, and note it: what cannot be noted is not given.

    Args:
        launch: what the user asked for.
        now: unix seconds, before the agent starts.
        is_dry: only find it; nothing is written.
    """
    file, scope, agent = paths.store_file(launch.data), scope_of(launch), launch.agent.name
    mode = launch.settings.memory
    try:
        if is_dry and not file.exists():
            return Sharing()
        store = Store(file, read_only=is_dry)
        try:
            began = launch.agent.began(launch.context)
            given = _given(launch, store, now, began)
            if began is None and not is_dry:
                store.briefs.give(scope, agent, given)
                sweep(launch.data, store.briefs.texts())
            earlier = tuple((each.at, each.text) for each in store.briefs.every(scope, agent))
        finally:
            store.close()
    except HeadroomError as error:
        return Sharing(note="" if mode == "off" else f"this session goes without the memory: {error}")
    if not given.has_tools:
        return Sharing(note=_STAYS_WITHOUT if mode == "on" else "")
    folder = folder_of(launch.data, given.text)
    project, embeddings = project_of(launch.context.cwd), launch.settings.embeddings
    return Sharing(Shared(project, agent, given.text, folder, earlier, embeddings))


def scope_of(launch: Launch) -> Scope:
    """Whose facts a launch shares."""
    return projects.scope_of(launch.context.cwd)


def folder_of(data: Path, text: str) -> Path:
    """Where a brief stands in a file: the same place for the same text."""
    return data / _FOLDER / hashlib.sha256(text.encode()).hexdigest()[:_HASH_LENGTH]


def write(file: Path, text: str) -> None:
    """Write a file in such a folder, unless it stands there: another session's agent may be reading it."""
    paths.make_private_dir(file.parent.parent)
    paths.make_private_dir(file.parent)
    if not file.is_file() or file.read_bytes() != text.encode():
        paths.write_private(file, text)


def sweep(data: Path, texts: Collection[str]) -> None:
    """Remove the files of briefs that are not among `texts`."""
    kept = {folder_of(data, text).name for text in texts}
    with contextlib.suppress(OSError):
        for folder in (data / _FOLDER).iterdir():
            if folder.name not in kept:
                shutil.rmtree(folder, ignore_errors=True)


def _given(launch: Launch, store: Store, now: float, began: float | None) -> Brief:
    mode = launch.settings.memory
    nothing = Brief(now, has_tools=False, text="")
    if mode == "off":
        return nothing
    if began is not None:
        return store.briefs.given(scope_of(launch), launch.agent.name, began) or nothing
    memory = Memory(store, scope_of(launch))
    if mode == "auto" and not memory.facts(1):
        return nothing
    return Brief(now, has_tools=True, text=memory.brief(said_in(launch.agent.instructions(launch.context))))
