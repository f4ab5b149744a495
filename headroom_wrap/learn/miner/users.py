"""What the user corrected."""

from __future__ import annotations

from collections.abc import Iterator

from headroom_wrap.learn.events import Call, Outcome, Said
from headroom_wrap.learn.findings import FindingKind, Sighting
from headroom_wrap.learn.miner.trail import Trail
from headroom_wrap.memory.gather import corrected

_MAX_CHARS = 2000
_WEIGHT = 0.6


def mine(trail: Trail) -> Iterator[Sighting]:
    """Corrections in the user's words, behind something that the agent did."""
    steps = {id(step.call): step for step in trail.steps}
    since = []
    for event in trail.session.events:
        if isinstance(event, Call):
            since.append(steps[id(event)])
            continue
        if isinstance(event, Said) and since and len(event.text) <= _MAX_CHARS:
            for fact in corrected(event.text):
                failed = [step for step in since if step.call.outcome in (Outcome.FAILED, Outcome.DENIED)]
                text = fact.text if fact.text.endswith((".", "!")) else f"{fact.text}."
                yield trail.sighting(
                    FindingKind.USER, fact.text.casefold(), text, failed or since[-1:], fact.evidence, _WEIGHT
                )
        since = []
