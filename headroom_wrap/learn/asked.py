"""What a session says that is worth remembering: what the user asks to remember, corrections, commands that worked.

Rather too little. What the agent has saved itself in the same turn is not saved a second time in other words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from headroom_wrap.learn.events import Call, Event, Outcome, Said, Session
from headroom_wrap.learn.findings import FindingKind
from headroom_wrap.learn.miner import mine
from headroom_wrap.memory.gather import Gathered, remembered
from headroom_wrap.store import Kind

_SAVING = re.compile(r"(?:^|[^a-z])memory_(?:save|update)$")
_KINDS: Mapping[FindingKind, Kind] = MappingProxyType(
    {
        FindingKind.COMMAND: Kind.COMMAND,
        FindingKind.ENVIRONMENT: Kind.ENVIRONMENT,
        FindingKind.USER: Kind.CORRECTION,
    }
)
"""What the miner finds that is a fact of the project; the rest is for `headroom learn`."""
_SURE = 0.8


def asked(session: Session, since: float) -> Iterator[Gathered]:
    """What the user asks to remember from `since` (unix seconds) on."""
    for said in _said(session, since):
        if not _has_saved(session.events, said.turn):
            yield from remembered(said.text)


def shown(session: Session, since: float) -> Iterator[Gathered]:
    """How the user corrects the agent, and what worked in place of commands that failed for how they were called."""
    saved = [" ".join(said.text.split()) for said in _said(session, since) if _has_saved(session.events, said.turn)]
    for each in mine(session):
        is_new = (each.at or session.started) >= since
        is_saved = each.kind is FindingKind.USER and any(each.quote in text for text in saved)
        if each.kind in _KINDS and each.weight >= _SURE and is_new and not is_saved:
            yield Gathered(each.text, _KINDS[each.kind], each.quote)


def _said(session: Session, since: float) -> Iterator[Said]:
    return (event for event in session.events if isinstance(event, Said) and _is_new(event, session, since))


def _is_new(event: Event, session: Session, since: float) -> bool:
    """A transcript without times counts by when its session began."""
    return (event.at or session.started) >= since


def _has_saved(events: Sequence[Event], turn: int) -> bool:
    return any(
        isinstance(event, Call) and event.turn == turn and event.outcome is Outcome.OK and _SAVING.search(event.tool)
        for event in events
    )
