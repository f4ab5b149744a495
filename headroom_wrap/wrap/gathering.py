"""What is remembered of a session when it is over: read from the transcripts that its agent wrote in the meantime.

What the user asked to remember is kept always, unless the memory is off; corrections and commands where the session
shared the memory. Takes two seconds at most, and costs a session neither its figures nor its exit code.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from headroom_wrap import paths, tokens
from headroom_wrap.errors import HeadroomError
from headroom_wrap.mcp.notes import MEMORY_TOOLS
from headroom_wrap.memory import Memory, project_of
from headroom_wrap.memory.gather import Gathered
from headroom_wrap.store import Fact, Relation, Store
from headroom_wrap.wrap import summary
from headroom_wrap.wrap.plan import Launch, Start
from headroom_wrap.wrap.sharing import scope_of

LIMIT_S = 2.0
_MAX_BYTES = 32 * 1024 * 1024
"""Of one transcript: a longer one is not read in the time that there is."""
_SLACK_S = 1.0
"""File systems keep times more coarsely than clocks do."""
_MAX_SAVED = 200
_NEW = frozenset({Relation.DISTINCT, Relation.LINKED, Relation.EXTENDS, Relation.CONTRADICTS})


def told(launch: Launch, session: str, start: Start, n_requests: int, gathered: Sequence[Fact]) -> str:
    """A line on what the memory cost this session and what it got from it; empty where there is nothing to tell.

    Raises:
        HeadroomError: `STORE_FAILED`.
    """
    store = Store(paths.store_file(launch.data), read_only=True)
    try:
        newest = store.facts.active(scope_of(launch), _MAX_SAVED)
    finally:
        store.close()
    own = [fact.id for fact in newest if fact.session == session and fact not in gathered]
    return summary.describe_memory(
        n_notes=tokens.count(start.brief) if start.brief else 0,
        n_tools=_tool_tokens() if start.has_memory_tools else 0,
        n_requests=n_requests,
        saved=(*own, *(fact.id for fact in gathered)),
    )


def _tool_tokens() -> int:
    return tokens.count(json.dumps([tool.listed() for tool in MEMORY_TOOLS]))


def gather(launch: Launch, session: str, since: float, *, is_shared: bool, limit_s: float = LIMIT_S) -> list[Fact]:
    """Read and remember; gives the facts that are new.

    Args:
        launch: what the user asked for.
        session: our id of the session, kept with the facts.
        since: when it began, unix seconds.
        is_shared: whether it shared the memory.
        limit_s: how long this may take; what is not done then is left.
    """
    if launch.settings.memory == "off":
        return []
    saved: list[Fact] = []
    end_s = time.monotonic() + limit_s

    def work() -> None:
        memory: Memory | None = None
        with contextlib.suppress(HeadroomError, OSError, ValueError), contextlib.ExitStack() as at_end:
            for found in _found(launch, since, is_shared=is_shared, end_s=end_s):
                if memory is None:
                    store = Store(paths.store_file(launch.data))
                    at_end.callback(store.close)
                    memory = Memory(store, scope_of(launch))
                _save(memory, launch.agent.name, session, found, saved)

    # A thread, for a transcript or a locked store cannot be told to hurry.
    thread = threading.Thread(target=work, name="headroom-gather", daemon=True)
    thread.start()
    thread.join(limit_s)
    return list(saved)


def _found(launch: Launch, since: float, *, is_shared: bool, end_s: float) -> Iterator[Gathered]:
    # Imported here, when the agent has ended: nothing before needs them.
    from headroom_wrap.learn import asked  # noqa: PLC0415
    from headroom_wrap.learn.readers import READERS  # noqa: PLC0415
    from headroom_wrap.learn.readers.reader import stamp_of  # noqa: PLC0415

    def is_changed(file: Path) -> bool:
        size, mtime_ns = stamp_of(file)
        return mtime_ns >= (since - _SLACK_S) * 1e9 and 0 < size <= _MAX_BYTES

    # With `learn` all that the transcripts show is looked for anyway, when the session is over.
    is_shown = is_shared and not launch.settings.learn
    for note in launch.agent.own_notes(launch.context) if is_shared else ():
        if is_changed(note.file):
            yield Gathered(note.text, note.kind, note.evidence)
    reader = READERS.get(launch.agent.name)
    project = project_of(launch.context.cwd)
    for file in [] if reader is None else reader.files(launch.context):
        if time.monotonic() > end_s:
            return
        if reader is None or not is_changed(file):
            continue
        for told in reader.read(file):
            if launch.agent.works_elsewhere or told.project in (None, project):
                yield from asked.asked(told, since)
                yield from asked.shown(told, since) if is_shown else ()


def _save(memory: Memory, agent: str, session: str, found: Gathered, saved: list[Fact]) -> None:
    """Save one fact; one that holds a secret, or that cannot be one, is passed over."""
    with contextlib.suppress(HeadroomError):
        kept = memory.save(found.text, found.kind, agent=agent, session=session, evidence=found.evidence)
        if kept.relation in _NEW:
            saved.append(kept.fact)
