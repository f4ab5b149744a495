"""Sightings of all sessions of a project, made to findings: how sure each is, and when it lapses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from headroom_wrap.learn.findings import Finding, FindingKind, Sighting

_DAY_S = 86_400.0
_KEPT_DAYS, _MAX_KEPT_DAYS = 30, 180
_DAYS_WHEN_CONTRADICTED = 7
_SHARE = 0.65
"""How sure one session of weight 1 makes: the rest stays in doubt, and each further session leaves 0.35 of it."""
_MAX_CONFIDENCE = 0.98
_PER_CONTRADICTION = 0.5


def merge(sightings: Iterable[Sighting], now: float) -> list[Finding]:
    """The findings of one project, the surest first.

    A sighting of weight 0 contradicts: what is said to fail worked. It counts where it was made after all others.
    """
    groups: dict[tuple[FindingKind, str], list[Sighting]] = defaultdict(list)
    for each in sightings:
        groups[each.kind, each.subject].append(each)
    found = [finding for (kind, subject), group in groups.items() if (finding := _finding(kind, subject, group, now))]
    return sorted(found, key=lambda each: (-each.confidence, -each.tokens_lost, each.kind.value, each.subject))


def _finding(kind: FindingKind, subject: str, group: Sequence[Sighting], now: float) -> Finding | None:
    ordered = sorted(group, key=lambda each: (each.at, each.agent, each.session, each.text, each.quote))
    made = tuple(each for each in ordered if each.weight > 0)
    if not made:
        return None
    last = max(each.at for each in made)
    weights: dict[tuple[str, str], float] = defaultdict(float)
    for each in made:
        weights[each.agent, each.session] = max(weights[each.agent, each.session], each.weight)
    doubt = 1.0
    for weight in weights.values():
        doubt *= 1 - _SHARE * weight
    against = {(each.agent, each.session): each.at for each in ordered if each.weight <= 0 and each.at > last}
    confidence = min(1 - doubt, _MAX_CONFIDENCE) * _PER_CONTRADICTION ** len(against)
    days = min(_KEPT_DAYS * len(weights), _MAX_KEPT_DAYS)
    expires = (last or now) + days * _DAY_S
    if against:
        expires = min(expires, min(against.values()) + _DAYS_WHEN_CONTRADICTED * _DAY_S)
    return Finding(kind, subject, made[-1].text, made, round(confidence, 4), expires)
