"""What a session says that is worth remembering: what the user asks to remember, corrections, commands that worked.

Rather too little. What the agent has saved itself in the same turn is not saved a second time in other words.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from headroom_wrap.learn.events import Call, Event, Outcome, Said, Session, ToolKind
from headroom_wrap.memory.gather import Gathered, corrected, remembered
from headroom_wrap.memory.secrets import redacted
from headroom_wrap.store import Kind

_SAVING = re.compile(r"(?:^|[^a-z])memory_(?:save|update)$")
_MAX_COMMAND_CHARS = 160
_MAX_QUOTE_CHARS = 200
_MIN_SHARED = 0.5
_USAGE = re.compile(
    r"command not found|: not found$|no module named|unrecogni[sz]ed (?:option|argument|command)"
    r"|unknown (?:option|flag|command)|missing script|unexpected argument|invalid (?:option|choice|argument)"
    r"|no such (?:file|command|option|target)|no rule to make target|is not a \S+ command|can't open file",
    re.IGNORECASE | re.MULTILINE,
)
"""How a command says that it was not called as it must be; other failures are no lesson on the command."""
_LOOKING = frozenset("cat cd file find grep head less ls rg sed stat tail test wc which".split())
"""That these looked for the wrong thing first is no lesson either."""
_UNSTABLE = re.compile(r"/tmp/|/var/folders/|<<|\n|\d{5,}")  # noqa: S108 - a pattern, no file


def asked(session: Session, since: float) -> Iterator[Gathered]:
    """What the user asks to remember from `since` (unix seconds) on."""
    for said in _said(session, since):
        if not _has_saved(session.events, said.turn):
            yield from remembered(said.text)


def shown(session: Session, since: float) -> Iterator[Gathered]:
    """How the user corrects the agent, and which command worked after another spelling of it had failed."""
    for said in _said(session, since):
        if not _has_saved(session.events, said.turn):
            yield from corrected(said.text)
    calls = [event for event in session.events if isinstance(event, Call) and _is_new(event, session, since)]
    for failed, worked in itertools.pairwise(calls):
        if failed.turn == worked.turn and (found := _lesson(failed, worked)) is not None:
            yield found


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


def _lesson(failed: Call, worked: Call) -> Gathered | None:
    before, after = failed.command.strip(), worked.command.strip()
    if failed.kind is not ToolKind.SHELL or worked.kind is not ToolKind.SHELL or before == after:
        return None
    if failed.outcome is not Outcome.FAILED or worked.outcome is not Outcome.OK or failed.cwd != worked.cwd:
        return None
    quote = _quote(failed.text)
    if not quote or not _is_variant(before, after):
        return None
    return Gathered(f"Run `{after}`, not `{before}`: {quote}", Kind.COMMAND, f"`{before}` failed: {quote}")


def _quote(text: str) -> str:
    line = next((line.strip() for line in text.splitlines() if _USAGE.search(line)), "")
    return redacted(line)[:_MAX_QUOTE_CHARS]


def _is_variant(before: str, after: str) -> bool:
    """Whether the second command is the first one, called another way."""
    if not before or not after or max(len(before), len(after)) > _MAX_COMMAND_CHARS:
        return False
    if after.split(maxsplit=1)[0] in _LOOKING or _UNSTABLE.search(before) or _UNSTABLE.search(after):
        return False
    ours, theirs = set(after.split()), set(before.split())
    return len(ours & theirs) >= _MIN_SHARED * min(len(ours), len(theirs))
