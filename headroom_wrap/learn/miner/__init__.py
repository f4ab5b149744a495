"""Finds in sessions what failed for a reason that is no part of the task, and what then worked; without a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from headroom_wrap.learn.events import Session
from headroom_wrap.learn.findings import FindingKind, Sighting
from headroom_wrap.learn.miner import (
    commands,
    contradictions,
    edits,
    loops,
    outputs,
    paths,
    timeouts,
    users,
)
from headroom_wrap.learn.miner.merging import merge
from headroom_wrap.learn.miner.trace import Trace
from headroom_wrap.learn.redaction import is_clean, redact

__all__ = ["MINERS", "VERSION", "merge", "mine"]

VERSION = "4"
"""Of what `mine` finds: raised with every change of it, so that every transcript is read again."""

_MAX_QUOTE_CHARS = 200

MINERS: Mapping[str, Callable[[Trace], Iterator[Sighting]]] = {
    "commands": commands.mine,
    "paths": paths.mine,
    "edits": edits.mine,
    "loops": loops.mine,
    "timeouts": timeouts.mine,
    "users": users.mine,
    "outputs": outputs.mine,
    "contradictions": contradictions.mine,
}
"""One for each kind of finding, and one for what speaks against findings."""


def mine(session: Session) -> list[Sighting]:
    """The sightings of one session, in the order of `MINERS`; pure.

    Nothing that looks like a credential is in them: a quote loses it, and a correction that needs it is dropped. A
    sighting of weight 0 contradicts a finding of its subject.
    """
    trace = Trace(session)
    found = [sighting for miner in MINERS.values() for sighting in miner(trace)]
    kept = [each for each in found if is_clean(f"{each.text}\n{each.subject}")]
    told = {each.quote for each in kept if each.kind is not FindingKind.LOOP}
    kept = [each for each in kept if each.kind is not FindingKind.LOOP or each.quote not in told]
    return [replace(each, quote=redact(each.quote)[:_MAX_QUOTE_CHARS]) if each.quote else each for each in kept]
