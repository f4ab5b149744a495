"""From what agents did to what is to be learned from it: sightings of each session, merged into findings.

Deterministic, and without a model. A failure that belongs to the task, as a red test that is being fixed, is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from headroom_wrap.learn.events import Session
from headroom_wrap.learn.findings import Sighting
from headroom_wrap.learn.miner import commands, edits, paths, users
from headroom_wrap.learn.miner.merging import merge
from headroom_wrap.learn.miner.trail import Trail
from headroom_wrap.learn.redaction import cleaned

__all__ = ["MINERS", "VERSION", "merge", "mine"]

VERSION = "1"
"""Of what `mine` finds: another one means that all is mined again."""

MINERS: Mapping[str, Callable[[Trail], Iterator[Sighting]]] = {
    "commands": commands.mine,
    "paths": paths.mine,
    "edits": edits.mine,
    "users": users.mine,
}


def mine(session: Session) -> list[Sighting]:
    """What a session shows, without secrets: one of a subject, in the order of their times."""
    trail = Trail(session)
    found: dict[tuple[str, str], Sighting] = {}
    for miner in MINERS.values():
        for sighting in miner(trail):
            clean = cleaned(sighting)
            if clean is not None:
                found.setdefault((clean.kind.value, clean.subject), clean)
    return list(found.values())
